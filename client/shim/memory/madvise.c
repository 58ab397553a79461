/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what madvise(2) does in ranges with dax mappings: carry out libcore's verdicts. */
#include "client/shim/memory/madvise.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/badblocks.h"
#include "client/shim/memory/fault.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/piece.h"
#include "client/shim/memory/refresh.h"
#include "client/shim/memory/sigbus.h"

/* Carries out advice that changes a mapping's flags, in the kernel and in the list. */
static long advise_flags(const struct shim_piece *piece, const struct dax_advice *a)
{
	const int advice = a->advice;
	const bool is_off_align =
		shim_refresh_is_off_align_locked(piece->start, piece->end);
	struct dax_vma vma;
	bool must_map_again;
	long r = 0;

	if (!shim_maps_has_room_locked())
		return -ENOMEM;
	if (advice == MADV_DONTFORK || advice == MADV_DOFORK)
		r = sys3(madvise, piece->start, piece->end - piece->start, advice);
	/* Linux 7.3 refuses it for hugetlbfs; a new mapping is inherited, too. */
	must_map_again = r == -EINVAL && advice == MADV_DOFORK;
	if (r < 0 && !must_map_again)
		return r;
	dax_vmas_set_flags(shim_vmas, piece->start, piece->end, a->clear, a->set);
	vma = *shim_maps_first_in_locked(piece->start, 1);
	if (unlikely(must_map_again))
		shim_refresh_part_locked(&vma, vma.off + (piece->start - vma.start),
					 vma.off + (piece->end - vma.start));
	if (unlikely(is_off_align))
		shim_refresh_range_locked(piece->start, piece->end);
	/* Without huge pages, memory with a larger align than a page is out of reach. */
	if ((a->set | a->clear) & DAX_VMA_NO_HUGE) {
		if (!shim_refresh_is_reachable(&vma))
			shim_refresh_drop_untouched_locked(&vma, piece->start,
							   piece->end);
		else
			shim_refresh_locked(&vma);
	}
	return 0;
}

static bool drops_pages(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED;
}

/*
 * Removes the guard pages of a piece, unit by unit: a unit that had one can then not be
 * touched there, as its page table stays.
 */
static long remove_guards(const struct shim_piece *piece)
{
	const uint64_t align = piece->vma.align;
	uint64_t addr = piece->start;
	uint64_t end;
	bool was_guarded;
	long r = 0;

	while (addr < piece->end && r == 0) {
		end = dax_min(dax_round_down(addr, align) + align, piece->end);
		was_guarded = shim_pagemap_has_guard(addr, end - addr);
		r = sys3(madvise, addr, end - addr, MADV_GUARD_REMOVE);
		if (r == 0 && was_guarded)
			shim_refresh_make_hole_locked(&piece->vma, addr, end);
		addr = end;
	}
	return r;
}

/*
 * Makes guard pages in a piece, or removes them. A page table that holds one takes the
 * place of a unit larger than a page, whose other pages can then not be touched, nor can
 * the guard pages be after they were removed (mm/madvise.c: guard_install_pmd_entry()).
 */
static long advise_guard(const struct shim_piece *piece, const struct dax_advice *a)
{
	const uint64_t len = piece->end - piece->start;
	const uint64_t align = piece->vma.align;
	const uint64_t first =
		dax_max(dax_round_down(piece->start, align), piece->vma.start);
	const uint64_t last = dax_min(dax_round_up(piece->end, align), piece->vma.end);
	long r;

	if (align != DAX_PAGE && a->advice == MADV_GUARD_REMOVE &&
	    shim_pagemap_has_guard(piece->start, len))
		return remove_guards(piece);
	r = sys3(madvise, piece->start, len, a->advice);
	if (r == 0 && align != DAX_PAGE && a->advice == MADV_GUARD_INSTALL) {
		shim_refresh_make_hole_locked(&piece->vma, first, piece->start);
		shim_refresh_make_hole_locked(&piece->vma, piece->end, last);
	}
	return r;
}

static long advise_piece(const struct shim_piece *piece, uint64_t start, uint64_t end,
			 const struct dax_advice *a, struct dax_verdict *v)
{
	const int advice = a->advice;
	long r;

	if (!shim_piece_is_ours(piece))
		return sys3(madvise, piece->start, piece->end - piece->start, advice);
	*v = dax_madvise_verdict(shim_vmas, dax_vmas_find(shim_vmas, piece->start), start,
				 end, a);
	if (v->error) {
		if (v->reason == DAX_VMA_SPLIT && shim_maps_has_room_locked())
			dax_vmas_split(shim_vmas, piece->start);
		return -v->error;
	}
	switch (a->kind) {
	case DAX_ADVICE_FLAGS:
		if (((piece->vma.flags & ~a->clear) | a->set) == piece->vma.flags)
			return 0;
		return advise_flags(piece, a);
	case DAX_ADVICE_GUARD:
		return advise_guard(piece, a);
	case DAX_ADVICE_PASS:
		r = sys3(madvise, piece->start, piece->end - piece->start, advice);
		/* hugetlbfs drops whole pages only; on a device it changes nothing. */
		if (r == -EINVAL &&
		    (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED))
			r = 0;
		/* Its touched pages are dropped, and may now be out of reach. */
		if (r == 0 && !shim_refresh_is_reachable(&piece->vma))
			shim_refresh_drop_untouched_locked(&piece->vma, piece->start,
							   piece->end);
		return r;
	case DAX_ADVICE_NOTHING:
	case DAX_ADVICE_REFUSE:
	default:
		return 0;
	}
}

/*
 * True if the program may poison memory. The kernel requires CAP_SYS_ADMIN. Here a
 * program that was not started as root may do it too; one that was, and has given up
 * the capability, is refused as by the kernel.
 */
static bool may_fail_memory(void)
{
	return getauxval(AT_EUID) != 0 || shim_self_has_capability(CAP_SYS_ADMIN);
}

/* The first unit that a call has poisoned, for the one SIGBUS that its thread gets. */
struct poisoned {
	uint64_t addr;
	uint64_t align; /* bytes of the unit; 0: none was poisoned */
};

/*
 * Poisons memory as MADV_HWPOISON and MADV_SOFT_OFFLINE do, but not that of the backing
 * store. Goes unit by unit, up to the first that is refused (mm/madvise.c:
 * madvise_inject_error()). Memory poisoned in this way remains usable: only the page
 * table entries go, and the next access makes new ones.
 */
static SHIM_COLD long fail_piece(const struct shim_piece *piece, int advice,
				 struct poisoned *unit, struct dax_verdict *v)
{
	const uint64_t align = piece->vma.align;
	const struct shim_session *s = shim_session_if_known();
	uint64_t addr = piece->start;
	struct dax_device dev;
	struct dax_vma vma;
	struct dax_bad bad;

	if (!shim_piece_is_ours(piece))
		return sys3(madvise, piece->start, piece->end - piece->start, advice);
	while (addr < piece->end && !v->error) {
		dax_state_read(s->state, piece->vma.slot, &dev);
		*v = dax_failure_verdict(&piece->vma, &dev, addr, advice);
		if (!v->error && shim_badblocks_at_locked(addr, &vma, &bad))
			*v = dax_refuse(EFAULT, DAX_MADVISE_NOTHING_THERE, addr, 0, 0);
		if (!v->error && !unit->align)
			*unit = (struct poisoned){dax_round_down(addr, align), align};
		addr = dax_round_down(addr, align) + align;
	}
	return -v->error;
}

static SHIM_COLD long fail_memory(uint64_t addr, uint64_t len, int advice)
{
	const struct shim_call call = {DAX_CALL_MADVISE, {addr, len, (uint64_t)advice}};
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct dax_verdict v = dax_allow();
	struct shim_piece piece = {.end = addr};
	struct dax_vma vma = {0};
	struct poisoned unit = {0};
	uint64_t mask;
	long r = 0;

	if (!shim_lock_masked(&mask))
		return -EAGAIN;
	while (piece.end < end && r == 0) {
		piece = shim_piece_at_locked(piece.end, end);
		if (shim_piece_is_ours(&piece) && !vma.end) {
			vma = piece.vma;
			v = dax_failure_right_verdict(advice, may_fail_memory());
		}
		r = v.error ? -v.error : fail_piece(&piece, advice, &unit, &v);
	}
	shim_unlock_masked(mask);
	if (vma.end)
		shim_report_vma(&call, &vma, &v, 0);
	if (unit.align)
		shim_sigbus_poisoned(unit.addr, unit.align);
	return r;
}

/**
 * shim_madvise() - do what madvise does in a range in which dax mappings may be
 * @addr, @len, @advice:	madvise's arguments
 *
 * A gap makes the call fail with ENOMEM at its end; any other error ends it at once
 * (mm/madvise.c: do_madvise()). Takes the lock, and sleeps if a fault rule delays the
 * call. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_madvise(uint64_t addr, uint64_t len, int advice)
{
	const int fault = shim_fault_at(DAX_FAULT_MADVISE, DAX_CALL_MADVISE, addr, len);
	const struct shim_call call = {DAX_CALL_MADVISE, {addr, len, (uint64_t)advice}};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	const struct dax_advice a = dax_advice(shim_session_kernel(), advice);
	struct shim_piece piece = {.end = addr};
	struct dax_vma vma = {0};
	uint64_t mask;
	long gap = 0;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (!shim_maps_is_bad_range(addr, len) && unlikely(dax_advice_is_failure(advice)))
		return fail_memory(addr, len, advice);
	/* Leave MADV_POPULATE_*, and advice that libcore does not know, to the kernel. */
	if (shim_maps_is_bad_range(addr, len) ||
	    (a.kind == DAX_ADVICE_PASS && !drops_pages(advice)) ||
	    !shim_lock_masked(&mask))
		return sys3(madvise, addr, len, advice);
	while (piece.end < end && r == 0) {
		piece = shim_piece_at_locked(piece.end, end);
		if (shim_piece_is_ours(&piece))
			vma = piece.vma;
		r = advise_piece(&piece, addr, end, &a, &v);
		if (v.error && shim_maps_drop_stale_in_locked(piece.start, 1)) {
			v = dax_allow();
			r = 0;
			piece.end = piece.start;
		} else if (r == -ENOMEM && !shim_piece_is_ours(&piece)) {
			gap = r;
			r = 0;
		}
	}
	shim_unlock_masked(mask);
	if (vma.end)
		shim_report_vma(&call, &vma, &v, 0);
	return r ? r : gap;
}
