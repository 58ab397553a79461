/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings made to show what their devices are now.
 *
 * What a mapping should show changes with its device, which may be disabled, and with its
 * own borders: a unit that is not whole can't be touched. The list says what the program
 * has mapped; here the kernel's mappings are made to fit it.
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
 * shim_refresh_is_reachable() - tell whether a unit of a mapping can be touched first now
 * @vma:	the mapping
 *
 * Not if the mapping's ends are off the align, and not if huge pages are forbidden where
 * there are only huge ones (mm/huge_memory.c: hugepage_vma_check()).
 *
 * Return: true if it can.
 */
bool shim_refresh_is_reachable(const struct dax_vma *vma)
{
	if (dax_vma_is_broken(vma))
		return false;
	return vma->align == DAX_PAGE ||
	       !(shim_session_thp_disabled || vma->flags & DAX_VMA_NOHUGEPAGE);
}

/* What madvise has said of a mapping, once more for what is mapped in its place. */
static void advise_again(const struct dax_vma *vma, uint64_t start, uint64_t len)
{
	if (vma->flags & DAX_VMA_DONTFORK)
		sys3(madvise, start, len, MADV_DONTFORK);
	if (vma->flags & DAX_VMA_DONTDUMP)
		sys3(madvise, start, len, MADV_DONTDUMP);
}

/*
 * Maps a device in place of what was not touched of a mapping. Units that were touched,
 * and are whole, stay.
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
 * shim_refresh_drop_untouched_locked() - leave of a mapping only what was touched
 * @vma:		a mapping that is not reachable
 * @start, @end:	the part to look at
 *
 * Units that were touched before stay, if they are whole; an access to all others is
 * SIGBUS. Async-signal-safe.
 */
void shim_refresh_drop_untouched_locked(const struct dax_vma *vma, uint64_t start,
					uint64_t end)
{
	static const struct dax_device nothing = {.align = DAX_PAGE};

	remap_untouched(vma, &nothing, -1, start, end);
}

/*
 * The device of a mapping as it is now for this one, and what to map it from: nothing,
 * if it is disabled or gone. Return: false if the descriptor can't be had.
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
 * shim_refresh_locked() - map again all of a mapping, as its device is now
 * @vma:	an entry of the list
 *
 * All of it is a hole if its device is disabled or gone. If the descriptor of the backing
 * store can't be had, the mapping stays as it is. Async-signal-safe.
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

/* Finds the first of the mappings in a range and beside it. */
static uint32_t first_near_locked(uint64_t start)
{
	return dax_vmas_find(&shim_vmas, start - 1);
}

/**
 * shim_refresh_is_off_align_locked() - tell whether a change may break mappings
 * @start, @end:	the range that changes
 *
 * Return: true if the border of a mapping may come to be off the align, or is; then
 * shim_refresh_range_locked() must follow the change. Rare.
 */
bool shim_refresh_is_off_align_locked(uint64_t start, uint64_t end)
{
	uint32_t i;

	for (i = first_near_locked(start);
	     i < shim_vmas.nr && shim_vmas.v[i].start <= end; i++)
		if (dax_vma_is_broken(&shim_vmas.v[i]) ||
		    (start | end) & (shim_vmas.v[i].align - 1))
			return true;
	return false;
}

/**
 * shim_refresh_range_locked() - map again what the borders of mappings have changed
 * @start, @end:	the range that was changed
 *
 * Units that were touched, and are whole, stay. Async-signal-safe.
 */
void shim_refresh_range_locked(uint64_t start, uint64_t end)
{
	uint32_t i;

	for (i = first_near_locked(start);
	     i < shim_vmas.nr && shim_vmas.v[i].start <= end; i++) {
		const struct dax_vma *vma = &shim_vmas.v[i];
		struct dax_device dev;
		int backing;

		if (device_of(vma, &dev, &backing))
			remap_untouched(vma, &dev, backing, vma->start, vma->end);
	}
}

/**
 * shim_refresh_part_locked() - map again a part of a mapping, as its device is now
 * @vma:	an entry of the list
 * @off, @end:	the part, as offsets in the device
 *
 * The rest of the mapping is not touched. Async-signal-safe.
 */
void shim_refresh_part_locked(const struct dax_vma *vma, uint64_t off, uint64_t end)
{
	struct dax_device dev;
	struct shim_map_plan map = {.dev = &dev,
				    .addr = vma->start + (off - vma->off),
				    .len = end - off,
				    .off = off,
				    .prot = (int)(vma->flags & DAX_VMA_PROT)};

	/* Without the descriptor there are at least the holes. */
	device_of(vma, &dev, &map.backing);
	shim_map_plan_over(&map);
	advise_again(vma, map.addr, map.len);
}

/**
 * shim_refresh_remove_locked() - take a range out of the list, and refresh the rest
 * @addr:	first byte
 * @len:	bytes
 *
 * shim_maps_has_room_locked() was true. Async-signal-safe.
 */
void shim_refresh_remove_locked(uint64_t addr, uint64_t len)
{
	const bool is_off_align = shim_refresh_is_off_align_locked(addr, addr + len);

	dax_vmas_remove(&shim_vmas, addr, addr + len);
	shim_maps_changed_locked();
	if (unlikely(is_off_align))
		shim_refresh_range_locked(addr, addr + len);
}

/**
 * shim_refresh_set_thp_disabled() - follow prctl(PR_SET_THP_DISABLE)
 * @is_disabled:	what the program has set
 *
 * Memory that was not touched can only be touched with huge pages, so not at all. Takes
 * the lock. Async-signal-safe.
 */
void shim_refresh_set_thp_disabled(bool is_disabled)
{
	uint64_t mask;
	uint32_t i;

	shim_session_thp_disabled = is_disabled;
	if (!shim_maps_touch(0, UINT64_MAX) || !shim_lock_masked(&mask))
		return;
	for (i = 0; i < shim_vmas.nr; i++) {
		const struct dax_vma *vma = &shim_vmas.v[i];

		if (shim_refresh_is_reachable(vma))
			shim_refresh_locked(vma);
		else
			shim_refresh_drop_untouched_locked(vma, vma->start, vma->end);
	}
	shim_unlock_masked(mask);
}
