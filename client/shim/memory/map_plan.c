/* SPDX-License-Identifier: BSD-2-Clause */
/* Making real mappings: where there is room, of a backing store, of nothing. */
#include "client/shim/memory/map_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "libcore/fault.h"
#include "libcore/plan.h"
#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/fd_limit.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/touch.h"

/* What an mmap of a device may hand on to the mmap of its backing store. */
#define HANDED_ON (MAP_POPULATE | MAP_NONBLOCK | MAP_NORESERVE | MAP_LOCKED)

/**
 * shim_map_plan_reserve() - find room, as the driver's get_unmapped_area does
 * @len:	bytes, page-rounded
 * @align:	the device's
 * @off:	the address is to be congruent to this, modulo @align
 * @flags:	of mmap: MAP_32BIT counts
 *
 * Return: the address of @len reserved bytes (PROT_NONE), or a negative errno.
 */
long shim_map_plan_reserve(uint64_t len, uint64_t align, uint64_t off, int flags)
{
	const uint64_t slack = align > DAX_PAGE ? align : 0;
	uint64_t addr;
	long p;

	if (len + slack < len)
		return -ENOMEM;
	p = sys6(mmap, NULL, len + slack, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (flags & MAP_32BIT), -1,
		 0);
	if (sys_is_error(p) || !slack)
		return p;
	addr = (uint64_t)p + ((off - (uint64_t)p) & (align - 1));
	if (addr > (uint64_t)p)
		sys2(munmap, p, addr - (uint64_t)p);
	if (addr < (uint64_t)p + slack)
		sys2(munmap, addr + len, (uint64_t)p + slack - addr);
	return (long)addr;
}

/*
 * Maps memory of which every touch is SIGBUS: a file with nothing in it, sealed so
 * that nothing can come into it.
 */
static long map_hole(uint64_t addr, uint64_t len, int prot, int flags)
{
	long fd = sys2(memfd_create, "dax", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t soft;
	long p;

	if (unlikely(fd == -EMFILE) && shim_fd_limit_raise(&soft)) {
		fd = sys2(memfd_create, "dax", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		shim_fd_limit_set(soft);
	}
	if (fd < 0)
		return fd;
	sys3(fcntl, fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	p = sys6(mmap, addr, len, prot, flags, fd, 0);
	sys1(close, fd);
	return p;
}

/*
 * Maps a piece of a backing store. What hugetlbfs can't map, because it begins inside
 * a unit, shows nothing: on a real device what it shows is undefined.
 */
static long map_piece(const struct dax_device *dev, uint64_t addr, uint64_t len, int prot,
		      int flags, int backing, uint64_t store)
{
	long p = sys6(mmap, addr, len, prot, flags, backing, store);

	if (unlikely(p == -EINVAL) && store & (dev->align - 1))
		p = map_hole(addr, len, prot, flags);
	return p;
}

/**
 * shim_map_plan() - map a stretch of a device at an address
 * @dev:	the device; what it does not serve becomes holes
 * @addr:	where; with neither MAP_FIXED nor MAP_FIXED_NOREPLACE in @flags, a
 *		page-aligned hint
 * @len:	bytes
 * @off:	device offset
 * @prot:	PROT_*
 * @flags:	of the program's mmap, and how @addr is meant
 * @backing:	descriptor of the backing store; not used if @dev is all hole
 *
 * What was at a fixed address is replaced in one step; with a failure after that it
 * is gone, as with the kernel's own.
 *
 * Return: the address, or a negative errno.
 */
long shim_map_plan(const struct dax_device *dev, uint64_t addr, uint64_t len,
		   uint64_t off, int prot, int flags, int backing)
{
	const int how = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT);
	int real = MAP_SHARED | (flags & HANDED_ON);
	struct dax_segment seg;
	struct dax_plan plan;
	struct dax_fault_who me;
	long p = -EINVAL;

	dax_plan_init(&plan, dev, off, len);
	if (unlikely(dev->flags & DAX_DEVICE_BAD)) {
		shim_self_who(&me);
		dax_plan_mind_bad(&plan, shim_session_if_known()->state, &me);
	}
	dax_plan_next(&plan, &seg);
	if (seg.len == len && !seg.is_hole) {
		p = map_piece(dev, addr, len, prot, real | how, backing, seg.store);
	} else {
		/* The whole of it first: it finds the place, and has the right size. */
		p = map_hole(addr, len, prot, real | how);
		if (sys_is_error(p))
			return p;
		do {
			long r = 0;

			if (!seg.is_hole)
				r = map_piece(dev, (uint64_t)p + seg.pos, seg.len, prot,
					      real | MAP_FIXED, backing, seg.store);
			if (sys_is_error(r)) {
				sys2(munmap, p, len);
				return r;
			}
		} while (dax_plan_next(&plan, &seg));
	}
	/* mm/mlock.c: mlock_fixup() leaves a dax mapping alone, once it is populated. */
	if (unlikely(flags & MAP_LOCKED) && !sys_is_error(p))
		sys2(munlock, p, len);
	if (shim_session_has_faults(shim_session_if_known(), DAX_FAULT_TOUCH) &&
	    !sys_is_error(p))
		shim_touch_mapped(dev, (uint64_t)p, len);
	return p;
}

/**
 * shim_map_plan_over() - make a part of a mapping what it should be
 * @dev:	the device as it is now
 * @addr:	where; a mapping of it is there
 * @len:	bytes
 * @off:	device offset
 * @prot:	PROT_*
 * @backing:	descriptor of the backing store, or a negative errno: then only holes
 *
 * Piece by piece, each replaced in one step: what is good is good at every moment.
 */
void shim_map_plan_over(const struct dax_device *dev, uint64_t addr, uint64_t len,
			uint64_t off, int prot, int backing)
{
	struct dax_segment seg;
	struct dax_plan plan;
	struct dax_fault_who me;

	dax_plan_init(&plan, dev, off, len);
	shim_self_who(&me);
	dax_plan_mind_bad(&plan, shim_session_if_known()->state, &me);
	while (dax_plan_next(&plan, &seg)) {
		if (seg.is_hole)
			map_hole(addr + seg.pos, seg.len, prot, MAP_SHARED | MAP_FIXED);
		else if (backing >= 0)
			sys6(mmap, addr + seg.pos, seg.len, prot, MAP_SHARED | MAP_FIXED,
			     backing, seg.store);
	}
	if (shim_session_has_faults(shim_session_if_known(), DAX_FAULT_TOUCH))
		shim_touch_mapped(dev, addr, len);
}

/*
 * Where the last mapping was put, or freed: the next one is tried right below or
 * there, which finds an aligned place with one system call where asking the kernel
 * for room would take three. Only a guess; any thread may spoil it.
 */
static uint64_t last_end;

/**
 * shim_map_plan_hint() - guess where there is room for the next mapping
 *
 * Return: the address at which it should end, or 0 if there is no guess.
 */
uint64_t shim_map_plan_hint(void)
{
	return __atomic_load_n(&last_end, __ATOMIC_RELAXED);
}

/**
 * shim_map_plan_set_hint() - note where there is room for the next mapping
 * @end:	the start of a mapping that was just made, or the end of a freed range
 */
void shim_map_plan_set_hint(uint64_t end)
{
	__atomic_store_n(&last_end, end, __ATOMIC_RELAXED);
}
