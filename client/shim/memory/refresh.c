/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refresh mappings: map them again so that they show the present state of their devices.
 *
 * A mapping must change with its device, which may be disabled, and with its own borders:
 * a unit that lies in it only in part cannot be touched. The list holds what the program
 * has mapped; this file makes the real mappings agree with it.
 */
#include "client/shim/memory/refresh.h"

#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/size.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/map_plan.h"
#include "client/shim/memory/pagemap.h"

/**
 * shim_refresh_is_reachable() - tell whether untouched units of a mapping can be touched
 * @vma:	the mapping
 *
 * They cannot if an end of the mapping is off the align, or if huge pages are forbidden
 * and the align is larger than a page (mm/huge_memory.c: hugepage_vma_check()).
 * Async-signal-safe.
 *
 * Return: true if they can.
 */
bool shim_refresh_is_reachable(const struct dax_vma *vma)
{
	if (dax_vma_is_broken(vma))
		return false;
	return vma->align == DAX_PAGE ||
	       !(shim_session_thp_disabled || vma->flags & DAX_VMA_NO_HUGE);
}

/* Repeats the program's madvise call on memory that was mapped again. */
static void advise_again(const struct dax_vma *vma, uint64_t start, uint64_t len)
{
	if (vma->flags & DAX_VMA_DONTFORK)
		sys3(madvise, start, len, MADV_DONTFORK);
}

/*
 * Maps the untouched units of a part of a mapping again, from @dev. Touched units that
 * lie entirely in the part stay as they are.
 */
static void remap_untouched(const struct dax_vma *vma, const struct dax_device *dev,
			    int backing, uint64_t start, uint64_t end)
{
	struct shim_map_plan map = {.dev = dev,
				    .prot = (int)(vma->flags & DAX_VMA_PROT),
				    .flags = MAP_FIXED,
				    .backing = backing};
	int pagemap = shim_pagemap_open();
	uint64_t addr;
	uint64_t next;

	for (addr = start; addr < end; addr = next) {
		next = dax_min(dax_round_down(addr, vma->align) + vma->align, end);
		if (next - addr == vma->align && pagemap >= 0 &&
		    shim_pagemap_is_present(pagemap, addr, next - addr))
			continue;
		map.addr = addr;
		map.len = next - addr;
		map.off = vma->off + (addr - vma->start);
		shim_map_plan(&map);
		advise_again(vma, addr, next - addr);
	}
	if (pagemap >= 0)
		sys1(close, pagemap);
}

/**
 * shim_refresh_drop_untouched_locked() - make holes of the untouched units of a mapping
 * @vma:		a mapping that is not reachable
 * @start, @end:	the part of it
 *
 * Touched units that lie entirely in the part stay; an access to any other is SIGBUS.
 * Async-signal-safe.
 */
void shim_refresh_drop_untouched_locked(const struct dax_vma *vma, uint64_t start,
					uint64_t end)
{
	static const struct dax_device nothing = {.align = DAX_PAGE};

	remap_untouched(vma, &nothing, -1, start, end);
}

/**
 * shim_refresh_make_hole_locked() - make a hole of a part of a mapping, touched or not
 * @vma:		the mapping
 * @start, @end:	the part of it; may be empty
 *
 * Every access to it is SIGBUS from then on. Async-signal-safe.
 */
void shim_refresh_make_hole_locked(const struct dax_vma *vma, uint64_t start,
				   uint64_t end)
{
	static const struct dax_device nothing = {.align = DAX_PAGE};
	const struct shim_map_plan map = {.dev = &nothing,
					  .addr = start,
					  .len = end - start,
					  .off = vma->off + (start - vma->start),
					  .prot = (int)(vma->flags & DAX_VMA_PROT),
					  .flags = MAP_FIXED,
					  .backing = -1};

	if (start >= end)
		return;
	shim_map_plan(&map);
	advise_again(vma, start, end - start);
}

/*
 * Gets the device of a mapping and the descriptor to map it from, or -1 if all of the
 * mapping must be a hole: then the device is not alive. Return: false if the descriptor
 * cannot be had.
 */
static bool device_of(const struct dax_vma *vma, struct dax_device *ret_dev,
		      int *ret_backing)
{
	const struct shim_session *s = shim_session_if_known();

	*ret_backing = -1;
	dax_state_read(s->state, vma->slot, ret_dev);
	if (ret_dev->life != vma->life || !shim_refresh_is_reachable(vma))
		ret_dev->flags &= ~(uint32_t)DAX_DEVICE_ALIVE;
	if (!dax_device_is_alive(ret_dev))
		return true;
	*ret_backing =
		shim_backing(s, vma->slot, ret_dev, vma->flags & DAX_VMA_MAYWRITE, -1);
	return *ret_backing >= 0;
}

/**
 * shim_refresh_locked() - map all of a mapping again, as its device is now
 * @vma:	an entry of the list
 *
 * All of it becomes a hole if its device is disabled or gone. If the descriptor of the
 * backing store cannot be had, the mapping stays as it is. Async-signal-safe.
 */
void shim_refresh_locked(const struct dax_vma *vma)
{
	struct dax_device dev;
	struct shim_map_plan map = {.dev = &dev,
				    .addr = vma->start,
				    .len = vma->end - vma->start,
				    .off = vma->off,
				    .prot = (int)(vma->flags & DAX_VMA_PROT),
				    .flags = MAP_FIXED};

	if (!device_of(vma, &dev, &map.backing))
		return;
	shim_map_plan(&map);
	advise_again(vma, map.addr, map.len);
}

/* Finds the first mapping that lies in a range starting at @start, or ends at @start. */
static const struct dax_vma *first_near_locked(uint64_t start)
{
	return dax_vmas_find(shim_vmas, start - 1);
}

/**
 * shim_refresh_is_off_align_locked() - tell whether a change affects off-align borders
 * @start, @end:	the range that changes
 *
 * Async-signal-safe.
 *
 * Return: true if the border of a mapping in the range or next to it is off the align, or
 * may be after the change; the caller must then call shim_refresh_range_locked() after
 * the change. Rare.
 */
bool shim_refresh_is_off_align_locked(uint64_t start, uint64_t end)
{
	const struct dax_vma *vma;

	for (vma = first_near_locked(start); vma && vma->start <= end;
	     vma = dax_vmas_next(shim_vmas, vma))
		if (dax_vma_is_broken(vma) || (start | end) & (vma->align - 1))
			return true;
	return false;
}

/**
 * shim_refresh_range_locked() - refresh mappings whose borders have changed
 * @start, @end:	the range that was changed
 *
 * Touched units that lie entirely in a mapping stay as they are. Async-signal-safe.
 */
void shim_refresh_range_locked(uint64_t start, uint64_t end)
{
	const struct dax_vma *vma;

	for (vma = first_near_locked(start); vma && vma->start <= end;
	     vma = dax_vmas_next(shim_vmas, vma)) {
		struct dax_device dev;
		int backing;

		if (device_of(vma, &dev, &backing))
			remap_untouched(vma, &dev, backing, vma->start, vma->end);
	}
}

/**
 * shim_refresh_part_locked() - map a part of a mapping again, as its device is now
 * @vma:	an entry of the list
 * @off, @end:	the part, as offsets in the device
 *
 * The rest of the mapping stays as it is. Async-signal-safe.
 */
void shim_refresh_part_locked(const struct dax_vma *vma, uint64_t off, uint64_t end)
{
	struct dax_device dev;
	struct shim_map_plan map = {.dev = &dev,
				    .addr = vma->start + (off - vma->off),
				    .len = end - off,
				    .off = off,
				    .prot = (int)(vma->flags & DAX_VMA_PROT)};

	/* If the descriptor cannot be had, make at least the holes. */
	device_of(vma, &dev, &map.backing);
	shim_map_plan_over(&map);
	advise_again(vma, map.addr, map.len);
}

/**
 * shim_refresh_remove_locked() - remove a range from the list, and refresh the rest
 * @addr:	first byte
 * @len:	bytes
 *
 * The caller must have called shim_maps_has_room_locked(). Async-signal-safe.
 */
void shim_refresh_remove_locked(uint64_t addr, uint64_t len)
{
	const bool is_off_align = shim_refresh_is_off_align_locked(addr, addr + len);

	dax_vmas_remove(shim_vmas, addr, addr + len);
	shim_maps_changed_locked();
	if (unlikely(is_off_align))
		shim_refresh_range_locked(addr, addr + len);
}

/**
 * shim_refresh_set_thp_disabled() - follow prctl(PR_SET_THP_DISABLE)
 * @is_disabled:	true if the program has disabled huge pages
 *
 * Untouched memory with an align larger than a page can then not be touched at all. Takes
 * the lock. Async-signal-safe.
 */
void shim_refresh_set_thp_disabled(bool is_disabled)
{
	uint64_t mask;
	const struct dax_vma *vma;

	shim_session_thp_disabled = is_disabled;
	if (!shim_maps_touch(0, UINT64_MAX) || !shim_lock_masked(&mask))
		return;
	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {

		if (shim_refresh_is_reachable(vma))
			shim_refresh_locked(vma);
		else
			shim_refresh_drop_untouched_locked(vma, vma->start, vma->end);
	}
	shim_unlock_masked(mask);
}
