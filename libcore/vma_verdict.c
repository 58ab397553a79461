/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts of device-dax on calls on the dax mappings of a process. */
#include "libcore/vma_verdict.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/verdict.h"
#include "libcore/vmas.h"

#ifndef MADV_COLD
#define MADV_COLD    20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/*
 * Check one end of a range: a border inside a mapping must be on the device's align
 * (drivers/dax/device.c: dev_dax_may_split()).
 */
static struct dax_verdict split_verdict(const struct dax_vma *vma, uint64_t addr)
{
	if (addr > vma->start && addr < vma->end && addr & (vma->align - 1))
		return dax_refuse(EINVAL, DAX_VMA_SPLIT, addr, vma->align, 0);
	return dax_allow();
}

/* Check that a mapping may change (mm/vma.h: can_modify_vma()). */
static struct dax_verdict seal_verdict(const struct dax_vma *vma)
{
	if (vma->flags & DAX_VMA_SEALED)
		return dax_refuse(EPERM, DAX_VMA_IS_SEALED, vma->start, 0, 0);
	return dax_allow();
}

/* Check both ends of the part of [start, end) that is in this mapping. */
static struct dax_verdict split_both(const struct dax_vma *vma, uint64_t start,
				     uint64_t end)
{
	struct dax_verdict v = split_verdict(vma, start);

	return v.error ? v : split_verdict(vma, end);
}

/*
 * mm/vma.c: vma_modify(), of the part of [start, end) that is in a mapping. If that
 * part comes to be like the neighbour whom it touches, the border between the two is
 * moved, and the driver is not asked where it may be. Else the mapping is split.
 */
static struct dax_verdict modify_verdict(const struct dax_vmas *vmas,
					 const struct dax_vma *vma, uint64_t start,
					 uint64_t end, uint32_t clear, uint32_t set)
{
	const struct dax_vma *prev = dax_vmas_prev(vmas, vma);
	const struct dax_vma *next = dax_vmas_next(vmas, vma);
	struct dax_vma part = *vma;

	part.start = dax_max(start, vma->start);
	part.end = dax_min(end, vma->end);
	part.off += part.start - vma->start;
	part.flags = (vma->flags & ~clear) | set;
	if (part.start == vma->start && prev) {
		struct dax_vma before = *prev;

		if (before.end > start) /* it was changed right before */
			before.flags = (before.flags & ~clear) | set;
		if (dax_vma_may_merge(&before, &part))
			return dax_allow();
	}
	if (part.end == vma->end && next && dax_vma_may_merge(&part, next))
		return dax_allow();
	return split_both(vma, start, end);
}

/**
 * dax_munmap_verdict() - the verdict on munmap of a range
 * @vmas:	the process's dax mappings
 * @addr:	page-aligned address
 * @len:	bytes, rounded up to a page here
 *
 * Both ends are split before anything is unmapped, so a refusal leaves the whole range
 * unchanged, other memory in it too (mm/mmap.c: do_vmi_align_munmap()).
 *
 * Return: EPERM if a mapping is sealed, EINVAL if an end is inside a unit, or allowed.
 */
struct dax_verdict dax_munmap_verdict(const struct dax_vmas *vmas, uint64_t addr,
				      uint64_t len)
{
	uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	struct dax_verdict v = dax_allow();
	const struct dax_vma *vma;

	for (vma = dax_vmas_find(vmas, addr); vma && vma->start < end;
	     vma = dax_vmas_next(vmas, vma)) {
		v = seal_verdict(vma);
		if (!v.error)
			v = split_both(vma, addr, end);
		if (v.error)
			break;
	}
	return v;
}

/**
 * dax_replace_verdict() - the verdict on mapping something over a range
 * @kernel:	whose answer
 * @v:		the verdict on unmapping the range
 *
 * Old kernels do not tell why the range could not be unmapped (mm/mmap.c:
 * mmap_region()).
 *
 * Return: the verdict, with ENOMEM for EINVAL where the kernel says that.
 */
struct dax_verdict dax_replace_verdict(enum dax_kernel kernel, struct dax_verdict v)
{
	if (v.reason == DAX_VMA_SPLIT &&
	    !dax_kernel_has(kernel, DAX_RULE_SPLIT_IS_EINVAL))
		v.error = ENOMEM;
	return v;
}

/**
 * dax_mprotect_verdict() - the verdict on mprotect of a range
 * @vmas:	the process's dax mappings
 * @addr:	page-aligned address
 * @len:	bytes, rounded up to a page here
 * @prot:	PROT_*
 * @ret_stop:	receives the address where the call stops, see the header
 *
 * EACCES comes first, and a VMA that already has the protection is not split
 * (mm/mprotect.c: do_mprotect_pkey(), mprotect_fixup()).
 *
 * Return: EACCES for writing to a mapping of a read-only descriptor, EPERM if a mapping is
 * sealed, EINVAL if a border is inside a unit, or allowed.
 */
struct dax_verdict dax_mprotect_verdict(const struct dax_vmas *vmas, uint64_t addr,
					uint64_t len, int prot, uint64_t *ret_stop)
{
	uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	const struct dax_vma *vma;

	for (vma = dax_vmas_find(vmas, addr); vma && vma->start < end;
	     vma = dax_vmas_next(vmas, vma)) {
		struct dax_verdict v = dax_allow();

		if (prot & PROT_WRITE && !(vma->flags & DAX_VMA_MAYWRITE))
			v = dax_refuse(EACCES, DAX_VMA_NO_WRITE, vma->start, 0, 0);
		else if (vma->flags & DAX_VMA_SEALED)
			v = seal_verdict(vma);
		else if ((vma->flags & DAX_VMA_PROT) != ((uint32_t)prot & DAX_VMA_PROT))
			v = modify_verdict(vmas, vma, addr, end, DAX_VMA_PROT,
					   (uint32_t)prot & DAX_VMA_PROT);
		if (v.error) {
			*ret_stop = dax_max(addr, vma->start);
			return v;
		}
	}
	*ret_stop = end;
	return dax_allow();
}

/**
 * dax_mseal_verdict() - the verdict on mseal of a range
 * @vmas:	the process's dax mappings
 * @addr:	page-aligned address
 * @len:	bytes, rounded up to a page here
 * @ret_stop:	receives the address where the call stops, see the header
 *
 * A mapping that is sealed already is not split (mm/mseal.c).
 *
 * Return: EINVAL if a border is inside a unit, or allowed.
 */
struct dax_verdict dax_mseal_verdict(const struct dax_vmas *vmas, uint64_t addr,
				     uint64_t len, uint64_t *ret_stop)
{
	uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	const struct dax_vma *vma;

	for (vma = dax_vmas_find(vmas, addr); vma && vma->start < end;
	     vma = dax_vmas_next(vmas, vma)) {
		struct dax_verdict v = dax_allow();

		if (!(vma->flags & DAX_VMA_SEALED))
			v = modify_verdict(vmas, vma, addr, end, 0, DAX_VMA_SEALED);
		if (v.error) {
			*ret_stop = dax_max(addr, vma->start);
			return v;
		}
	}
	*ret_stop = end;
	return dax_allow();
}

/**
 * dax_mbind_verdict() - the verdict on mbind of a range
 * @vmas:	the process's dax mappings
 * @addr:	page-aligned address
 * @len:	bytes, rounded up to a page here
 * @ret_stop:	receives the address where the call stops, see the header
 *
 * Every VMA is split, even if nothing changes (mm/mempolicy.c: mbind_range()).
 *
 * Return: EINVAL if a border is inside a unit, or allowed.
 */
struct dax_verdict dax_mbind_verdict(const struct dax_vmas *vmas, uint64_t addr,
				     uint64_t len, uint64_t *ret_stop)
{
	uint64_t end = addr + dax_round_up(len, DAX_PAGE);
	const struct dax_vma *vma;

	for (vma = dax_vmas_find(vmas, addr); vma && vma->start < end;
	     vma = dax_vmas_next(vmas, vma)) {
		struct dax_verdict v = split_both(vma, addr, end);

		if (v.error) {
			*ret_stop = dax_max(addr, vma->start);
			return v;
		}
	}
	*ret_stop = end;
	return dax_allow();
}

/**
 * dax_advice() - describe the effect of an advice on a dax mapping
 * @kernel:	whose advice
 * @advice:	advice of madvise(2)
 *
 * An advice that would move or drop pages has no effect: the memory is the device. An
 * advice that is not listed is left to the kernel (mm/madvise.c:
 * madvise_vma_behavior()).
 *
 * Return: the effect.
 */
struct dax_advice dax_advice(enum dax_kernel kernel, int advice)
{
#define KIND(k) ((struct dax_advice){.advice = advice, .kind = DAX_ADVICE_##k})
#define FLAGS(c, s)                                                                      \
	((struct dax_advice){                                                            \
		.advice = advice, .kind = DAX_ADVICE_FLAGS, .clear = (c), .set = (s)})
#define REFUSE(e, r)                                                                     \
	((struct dax_advice){.advice = advice,                                           \
			     .kind = DAX_ADVICE_REFUSE,                                  \
			     .error = (e),                                               \
			     .reason = (r)})
	switch (advice) {
	case MADV_NORMAL:
		return FLAGS(DAX_VMA_RANDOM | DAX_VMA_SEQUENTIAL, 0);
	case MADV_RANDOM:
		return FLAGS(DAX_VMA_SEQUENTIAL, DAX_VMA_RANDOM);
	case MADV_SEQUENTIAL:
		return FLAGS(DAX_VMA_RANDOM, DAX_VMA_SEQUENTIAL);
	case MADV_DONTFORK:
		return FLAGS(0, DAX_VMA_DONTFORK);
	case MADV_DOFORK:
		return FLAGS(DAX_VMA_DONTFORK, 0);
	case MADV_DONTDUMP:
		return FLAGS(0, DAX_VMA_DONTDUMP);
	case MADV_DODUMP:
		return FLAGS(DAX_VMA_DONTDUMP, 0);
	case MADV_NOHUGEPAGE:
		return FLAGS(DAX_VMA_SMALL, DAX_VMA_NOHUGEPAGE);
	case MADV_HUGEPAGE:
		return FLAGS(DAX_VMA_NO_HUGE, 0);
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_WILLNEED:
	case MADV_KEEPONFORK:
		return KIND(NOTHING);
	case MADV_REMOVE:
		return REFUSE(ENODEV, DAX_MADVISE_NO_REMOVE);
	case MADV_FREE:
	case MADV_WIPEONFORK:
	case MADV_COLLAPSE:
		return REFUSE(EINVAL, DAX_MADVISE_REFUSED);
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		if (dax_kernel_has(kernel, DAX_RULE_GUARD))
			return KIND(GUARD);
		return REFUSE(EINVAL, DAX_MADVISE_REFUSED);
	default:
		return KIND(PASS);
	}
#undef KIND
#undef FLAGS
#undef REFUSE
}

/**
 * dax_pin_verdict() - the verdict on pinning memory, for O_DIRECT, vmsplice and the like
 * @vmas:	the process's dax mappings
 * @start:	first byte
 * @end:	behind the last byte
 *
 * Memory without page structs cannot be pinned, though it can be copied to and from
 * (mm/gup.c: check_vma_flags()).
 *
 * Return: EFAULT, or allowed.
 */
struct dax_verdict dax_pin_verdict(const struct dax_vmas *vmas, uint64_t start,
				   uint64_t end)
{
	const struct dax_vma *vma;

	for (vma = dax_vmas_find(vmas, start); vma && vma->start < end;
	     vma = dax_vmas_next(vmas, vma))
		if (vma->flags & DAX_VMA_NO_PAGES)
			return dax_refuse(EFAULT, DAX_PIN_NO_PAGES, vma->start, 0, 0);
	return dax_allow();
}

/**
 * dax_madvise_verdict() - the verdict on madvise of part of a mapping
 * @vmas:	the process's dax mappings
 * @vma:	one of them
 * @start:	first byte
 * @end:	behind the last byte; may be outside of the mapping, as may @start
 * @advice:	from dax_advice()
 */
struct dax_verdict dax_madvise_verdict(const struct dax_vmas *vmas,
				       const struct dax_vma *vma, uint64_t start,
				       uint64_t end, const struct dax_advice *advice)
{
	const struct dax_advice a = *advice;

	if (a.advice == MADV_DOFORK && vma->flags & DAX_VMA_NO_PAGES)
		return dax_refuse(EINVAL, DAX_MADVISE_NO_PAGES, vma->start, 0, 0);
	if (a.kind == DAX_ADVICE_REFUSE) {
		/* mm/madvise.c: madvise_remove(): vma_is_shared_maywrite() */
		if (a.advice == MADV_REMOVE && !(vma->flags & DAX_VMA_MAYWRITE))
			return dax_refuse(EACCES, DAX_VMA_NO_WRITE, vma->start, 0, 0);
		return dax_refuse(a.error, a.reason, (uint64_t)a.advice, 0, 0);
	}
	if (a.kind == DAX_ADVICE_FLAGS && ((vma->flags & ~a.clear) | a.set) != vma->flags)
		return modify_verdict(vmas, vma, start, end, a.clear, a.set);
	return dax_allow();
}

/**
 * dax_failure_right_verdict() - the verdict on the right to break memory
 * @advice:	MADV_HWPOISON or MADV_SOFT_OFFLINE
 * @is_admin:	true if the process has CAP_SYS_ADMIN
 *
 * The kernel checks this before the range (mm/madvise.c: madvise_inject_error()).
 *
 * Return: EPERM, or allowed.
 */
struct dax_verdict dax_failure_right_verdict(int advice, bool is_admin)
{
	if (!is_admin)
		return dax_refuse(EPERM, DAX_MADVISE_NO_RIGHT, (uint64_t)advice, 0, 0);
	return dax_allow();
}

/**
 * dax_failure_verdict() - the verdict on breaking a unit of a mapping
 * @vma:	the mapping
 * @dev:	its device
 * @addr:	address in @vma
 * @advice:	MADV_HWPOISON or MADV_SOFT_OFFLINE
 *
 * The kernel touches the page first (mm/madvise.c: madvise_inject_error()), and takes
 * only online memory offline, which a device's is not (mm/memory-failure.c:
 * soft_offline_page()).
 *
 * Return: EFAULT if the unit cannot be touched, EIO for MADV_SOFT_OFFLINE, or allowed.
 */
struct dax_verdict dax_failure_verdict(const struct dax_vma *vma,
				       const struct dax_device *dev, uint64_t addr,
				       int advice)
{
	const uint64_t off = vma->off + (addr - vma->start);

	if (!(vma->flags & DAX_VMA_PROT) || dax_vma_is_broken(vma) ||
	    !dax_device_is_alive(dev) || dev->life != vma->life || off < vma->off ||
	    off >= dev->size)
		return dax_refuse(EFAULT, DAX_MADVISE_NOTHING_THERE, addr, 0, 0);
	if (advice == 101 /* MADV_SOFT_OFFLINE */)
		return dax_refuse(EIO, DAX_MADVISE_NO_OFFLINE, 0, 0, 0);
	return dax_allow();
}

/**
 * dax_process_madvise_verdict() - the verdict on an advice by process_madvise(2)
 * @kernel:	whose answer
 * @advice:	advice of process_madvise(2)
 * @is_self:	true if the process advises itself
 * @is_nice:	true if it has CAP_SYS_NICE
 *
 * Kernels that take every advice for the process itself judge it as madvise(2), range by
 * range (mm/madvise.c: process_madvise_remote_valid(), before
 * process_madvise_behavior_valid()).
 *
 * Return: EINVAL, EPERM, or allowed.
 */
struct dax_verdict dax_process_madvise_verdict(enum dax_kernel kernel, int advice,
					       bool is_self, bool is_nice)
{
	const bool is_gentle =
		advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;

	const bool takes_all = is_self && dax_kernel_has(kernel, DAX_RULE_ADVISES_SELF);
	const bool is_collapse = advice == MADV_COLLAPSE; /* on the list */

	if (!is_gentle && !is_collapse && !takes_all)
		return dax_refuse(EINVAL, DAX_MADVISE_PROCESS, (uint64_t)advice, 0, 0);
	if (!is_nice &&
	    !(is_self && dax_kernel_has(kernel, DAX_RULE_ADVISES_UNPRIVILEGED)))
		return dax_refuse(EPERM, DAX_MADVISE_PROCESS, (uint64_t)advice, 0, 0);
	if (is_collapse && !takes_all)
		return dax_refuse(EINVAL, DAX_MADVISE_PROCESS, (uint64_t)advice, 0, 0);
	return dax_allow();
}

/**
 * dax_msync_verdict() - the verdict on msync of a mapping
 * @vma:	a dax mapping
 * @flags:	MS_*
 *
 * MS_SYNC calls vfs_fsync_range(), and the driver has no fsync (mm/msync.c).
 *
 * Return: EINVAL, or allowed.
 */
struct dax_verdict dax_msync_verdict(const struct dax_vma *vma, int flags)
{
	/* The kernel clears VM_SHARED in a mapping of a read-only descriptor. */
	if (flags & MS_SYNC && vma->flags & DAX_VMA_MAYWRITE)
		return dax_refuse(EINVAL, DAX_NO_MSYNC, vma->start, 0, 0);
	return dax_allow();
}

static void mremap_refuse(struct dax_mremap_answer *ret, int error,
			  enum dax_reason reason)
{
	ret->v = dax_refuse(error, reason, 0, 0, 0);
	ret->how = DAX_MREMAP_REFUSE;
}

/* True if a fixed target is no place for the result, or overlaps the source. */
static bool is_bad_target(const struct dax_mremap_request *req, uint64_t old_len,
			  uint64_t new_len)
{
	return req->new_addr & (DAX_PAGE - 1) || new_len > DAX_TASK_SIZE ||
	       req->new_addr > DAX_TASK_SIZE - new_len ||
	       (req->old_addr + old_len > req->new_addr &&
		req->new_addr + new_len > req->old_addr);
}

/**
 * dax_mremap_verdict() - the verdict on mremap of a dax mapping, and its effect
 * @vma:	the mapping that old_addr is in
 * @req:	mremap's arguments
 * @ret:	receives verdict and effect
 *
 * The driver's alignment rule does not apply to the result: a mapping may grow or move
 * to an unaligned place, and then faults (mm/mremap.c).
 */
void dax_mremap_verdict(const struct dax_vma *vma, const struct dax_mremap_request *req,
			struct dax_mremap_answer *ret)
{
	const int known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
	const bool is_fixed = req->flags & MREMAP_FIXED;
	const bool dont_unmap = req->flags & MREMAP_DONTUNMAP;
	const uint64_t old_len = dax_round_up(req->old_len, DAX_PAGE);
	const uint64_t new_len = dax_round_up(req->new_len, DAX_PAGE);
	const bool checks_first =
		dax_kernel_has(req->kernel, DAX_RULE_MREMAP_CHECKS_FIRST);
	uint64_t len = old_len;

	memset(ret, 0, sizeof(*ret));
	ret->old_len = old_len;
	ret->new_len = new_len;
	ret->off = vma->off + (req->old_addr - vma->start);
	ret->may_move = req->flags & MREMAP_MAYMOVE;
	ret->is_fixed = is_fixed;
	ret->keeps_old = dont_unmap || !old_len;

	if (checks_first && new_len > DAX_TASK_SIZE) {
		mremap_refuse(ret, EINVAL, DAX_MREMAP_ARGUMENT);
		return;
	}
	if (req->flags & ~known || (is_fixed && !ret->may_move) ||
	    (dont_unmap && (!ret->may_move || req->old_len != req->new_len)) ||
	    req->old_addr & (DAX_PAGE - 1) || !new_len) {
		mremap_refuse(ret, EINVAL, DAX_MREMAP_ARGUMENT);
		return;
	}
	if (is_fixed && is_bad_target(req, old_len, new_len)) {
		mremap_refuse(ret, EINVAL, DAX_MREMAP_ARGUMENT);
		return;
	}
	if (vma->flags & DAX_VMA_SEALED) {
		mremap_refuse(ret, EPERM, DAX_VMA_IS_SEALED);
		return;
	}
	if (is_fixed || dont_unmap) { /* mremap_to() */
		if (old_len > new_len) {
			ret->unmap_tail = old_len - new_len;
			len = new_len;
		}
		ret->how = DAX_MREMAP_MOVE;
	} else if (old_len == new_len) {
		ret->how = DAX_MREMAP_STAY;
		return;
	} else if (old_len > new_len) {
		ret->how = DAX_MREMAP_SHRINK;
		return;
	} else {
		ret->how = DAX_MREMAP_GROW;
	}
	ret->old_len = len;

	/* Old kernels check the rest after target and tail are unmapped. */
	ret->is_late = is_fixed && !checks_first;
	if ((checks_first ? old_len : len) > vma->end - req->old_addr) {
		mremap_refuse(ret, EFAULT, DAX_MREMAP_CROSSES);
		return;
	}
	if (ret->off / DAX_PAGE + new_len / DAX_PAGE > UINT64_MAX / DAX_PAGE) {
		mremap_refuse(ret, EINVAL, DAX_MREMAP_ARGUMENT);
		return;
	}
	if (ret->how == DAX_MREMAP_GROW && !ret->may_move &&
	    len != vma->end - req->old_addr)
		mremap_refuse(ret, ENOMEM, DAX_MREMAP_ARGUMENT);
}

/**
 * dax_mremap_move_verdict() - the verdict on moving part of a mapping away
 * @vma:	the mapping
 * @addr:	first byte of the part
 * @len:	bytes
 *
 * The kernel calls may_split for both ends before it moves anything, even if nothing
 * needs a split: a duplicate (length 0) of a mapping that begins off the align
 * (mm/mremap.c: move_vma()).
 *
 * Return: EINVAL if an end is inside a unit, or allowed.
 */
struct dax_verdict dax_mremap_move_verdict(const struct dax_vma *vma, uint64_t addr,
					   uint64_t len)
{
	const uint64_t mask = vma->align - 1;
	const uint64_t end = addr + len;

	if (vma->start != addr && addr & mask)
		return dax_refuse(EINVAL, DAX_VMA_SPLIT, addr, vma->align, 0);
	if (vma->end != end && end & mask)
		return dax_refuse(EINVAL, DAX_VMA_SPLIT, end, vma->align, 0);
	return dax_allow();
}
