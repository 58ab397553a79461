/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on ranges in which dax mappings may be: libcore's verdicts, carried out.
 *
 * Every function answers what the system call would: a value or a negative errno.
 */
#include "client/shim/base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "client/shim/memory/ranges.h"
#include "client/shim/base/sys.h"
#include "libcore/plan.h"
#include "libcore/size.h"

/**
 * shim_munmap() - munmap of a range in which dax mappings may be
 */
long shim_munmap(uint64_t addr, uint64_t len)
{
	const int fault = shim_fault_at(DAX_FAULT_MUNMAP, DAX_CALL_MUNMAP, addr, len);
	const uint64_t args[] = {addr, len};
	const struct dax_vma *first;
	struct dax_vma vma = {0};
	struct dax_verdict v = dax_allow();
	bool is_ours;
	long r;

	if (unlikely(fault))
		return fault;
	if (shim_is_bad_range(addr, len) || !shim_maps_lock())
		return sys2(munmap, addr, len);
	len = dax_round_up(len, DAX_PAGE);
	first = shim_first_in(addr, len);
	is_ours = first != NULL;
	if (is_ours) {
		vma = *first;
		v = shim_unmap_verdict(addr, len);
		if (!v.error && shim_maps_has_room())
			shim_forget(addr, len);
	}
	shim_maps_unlock();
	if (unlikely(v.error)) {
		shim_tell(&vma, DAX_CALL_MUNMAP, args, 2, &v, 0);
		return -v.error;
	}
	r = sys2(munmap, addr, len);
	if (is_ours && !sys_is_error(r)) {
		shim_mmap_freed(addr + len);
		shim_tell(&vma, DAX_CALL_MUNMAP, args, 2, &v, 0);
	}
	return r;
}

/* -- piece by piece -------------------------------------------------------------------- */

/* One piece of a range: in one dax mapping, or in none. */
struct piece {
	uint64_t start;
	uint64_t end;
	struct dax_vma vma; /* end 0: none of ours */
};

/* The piece that starts at @addr; it goes to @end at most. With the lock held. */
static struct piece piece_at(uint64_t addr, uint64_t end)
{
	uint32_t i = dax_vmas_find(&shim_vmas, addr);
	struct piece piece = {.start = addr, .end = end};

	if (i == shim_vmas.nr)
		return piece;
	if (shim_vmas.v[i].start <= addr) {
		piece.vma = shim_vmas.v[i];
		piece.end = dax_min(end, piece.vma.end);
	} else {
		piece.end = dax_min(end, shim_vmas.v[i].start);
	}
	return piece;
}

static bool is_ours(const struct piece *piece)
{
	return piece->vma.end != 0;
}

/* -- mprotect ------------------------------------------------------------------------ */

static long sys_mprotect(uint64_t addr, uint64_t len, int prot, int pkey)
{
	if (pkey == -1)
		return sys3(mprotect, addr, len, prot);
	return sys4(pkey_mprotect, addr, len, prot, pkey);
}

static long protect_piece(const struct piece *piece, int prot, int pkey,
			  struct dax_verdict *v)
{
	const uint64_t len = piece->end - piece->start;
	bool is_off_align;
	uint64_t stop;
	long r;

	if (!shim_maps_has_room())
		return -ENOMEM;
	*v = dax_mprotect_verdict(&shim_vmas, piece->start, len, prot, &stop);
	if (v->error) {
		if (v->reason == DAX_VMA_SPLIT)
			dax_vmas_split(&shim_vmas, piece->start);
		return -v->error;
	}
	r = sys_mprotect(piece->start, len, prot, pkey);
	if (r < 0)
		return r;
	is_off_align = shim_is_off_align(piece->start, piece->end);
	dax_vmas_set_flags(&shim_vmas, piece->start, piece->end, DAX_VMA_PROT,
			   (uint32_t)prot & DAX_VMA_PROT);
	if (unlikely(is_off_align))
		shim_mend(piece->start, piece->end);
	return 0;
}

/**
 * shim_mprotect() - mprotect of a range in which dax mappings may be
 * @pkey:	of pkey_mprotect(2), or -1
 *
 * mm/mprotect.c: do_mprotect_pkey() ends at the first error, with what came before done.
 */
long shim_mprotect(uint64_t addr, uint64_t len, int prot, int pkey)
{
	const int fault = shim_fault_at(DAX_FAULT_MPROTECT, DAX_CALL_MPROTECT, addr, len);
	const uint64_t args[] = {addr, len, (uint64_t)prot};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct piece piece = {.end = addr};
	struct dax_vma vma = {0};
	uint64_t mask;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (shim_is_bad_range(addr, len) || !shim_maps_lock_slow(&mask))
		return sys_mprotect(addr, len, prot, pkey);
	while (piece.end < end && r == 0) {
		piece = piece_at(piece.end, end);
		if (!is_ours(&piece)) {
			r = sys_mprotect(piece.start, piece.end - piece.start, prot,
					 pkey);
			continue;
		}
		vma = piece.vma;
		r = protect_piece(&piece, prot, pkey, &v);
		if (v.error && shim_drop_stale(piece.start, 1)) {
			v = dax_allow();
			r = 0;
			piece.end = piece.start;
		}
	}
	shim_maps_unlock_slow(mask);
	if (vma.end && (r == 0 || v.error))
		shim_tell(&vma, DAX_CALL_MPROTECT, args, 3, &v, 0);
	return r;
}

/* -- madvise, msync, mlock ------------------------------------------------------------ */

/* What the flags of a mapping need from the kernel, beside what is in our list. */
static long advise_flags(const struct piece *piece, int advice,
			 const struct dax_advice *a)
{
	const bool is_off_align = shim_is_off_align(piece->start, piece->end);
	struct dax_vma vma;
	long r = 0;

	if (!shim_maps_has_room())
		return -ENOMEM;
	if (advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_DONTDUMP ||
	    advice == MADV_DODUMP)
		r = sys3(madvise, piece->start, piece->end - piece->start, advice);
	if (r < 0)
		return r;
	dax_vmas_set_flags(&shim_vmas, piece->start, piece->end, a->clear, a->set);
	if (unlikely(is_off_align))
		shim_mend(piece->start, piece->end);
	/* No huge pages where only huge ones can be: see shim_break_untouched(). */
	vma = *shim_first_in(piece->start, 1);
	if ((a->set | a->clear) & DAX_VMA_NOHUGEPAGE) {
		if (!shim_is_reachable(&vma))
			shim_break_untouched(&vma, piece->start, piece->end);
		else
			shim_make_whole(&vma);
	}
	return 0;
}

static bool drops_pages(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED;
}

static long advise_piece(const struct piece *piece, uint64_t start, uint64_t end,
			 int advice, struct dax_verdict *v)
{
	const struct dax_advice a = dax_advice(advice);
	long r;

	if (!is_ours(piece))
		return sys3(madvise, piece->start, piece->end - piece->start, advice);
	*v = dax_madvise_verdict(&shim_vmas, dax_vmas_find(&shim_vmas, piece->start),
				 start, end, advice);
	if (v->error) {
		if (v->reason == DAX_VMA_SPLIT && shim_maps_has_room())
			dax_vmas_split(&shim_vmas, piece->start);
		return -v->error;
	}
	switch (a.kind) {
	case DAX_ADVICE_FLAGS:
		if (((piece->vma.flags & ~a.clear) | a.set) == piece->vma.flags)
			return 0;
		return advise_flags(piece, advice, &a);
	case DAX_ADVICE_PASS:
		r = sys3(madvise, piece->start, piece->end - piece->start, advice);
		/* hugetlbfs drops whole pages only; on a device it changes nothing. */
		if (r == -EINVAL &&
		    (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED))
			r = 0;
		/* What was touched is so no more, and may be out of reach now. */
		if (r == 0 && !shim_is_reachable(&piece->vma))
			shim_break_untouched(&piece->vma, piece->start, piece->end);
		return r;
	case DAX_ADVICE_NOTHING:
	case DAX_ADVICE_REFUSE:
	default:
		return 0;
	}
}

static bool is_admin(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return sys2(capget, &header, data) == 0 &&
	       data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

/*
 * The kernel lets only root do it. Here everybody may, who could not be root; who was,
 * and has given that up, is answered as there.
 */
static bool may_fail_memory(void)
{
	return getauxval(AT_EUID) != 0 || is_admin();
}

/* A unit that was poisoned: who did it is told so, once. */
struct poisoned {
	uint64_t addr;
	uint64_t align; /* 0: none was */
};

/*
 * madvise that breaks memory: not that of the backing store. Unit by unit, up to the
 * first that refuses (mm/madvise.c: madvise_inject_error()). What is poisoned so can be
 * used as before: only the entries of the page tables go, and the next touch makes
 * others.
 */
static SHIM_COLD long fail_piece(const struct piece *piece, int advice,
				 struct poisoned *unit, struct dax_verdict *v)
{
	const uint64_t align = piece->vma.align;
	const struct shim_session *s = shim_session_if_known();
	uint64_t addr = piece->start;
	struct dax_device dev;
	struct dax_vma vma;
	struct dax_bad bad;

	if (!is_ours(piece))
		return sys3(madvise, piece->start, piece->end - piece->start, advice);
	while (addr < piece->end && !v->error) {
		dax_state_read(s->state, piece->vma.slot, &dev);
		*v = dax_failure_verdict(&piece->vma, &dev, addr, advice);
		if (!v->error && shim_bad_at(addr, &vma, &bad))
			*v = dax_refuse(EFAULT, DAX_MADVISE_NOTHING_THERE, addr, 0, 0);
		if (!v->error && !unit->align)
			*unit = (struct poisoned){dax_round_down(addr, align), align};
		addr = dax_round_down(addr, align) + align;
	}
	return -v->error;
}

static SHIM_COLD long fail_memory(uint64_t addr, uint64_t len, int advice)
{
	const uint64_t args[] = {addr, len, (uint64_t)advice};
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct dax_verdict v = dax_allow();
	struct piece piece = {.end = addr};
	struct dax_vma vma = {0};
	struct poisoned unit = {0};
	uint64_t mask;
	long r = 0;

	if (!shim_maps_lock_slow(&mask))
		return -EAGAIN;
	while (piece.end < end && r == 0) {
		piece = piece_at(piece.end, end);
		if (is_ours(&piece) && !vma.end) {
			vma = piece.vma;
			v = dax_failure_right_verdict(advice, may_fail_memory());
		}
		r = v.error ? -v.error : fail_piece(&piece, advice, &unit, &v);
	}
	shim_maps_unlock_slow(mask);
	if (vma.end)
		shim_tell(&vma, DAX_CALL_MADVISE, args, 3, &v, 0);
	if (unit.align)
		shim_sigbus_poisoned(unit.addr, unit.align);
	return r;
}

/**
 * shim_madvise() - madvise of a range in which dax mappings may be
 *
 * mm/madvise.c: do_madvise(): a gap is remembered as ENOMEM, another error ends it.
 */
long shim_madvise(uint64_t addr, uint64_t len, int advice)
{
	const int fault = shim_fault_at(DAX_FAULT_MADVISE, DAX_CALL_MADVISE, addr, len);
	const uint64_t args[] = {addr, len, (uint64_t)advice};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct piece piece = {.end = addr};
	struct dax_vma vma = {0};
	uint64_t mask;
	long gap = 0;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (!shim_is_bad_range(addr, len) && unlikely(dax_advice_is_failure(advice)))
		return fail_memory(addr, len, advice);
	/* MADV_POPULATE_*, and what is not known here: the kernel's own. */
	if (shim_is_bad_range(addr, len) ||
	    (dax_advice(advice).kind == DAX_ADVICE_PASS && !drops_pages(advice)) ||
	    !shim_maps_lock_slow(&mask))
		return sys3(madvise, addr, len, advice);
	while (piece.end < end && r == 0) {
		piece = piece_at(piece.end, end);
		if (is_ours(&piece))
			vma = piece.vma;
		r = advise_piece(&piece, addr, end, advice, &v);
		if (v.error && shim_drop_stale(piece.start, 1)) {
			v = dax_allow();
			r = 0;
			piece.end = piece.start;
		} else if (r == -ENOMEM && !is_ours(&piece)) {
			gap = r;
			r = 0;
		}
	}
	shim_maps_unlock_slow(mask);
	if (vma.end)
		shim_tell(&vma, DAX_CALL_MADVISE, args, 3, &v, 0);
	return r ? r : gap;
}

/**
 * shim_msync() - msync of a range in which dax mappings may be
 */
long shim_msync(uint64_t addr, uint64_t len, int flags)
{
	const int fault = shim_fault_at(DAX_FAULT_MSYNC, DAX_CALL_MSYNC, addr, len);
	const uint64_t args[] = {addr, len, (uint64_t)flags};
	struct dax_verdict v = dax_allow();
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct piece piece = {.end = addr};
	uint64_t mask;
	long gap = 0;
	long r = 0;

	if (unlikely(fault))
		return fault;
	if (!(flags & MS_SYNC) || flags & MS_ASYNC) {
		r = sys3(msync, addr, len, flags);
		if (sys_is_error(r))
			v = dax_refuse((int)-r, DAX_KERNEL, 0, 0, 0);
		shim_tell_at(DAX_CALL_MSYNC, args, 3, &v);
		return r;
	}
	if (shim_is_bad_range(addr, len) || !shim_maps_lock_slow(&mask))
		return sys3(msync, addr, len, flags);
	while (piece.end < end && r == 0 && !v.error) {
		piece = piece_at(piece.end, end);
		if (is_ours(&piece))
			v = dax_msync_verdict(&piece.vma, flags);
		else
			r = sys3(msync, piece.start, piece.end - piece.start, flags);
		if (v.error && shim_drop_stale(piece.start, 1)) {
			v = dax_allow();
			piece.end = piece.start;
		} else if (r == -ENOMEM) {
			gap = r;
			r = 0;
		}
	}
	shim_maps_unlock_slow(mask);
	if (v.error) {
		shim_tell(&piece.vma, DAX_CALL_MSYNC, args, 3, &v, 0);
		return -v.error;
	}
	return r ? r : gap;
}

/**
 * shim_mlock() - mlock2 of a range in which dax mappings may be
 *
 * mm/mlock.c: mlock_fixup() populates a dax mapping, but does not lock it.
 */
long shim_mlock(uint64_t addr, uint64_t len, int flags)
{
	const uint64_t start = dax_round_down(addr, DAX_PAGE);
	const uint64_t end = dax_round_up(addr + len, DAX_PAGE);
	const uint64_t args[] = {addr, len, (uint64_t)flags};
	struct piece piece = {.end = start};
	struct dax_verdict v = dax_allow();
	uint64_t mask;
	long r;

	r = flags ? sys3(mlock2, addr, len, flags) : sys2(mlock, addr, len);
	if (shim_is_bad_range(start, end - start) || !shim_maps_lock_slow(&mask))
		return r;
	while (piece.end < end) {
		long locked = 0;

		piece = piece_at(piece.end, end);
		if (!is_ours(&piece))
			continue;
		/* A dax mapping is never locked, so it does not wait for its faults. */
		if (flags && !sys_is_error(r))
			locked = sys2(mlock, piece.start, piece.end - piece.start);
		if (sys_is_error(locked))
			r = locked;
		sys2(munlock, piece.start, piece.end - piece.start);
	}
	shim_maps_unlock_slow(mask);
	if (sys_is_error(r))
		v = dax_refuse((int)-r, DAX_KERNEL, 0, 0, 0);
	shim_tell_at(DAX_CALL_MLOCK, args, 3, &v);
	return r;
}

/* Memory with a policy of its own is a mapping of its own. */
static void split_both_ends(uint64_t addr, uint64_t end)
{
	uint64_t mask;

	if (!shim_maps_lock_slow(&mask))
		return;
	if (shim_maps_has_room()) {
		dax_vmas_split(&shim_vmas, addr);
		dax_vmas_split(&shim_vmas, end);
	}
	shim_maps_unlock_slow(mask);
}

/**
 * shim_mbind() - mbind of a range in which dax mappings may be
 * @args:	mbind's arguments behind the length
 */
long shim_mbind(uint64_t addr, uint64_t len, const uint64_t args[4])
{
	const uint64_t shown[] = {addr, len};
	struct dax_verdict v = dax_allow();
	struct dax_vma vma = {0};
	const struct dax_vma *first;
	uint64_t stop = addr + len;
	uint64_t mask;
	long r = 0;

	if (shim_is_bad_range(addr, len) || !shim_maps_lock_slow(&mask))
		return sys6(mbind, addr, len, args[0], args[1], args[2], args[3]);
	first = shim_first_in(addr, len);
	if (first) {
		vma = *first;
		v = dax_mbind_verdict(&shim_vmas, addr, len, &stop);
		if (v.error && shim_drop_stale(addr, len))
			v = dax_mbind_verdict(&shim_vmas, addr, len, &stop);
		if (v.error && shim_maps_has_room())
			dax_vmas_split(&shim_vmas, dax_max(addr, stop));
	}
	shim_maps_unlock_slow(mask);
	if (stop > addr)
		r = sys6(mbind, addr, stop - addr, args[0], args[1], args[2], args[3]);
	if (r < 0)
		return r;
	if (args[0] != 0 /* MPOL_DEFAULT */ && stop > addr)
		split_both_ends(addr, stop);
	if (v.error)
		shim_tell(&vma, DAX_CALL_MBIND, shown, 2, &v, 0);
	return -v.error;
}

/**
 * shim_mincore() - mincore of a range in which dax mappings may be
 *
 * mm/mincore.c goes by page tables here: one touched byte makes its whole unit be
 * there, and entries of the third level it does not know.
 */
long shim_mincore(uint64_t addr, uint64_t len, unsigned char *vec)
{
	const uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	long r = sys3(mincore, addr, len, vec);
	struct piece piece = {.end = addr};
	uint64_t mask;
	long pagemap;

	if (r < 0 || shim_is_bad_range(addr, len) || !shim_maps_lock_slow(&mask))
		return r;
	pagemap = sys3(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	while (piece.end < end && pagemap >= 0) {
		uint64_t pos;
		uint64_t next;

		piece = piece_at(piece.end, end);
		for (pos = piece.start; is_ours(&piece) && pos < piece.end; pos = next) {
			uint64_t unit = dax_round_down(pos, piece.vma.align);
			bool is_there =
				piece.vma.align < DAX_GIB &&
				shim_is_present((int)pagemap, unit, piece.vma.align);

			next = dax_min(unit + piece.vma.align, piece.end);
			memset(vec + (pos - addr) / DAX_PAGE, is_there,
			       (next - pos) / DAX_PAGE);
		}
	}
	shim_maps_unlock_slow(mask);
	if (pagemap >= 0)
		sys1(close, pagemap);
	return r;
}

/**
 * shim_set_thp_disabled() - after prctl(PR_SET_THP_DISABLE)
 *
 * Memory that was not touched can only be touched with huge pages, so not at all.
 */
void shim_set_thp_disabled(bool is_disabled)
{
	uint64_t mask;
	uint32_t i;

	shim_thp_disabled = is_disabled;
	if (!shim_maps_touch(0, UINT64_MAX) || !shim_maps_lock_slow(&mask))
		return;
	for (i = 0; i < shim_vmas.nr; i++) {
		const struct dax_vma *vma = &shim_vmas.v[i];

		if (shim_is_reachable(vma))
			shim_make_whole(vma);
		else
			shim_break_untouched(vma, vma->start, vma->end);
	}
	shim_maps_unlock_slow(mask);
}
