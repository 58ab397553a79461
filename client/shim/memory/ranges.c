/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do what calls on ranges with dax mappings do: carry out libcore's verdicts.
 *
 * The functions return what the system call would: a value or a negative errno.
 */
#include "client/shim/memory/ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/fault.h"
#include "libcore/kernel.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/fault.h"
#include "client/shim/memory/map_plan.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/piece.h"
#include "client/shim/memory/refresh.h"

/**
 * shim_ranges_munmap() - do what munmap does in a range in which dax mappings may be
 * @addr, @len:	munmap's arguments
 *
 * Takes the lock, and sleeps if a fault rule delays the call. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_munmap(uint64_t addr, uint64_t len)
{
	const int fault = shim_fault_at(DAX_FAULT_MUNMAP, DAX_CALL_MUNMAP, addr, len);
	const struct shim_call call = {DAX_CALL_MUNMAP, {addr, len}};
	const struct dax_vma *first;
	struct dax_vma vma = {0};
	struct dax_verdict v = dax_allow();
	bool is_ours;
	long r;

	if (unlikely(fault))
		return fault;
	if (shim_maps_is_bad_range(addr, len) || !shim_lock())
		return sys2(munmap, addr, len);
	len = dax_round_up(len, DAX_PAGE);
	first = shim_maps_first_in_locked(addr, len);
	is_ours = first != NULL;
	if (is_ours) {
		vma = *first;
		v = shim_maps_unmap_verdict_locked(addr, len);
		if (!v.error && shim_maps_has_room_locked())
			shim_refresh_remove_locked(addr, len);
	}
	shim_unlock();
	if (unlikely(v.error)) {
		shim_report_vma(&call, &vma, &v, 0);
		return -v.error;
	}
	r = sys2(munmap, addr, len);
	if (is_ours && !sys_is_error(r)) {
		shim_map_plan_set_hint(addr + len);
		shim_report_vma(&call, &vma, &v, 0);
	}
	return r;
}

static long sys_mprotect(uint64_t addr, uint64_t len, int prot, int pkey)
{
	if (pkey == -1)
		return sys3(mprotect, addr, len, prot);
	return sys4(pkey_mprotect, addr, len, prot, pkey);
}

static long protect_piece(const struct shim_piece *piece, int prot, int pkey,
			  struct dax_verdict *v)
{
	const uint64_t len = piece->end - piece->start;
	bool is_off_align;
	uint64_t stop;
	long r;

	if (!shim_maps_has_room_locked())
		return -ENOMEM;
	*v = dax_mprotect_verdict(shim_vmas, piece->start, len, prot, &stop);
	if (v->error) {
		if (v->reason == DAX_VMA_SPLIT)
			dax_vmas_split(shim_vmas, piece->start);
		return -v->error;
	}
	r = sys_mprotect(piece->start, len, prot, pkey);
	if (r < 0)
		return r;
	is_off_align = shim_refresh_is_off_align_locked(piece->start, piece->end);
	dax_vmas_set_flags(shim_vmas, piece->start, piece->end, DAX_VMA_PROT,
			   (uint32_t)prot & DAX_VMA_PROT);
	if (unlikely(is_off_align))
		shim_refresh_range_locked(piece->start, piece->end);
	return 0;
}

/**
 * shim_ranges_mprotect() - do what mprotect does in a range in which dax mappings may be
 * @addr, @len, @prot:	mprotect's arguments
 * @pkey:		protection key of pkey_mprotect(2), or -1
 *
 * Ends at the first error; the part before it stays changed (mm/mprotect.c:
 * do_mprotect_pkey()). Takes the lock, and sleeps if a fault rule delays the call.
 * Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_mprotect(uint64_t addr, uint64_t len, int prot, int pkey)
{
	const int fault = shim_fault_at(DAX_FAULT_MPROTECT, DAX_CALL_MPROTECT, addr, len);
	const struct shim_call call = {DAX_CALL_MPROTECT, {addr, len, (uint64_t)prot}};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct shim_piece piece = {.end = addr};
	struct dax_vma vma = {0};
	uint64_t mask;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return sys_mprotect(addr, len, prot, pkey);
	while (piece.end < end && r == 0) {
		piece = shim_piece_at_locked(piece.end, end);
		if (!shim_piece_is_ours(&piece)) {
			r = sys_mprotect(piece.start, piece.end - piece.start, prot,
					 pkey);
			continue;
		}
		vma = piece.vma;
		r = protect_piece(&piece, prot, pkey, &v);
		if (v.error && shim_maps_drop_stale_in_locked(piece.start, 1)) {
			v = dax_allow();
			r = 0;
			piece.end = piece.start;
		}
	}
	shim_unlock_masked(mask);
	if (vma.end && (r == 0 || v.error))
		shim_report_vma(&call, &vma, &v, 0);
	return r;
}

/* Seals a piece that is ours in the list. Return: 0 or a negative errno. */
static long seal_piece(const struct shim_piece *piece)
{
	struct dax_verdict v;
	uint64_t stop;

	if (!shim_maps_has_room_locked())
		return -ENOMEM;
	v = dax_mseal_verdict(shim_vmas, piece->start, piece->end - piece->start, &stop);
	if (!v.error)
		dax_vmas_set_flags(shim_vmas, piece->start, piece->end, 0,
				   DAX_VMA_SEALED);
	return -v.error;
}

/**
 * shim_ranges_mseal() - do what mseal does in a range in which dax mappings may be
 * @addr, @len, @flags:	mseal's arguments
 *
 * The kernel seals none of ours: the shim must be able to map another memory there when the
 * device is disabled or poisoned, which changes nothing in a sealed mapping of a real
 * device. The wrappers of munmap, mprotect and mremap refuse what the kernel would.
 * Ends at the first error, but a gap in the range comes before everything (mm/mseal.c:
 * do_mseal()). Takes the lock. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_mseal(uint64_t addr, uint64_t len, unsigned long flags)
{
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct shim_piece piece = {.end = addr};
	uint64_t mask;
	long r = sys3(mseal, 0, 0, 0); /* does the kernel have it? */

	if (r < 0)
		return r;
	if (flags || shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return sys3(mseal, addr, len, flags);
	r = sys3(msync, addr, end - addr, MS_ASYNC); /* tells of gaps, and does nothing */
	while (piece.end < end && r == 0) {
		piece = shim_piece_at_locked(piece.end, end);
		if (!shim_piece_is_ours(&piece)) {
			r = sys3(mseal, piece.start, piece.end - piece.start, 0);
			continue;
		}
		r = seal_piece(&piece);
		if (r && shim_maps_drop_stale_in_locked(piece.start, 1)) {
			r = 0;
			piece.end = piece.start;
		}
	}
	shim_unlock_masked(mask);
	return r;
}

/**
 * shim_ranges_msync() - do what msync does in a range in which dax mappings may be
 * @addr, @len, @flags:	msync's arguments
 *
 * Takes the lock, and sleeps if a fault rule delays the call. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_msync(uint64_t addr, uint64_t len, int flags)
{
	const int fault = shim_fault_at(DAX_FAULT_MSYNC, DAX_CALL_MSYNC, addr, len);
	const struct shim_call call = {DAX_CALL_MSYNC, {addr, len, (uint64_t)flags}};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct shim_piece piece = {.end = addr};
	uint64_t mask;
	long gap = 0;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (!(flags & MS_SYNC) || flags & MS_ASYNC) {
		r = sys3(msync, addr, len, flags);
		if (sys_is_error(r))
			v = dax_refuse((int)-r, DAX_KERNEL, 0, 0, 0);
		shim_report_range(&call, &v);
		return r;
	}
	if (shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return sys3(msync, addr, len, flags);
	while (piece.end < end && r == 0 && !v.error) {
		piece = shim_piece_at_locked(piece.end, end);
		if (shim_piece_is_ours(&piece))
			v = dax_msync_verdict(&piece.vma, flags);
		else
			r = sys3(msync, piece.start, piece.end - piece.start, flags);
		if (v.error && shim_maps_drop_stale_in_locked(piece.start, 1)) {
			v = dax_allow();
			piece.end = piece.start;
		} else if (r == -ENOMEM) {
			gap = r;
			r = 0;
		}
	}
	shim_unlock_masked(mask);
	if (v.error) {
		shim_report_vma(&call, &piece.vma, &v, 0);
		return -v.error;
	}
	return r ? r : gap;
}

/**
 * shim_ranges_mlock() - do what mlock2 does in a range in which dax mappings may be
 * @addr, @len, @flags:	mlock2's arguments
 *
 * A dax mapping is populated, but not locked (mm/mlock.c: mlock_fixup()). Takes the lock.
 * Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_mlock(uint64_t addr, uint64_t len, int flags)
{
	const uint64_t start = dax_round_down(addr, DAX_PAGE);
	const uint64_t end = dax_round_up(addr + len, DAX_PAGE);
	const struct shim_call call = {DAX_CALL_MLOCK, {addr, len, (uint64_t)flags}};
	struct shim_piece piece = {.end = start};
	struct dax_verdict v = dax_allow();
	uint64_t mask;
	long r;

	r = flags ? sys3(mlock2, addr, len, flags) : sys2(mlock, addr, len);
	if (shim_maps_is_bad_range(start, end - start) || !shim_lock_masked(&mask))
		return r;
	while (piece.end < end) {
		long locked = 0;

		piece = shim_piece_at_locked(piece.end, end);
		if (!shim_piece_is_ours(&piece))
			continue;
		/*
		 * The kernel populates a dax mapping here even with MLOCK_ONFAULT, as it
		 * is never locked.
		 */
		if (flags && !sys_is_error(r))
			locked = sys2(mlock, piece.start, piece.end - piece.start);
		if (sys_is_error(locked))
			r = locked;
		sys2(munlock, piece.start, piece.end - piece.start);
	}
	shim_unlock_masked(mask);
	if (sys_is_error(r))
		v = dax_refuse((int)-r, DAX_KERNEL, 0, 0, 0);
	shim_report_range(&call, &v);
	return r;
}

/* Splits the mappings at both ends of a range, which has its own memory policy now. */
static void split_both_ends(uint64_t addr, uint64_t end)
{
	uint64_t mask;

	if (!shim_lock_masked(&mask))
		return;
	if (shim_maps_has_room_locked()) {
		dax_vmas_split(shim_vmas, addr);
		dax_vmas_split(shim_vmas, end);
	}
	shim_unlock_masked(mask);
}

/**
 * shim_ranges_mbind() - do what mbind does in a range in which dax mappings may be
 * @addr, @len:	mbind's first two arguments
 * @args:	its other four arguments
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_mbind(uint64_t addr, uint64_t len, const uint64_t args[4])
{
	const struct shim_call call = {DAX_CALL_MBIND, {addr, len}};
	struct dax_verdict v = dax_allow();
	struct dax_vma vma = {0};
	const struct dax_vma *first;
	uint64_t stop = addr + len;
	uint64_t mask;
	long r = 0;

	if (shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return sys6(mbind, addr, len, args[0], args[1], args[2], args[3]);
	first = shim_maps_first_in_locked(addr, len);
	if (first) {
		vma = *first;
		v = dax_mbind_verdict(shim_vmas, addr, len, &stop);
		if (v.error && shim_maps_drop_stale_in_locked(addr, len))
			v = dax_mbind_verdict(shim_vmas, addr, len, &stop);
		if (v.error && shim_maps_has_room_locked())
			dax_vmas_split(shim_vmas, dax_max(addr, stop));
	}
	shim_unlock_masked(mask);
	if (stop > addr)
		r = sys6(mbind, addr, stop - addr, args[0], args[1], args[2], args[3]);
	if (r < 0)
		return r;
	if (args[0] != 0 /* MPOL_DEFAULT */ && stop > addr)
		split_both_ends(addr, stop);
	if (v.error)
		shim_report_vma(&call, &vma, &v, 0);
	return -v.error;
}

/**
 * shim_ranges_mincore() - do what mincore does in a range in which dax mappings may be
 * @addr, @len, @vec:	mincore's arguments
 *
 * For device-dax, the kernel looks at the page tables: a unit is present if any byte of
 * it was touched; but units of 1 GiB never are where it ignores PUD entries
 * (mm/mincore.c: mincore_pud_entry() since 7.0).
 * Takes the lock. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_ranges_mincore(uint64_t addr, uint64_t len, unsigned char *vec)
{
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	long r = sys3(mincore, addr, len, vec);
	const bool sees_1g =
		dax_kernel_has(shim_session_kernel(), DAX_RULE_MINCORE_SEES_1G);
	struct shim_piece piece = {.end = addr};
	uint64_t mask;
	int pagemap;

	if (r < 0 || shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return r;
	pagemap = shim_pagemap_open();
	while (piece.end < end && pagemap >= 0) {
		uint64_t pos;
		uint64_t next;

		piece = shim_piece_at_locked(piece.end, end);
		for (pos = piece.start; shim_piece_is_ours(&piece) && pos < piece.end;
		     pos = next) {
			uint64_t unit = dax_round_down(pos, piece.vma.align);
			bool is_there =
				(piece.vma.align < DAX_GIB || sees_1g) &&
				shim_pagemap_is_present(pagemap, unit, piece.vma.align);

			next = dax_min(unit + piece.vma.align, piece.end);
			memset(vec + (pos - addr) / DAX_PAGE, is_there,
			       (next - pos) / DAX_PAGE);
		}
	}
	shim_unlock_masked(mask);
	if (pagemap >= 0)
		sys1(close, pagemap);
	return r;
}
