/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do what mremap(2) and remap_file_pages(2) of dax mappings do.
 *
 * The kernel's own mremap cannot be used: one mapping of the program may consist of
 * several real ones. As it is shared memory, it can be moved by mapping it again
 * elsewhere.
 */
#include "client/shim/memory/mremap.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/fault.h"
#include "client/shim/memory/map_plan.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/refresh.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Unmaps a range and removes it from the list. */
static long unmap_locked(uint64_t addr, uint64_t len, struct dax_verdict *v)
{
	*v = shim_maps_unmap_verdict_locked(addr, len);
	if (v->error)
		return -v->error;
	if (!shim_maps_has_room_locked())
		return -ENOMEM;
	shim_refresh_remove_locked(addr, len);
	return sys2(munmap, addr, len);
}

static int backing_of(const struct dax_vma *vma, struct dax_device *ret_dev)
{
	const struct shim_session *s = shim_session_if_known();

	dax_state_read(s->state, vma->slot, ret_dev);
	if (ret_dev->life != vma->life)
		ret_dev->flags &= ~(uint32_t)DAX_DEVICE_ALIVE;
	if (!dax_device_is_alive(ret_dev))
		return 0; /* all of it is a hole: the descriptor is not used */
	return shim_backing(s, vma->slot, ret_dev, vma->flags & DAX_VMA_MAYWRITE, -1);
}

/* Makes the real mapping of @vma. @how: MAP_FIXED or MAP_FIXED_NOREPLACE. */
static long map_vma(const struct dax_vma *vma, int how)
{
	struct dax_device dev;
	const struct shim_map_plan map = {.dev = &dev,
					  .addr = vma->start,
					  .len = vma->end - vma->start,
					  .off = vma->off,
					  .prot = (int)(vma->flags & DAX_VMA_PROT),
					  .flags = how,
					  .backing = backing_of(vma, &dev)};

	if (map.backing < 0)
		return map.backing;
	if (!shim_refresh_is_reachable(vma)) {
		dev.flags = 0;
		dev.align = DAX_PAGE;
	}
	return shim_map_plan(&map);
}

/*
 * Adds a new mapping to the list, and sets its flags in the kernel. @is_mmap: it is new
 * to the kernel, too, and neither grown nor moved.
 */
static void insert_locked(const struct dax_vma *vma, bool is_mmap)
{
	const bool is_off_align = shim_refresh_is_off_align_locked(vma->start, vma->end);

	if (vma->flags & DAX_VMA_DONTFORK)
		sys3(madvise, vma->start, vma->end - vma->start, MADV_DONTFORK);
	if (is_mmap)
		dax_vmas_map(shim_vmas, vma, shim_session_kernel());
	else
		dax_vmas_insert(shim_vmas, vma);
	shim_maps_changed_locked();
	if (unlikely(is_off_align))
		shim_refresh_range_locked(vma->start, vma->end);
}

/*
 * Grows a mapping in place. As in the kernel, which does not consult the driver, the new
 * end may be off the align. Return: 0, or a negative errno: -ENOMEM if other memory is in
 * the way.
 */
static long grow_in_place_locked(const struct dax_vma *vma, uint64_t delta)
{
	struct dax_vma whole = *vma;
	struct dax_vma tail = *vma;
	long p;

	if (!shim_maps_has_room_locked() || vma->end > DAX_TASK_SIZE - delta)
		return -ENOMEM;
	whole.end += delta;
	tail.off += vma->end - vma->start;
	tail.start = vma->end;
	tail.end = whole.end;
	p = map_vma(&tail, MAP_FIXED_NOREPLACE);
	if (!sys_is_error(p) && (uint64_t)p != tail.start) {
		sys2(munmap, p, delta);
		p = -EEXIST;
	}
	if (sys_is_error(p))
		return p == -EEXIST ? -ENOMEM : p;
	insert_locked(&whole, false);
	return 0;
}

/*
 * Moves the touched units of a mapping whose end is off the align at its new place. Units
 * that were touched at the old place stay accessible; an access to the others faults.
 * Units of 1 GiB do not even keep that, as the kernel moves no PUD entries of device-dax
 * (mm/mremap.c).
 */
static void move_touched(const struct dax_vma *from, uint64_t old_addr, uint64_t len,
			 const struct dax_vma *to)
{
	int pagemap;
	uint64_t pos;

	if (to->start & (to->align - 1) || from->align >= DAX_GIB)
		return;
	pagemap = shim_pagemap_open();
	if (pagemap < 0)
		return;
	for (pos = 0; pos + to->align <= len; pos += to->align) {
		struct dax_vma unit = *to;

		unit.start += pos;
		unit.off += pos;
		unit.end = unit.start + to->align;
		if (unit.end > to->end ||
		    !shim_pagemap_is_present(pagemap, old_addr + pos, to->align))
			continue;
		map_vma(&unit, MAP_FIXED);
		/* The unit was touched before: touch it at the new place, too. */
		sys3(madvise, unit.start, DAX_PAGE, MADV_POPULATE_READ);
	}
	sys1(close, pagemap);
}

/* Moves a mapping to a place that is reserved or free (mm/mremap.c: move_vma()). */
static long move_locked(const struct dax_vma *vma, const struct dax_mremap_request *req,
			const struct dax_mremap_answer *ans, struct dax_verdict *v)
{
	struct dax_vma to = *vma;
	long p;

	*v = dax_mremap_move_verdict(vma, req->old_addr, ans->old_len);
	if (v->error)
		return -v->error;
	if (!shim_maps_has_room_locked())
		return -ENOMEM;
	if (ans->is_fixed)
		p = (long)req->new_addr;
	else /* a mapping shorter than a unit needs no align: dax_get_unmapped_area() */
		p = shim_map_plan_reserve(ans->new_len,
					  ans->new_len < vma->align ? DAX_PAGE
								    : vma->align,
					  ans->off, 0);
	if (sys_is_error(p))
		return p;
	to.start = (uint64_t)p;
	to.end = to.start + ans->new_len;
	to.off = ans->off;
	p = map_vma(&to, MAP_FIXED);
	if (sys_is_error(p)) {
		if (!ans->is_fixed)
			sys2(munmap, to.start, ans->new_len);
		return p;
	}
	insert_locked(&to, false);
	if (!shim_refresh_is_reachable(&to))
		move_touched(vma, req->old_addr, dax_min(ans->old_len, ans->new_len),
			     &to);
	if (!ans->keeps_old && shim_maps_has_room_locked()) {
		shim_refresh_remove_locked(req->old_addr, ans->old_len);
		sys2(munmap, req->old_addr, ans->old_len);
	}
	return p;
}

/* Makes room before it checks whether the move is allowed (mm/mremap.c: mremap_to()). */
static long move_to_locked(const struct dax_mremap_request *req,
			   const struct dax_mremap_answer *ans, struct dax_verdict *v)
{
	const struct dax_vma *found;
	struct dax_vma vma;
	long r;

	if (ans->is_fixed) {
		r = unmap_locked(req->new_addr, ans->new_len, v);
		if (r < 0)
			return r;
	}
	if (ans->unmap_tail) {
		r = unmap_locked(req->old_addr + ans->old_len, ans->unmap_tail, v);
		if (r < 0)
			return r;
	}
	*v = ans->v;
	if (v->error)
		return -v->error;
	/* The old mapping may be gone: a duplicate (old length 0) may replace it. */
	found = shim_maps_first_in_locked(req->old_addr, 1);
	if (!found) {
		*v = dax_refuse(EFAULT, DAX_MREMAP_CROSSES, 0, 0, 0);
		return -EFAULT;
	}
	vma = *found; /* a copy, as the move changes the list */
	return move_locked(&vma, req, ans, v);
}

static long remap_ours_locked(const struct dax_vma *vma,
			      const struct dax_mremap_request *req, struct dax_verdict *v)
{
	struct dax_mremap_answer ans;
	long r;

	dax_mremap_verdict(vma, req, &ans);
	*v = ans.v;
	switch (ans.how) {
	case DAX_MREMAP_STAY:
		return (long)req->old_addr;
	case DAX_MREMAP_SHRINK:
		r = unmap_locked(req->old_addr + ans.new_len, ans.old_len - ans.new_len,
				 v);
		return r < 0 ? r : (long)req->old_addr;
	case DAX_MREMAP_GROW:
		if (req->old_addr + ans.old_len == vma->end && ans.old_len) {
			r = grow_in_place_locked(vma, ans.new_len - ans.old_len);
			if (r == 0)
				return (long)req->old_addr;
			if (r != -ENOMEM)
				return r;
		}
		return ans.may_move ? move_locked(vma, req, &ans, v) : -ENOMEM;
	case DAX_MREMAP_MOVE:
		return move_to_locked(req, &ans, v);
	case DAX_MREMAP_REFUSE:
	default:
		return ans.is_late ? move_to_locked(req, &ans, v) : -v->error;
	}
}

/* Remaps other memory with the kernel's mremap; its new place may hold dax mappings. */
static long remap_other_locked(const struct dax_mremap_request *req,
			       struct dax_verdict *v)
{
	const uint64_t len = dax_round_up(req->new_len, DAX_PAGE);
	bool is_fixed =
		req->flags & MREMAP_FIXED && !shim_maps_is_bad_range(req->new_addr, len);
	long p;

	if (is_fixed) {
		*v = shim_maps_unmap_verdict_locked(req->new_addr, len);
		if (v->error)
			return -v->error;
	}
	p = sys5(mremap, req->old_addr, req->old_len, req->new_len, req->flags,
		 req->new_addr);
	if (!sys_is_error(p) && is_fixed && shim_maps_has_room_locked())
		shim_refresh_remove_locked(req->new_addr, len);
	return p;
}

/**
 * shim_mremap() - do what mremap does from or to a range in which dax mappings may be
 * @old_addr, @old_len, @new_len, @flags, @new_addr: mremap's arguments
 *
 * Takes the lock, and sleeps if a fault rule delays the call. Async-signal-safe.
 *
 * Return: the new address, or a negative errno.
 */
long shim_mremap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr)
{
	const int fault =
		shim_fault_at(DAX_FAULT_MREMAP, DAX_CALL_MREMAP, old_addr, old_len);
	const struct dax_mremap_request req = {.old_addr = old_addr,
					       .old_len = old_len,
					       .new_len = new_len,
					       .new_addr = new_addr,
					       .flags = flags,
					       .kernel = shim_session_kernel()};
	const struct shim_call call = {
		DAX_CALL_MREMAP, {old_addr, old_len, new_len, (uint64_t)flags, new_addr}};
	struct dax_verdict v = dax_allow();
	const struct dax_vma *found;
	struct dax_vma vma = {0};
	uint64_t mask;
	long p;

	if (unlikely(fault))
		return fault;
	if (!shim_lock_masked(&mask))
		return sys5(mremap, old_addr, old_len, new_len, flags, new_addr);
	found = shim_maps_first_in_locked(old_addr, 1);
	if (found) {
		vma = *found;
		p = remap_ours_locked(&vma, &req, &v);
		if (v.error && shim_maps_drop_stale_in_locked(old_addr, 1)) {
			v = dax_allow();
			p = remap_other_locked(&req, &v);
		}
	} else {
		p = remap_other_locked(&req, &v);
	}
	shim_unlock_masked(mask);
	if (vma.end)
		shim_report_vma(&call, &vma, &v, (uint64_t)p);
	return p;
}

/**
 * shim_mremap_file_pages() - do what remap_file_pages does with a dax mapping
 * @addr, @len, @prot, @pgoff, @flags:	remap_file_pages's arguments
 *
 * Since Linux 4.0 the call is an mmap(MAP_FIXED) of the same file (mm/mmap.c). Takes the
 * lock. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_mremap_file_pages(uint64_t addr, uint64_t len, int prot, uint64_t pgoff,
			    int flags)
{
	const struct shim_call call = {DAX_CALL_REMAP_FILE_PAGES, {addr, len, pgoff}};
	struct dax_verdict v = dax_allow();
	const struct dax_vma *found;
	struct dax_vma vma = {0};
	uint64_t mask;
	long r = -EINVAL;

	addr = dax_round_down(addr, DAX_PAGE);
	len = dax_round_down(len, DAX_PAGE);
	if (prot || shim_maps_is_bad_range(addr, len) || pgoff > UINT64_MAX / DAX_PAGE ||
	    !shim_lock_masked(&mask))
		return sys5(remap_file_pages, addr, len, prot, pgoff, flags);
	found = shim_maps_first_in_locked(addr, 1);
	if (!found) {
		shim_unlock_masked(mask);
		return sys5(remap_file_pages, addr, len, prot, pgoff, flags);
	}
	vma = *found;
	v = dax_replace_verdict(shim_session_kernel(),
				shim_maps_unmap_verdict_locked(addr, len));
	if (!v.error)
		v = dax_mmap_place_verdict(&(struct dax_device){.align = vma.align}, addr,
					   len);
	if (!v.error && vma.flags & DAX_VMA_MAYWRITE && addr + len <= vma.end &&
	    shim_maps_has_room_locked()) {
		struct dax_vma to = vma;

		to.start = addr;
		to.end = addr + len;
		to.off = pgoff * DAX_PAGE;
		r = map_vma(&to, MAP_FIXED);
		if (!sys_is_error(r)) {
			insert_locked(&to, true);
			r = 0;
		}
	}
	shim_unlock_masked(mask);
	shim_report_vma(&call, &vma, &v, 0);
	return v.error ? -v.error : r;
}
