/* SPDX-License-Identifier: BSD-2-Clause */
/* Make the real mappings: find room, map backing stores and holes. */
#include "client/shim/memory/map_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "libcore/fault.h"
#include "libcore/plan.h"
#include "libcore/size.h"
#include "libcore/verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/dump.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/fd_limit.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/touch.h"

/* Flags of the program's mmap that are passed to the mmap of the backing store. */
#define HANDED_ON (MAP_POPULATE | MAP_NONBLOCK | MAP_NORESERVE | MAP_LOCKED)

/* Where mappings are made whose place the program leaves open. */
uint64_t shim_map_plan_window;

/**
 * shim_map_plan_reserve() - find room for a mapping, as the driver does
 * @len:	bytes, a multiple of the page size
 * @align:	align of the device
 * @off:	the address will be congruent to this, modulo @align
 * @flags:	flags of mmap; only MAP_32BIT counts
 *
 * Aligns the address as the driver does (drivers/dax/device.c:
 * dax_get_unmapped_area()). Async-signal-safe.
 *
 * Return: the address of @len reserved bytes (PROT_NONE), or a negative errno.
 */
long shim_map_plan_reserve(uint64_t len, uint64_t align, uint64_t off, int flags)
{
	const uint64_t slack = align > DAX_PAGE ? align : 0;
	uint64_t hint = 0;
	uint64_t addr;
	long p;

	if (len + slack < len)
		return -ENOMEM;
	if (unlikely(shim_map_plan_window != 0) && !(flags & MAP_32BIT))
		/* At the end of the room, as the kernel does. */
		hint = __atomic_add_fetch(&shim_map_plan_window,
					  dax_round_up(len + slack, UINT64_C(1) << 30),
					  __ATOMIC_RELAXED) -
		       (len + slack);
	p = sys6(mmap, hint, len + slack, PROT_NONE,
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
 * Maps a hole, where every access is SIGBUS: an empty file, sealed so that it cannot
 * grow.
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
 * Advises the kernel to use huge pages in a piece of a file, as the driver does
 * (drivers/dax/device.c: dax_mmap() sets VM_HUGEPAGE). A file system with large folios
 * then reads and maps 2 MiB at a fault.
 */
static void advise(const struct shim_map_plan *map, long addr, uint64_t len)
{
	if (unlikely(shim_backing_is_small_paged(map->backing)) &&
	    map->dev->align > DAX_PAGE && !sys_is_error(addr))
		sys3(madvise, addr, len, MADV_HUGEPAGE);
}

/*
 * Maps a piece of a backing store. hugetlbfs cannot map a piece that begins inside a
 * unit; it becomes a hole, as its contents on a real device are undefined.
 */
static long map_piece(const struct shim_map_plan *map, const struct dax_segment *seg,
		      uint64_t addr, int flags)
{
	long p = sys6(mmap, addr, seg->len, map->prot, flags, map->backing, seg->store);

	advise(map, p, seg->len);
	if (unlikely(p == -EINVAL) && seg->store & (map->dev->align - 1))
		p = map_hole(addr, seg->len, map->prot, flags);
	return p;
}

/**
 * shim_map_plan() - map a stretch of a device at an address
 * @map:	the stretch
 *
 * With neither MAP_FIXED nor MAP_FIXED_NOREPLACE in the flags, the address is a
 * page-aligned hint. The descriptor is not used if all of the stretch is a hole.
 *
 * Memory at a fixed address is replaced in one step. If the function fails after that,
 * the memory is gone, as with the kernel's own mmap. Async-signal-safe.
 *
 * Return: the address, or a negative errno.
 */
long shim_map_plan(const struct shim_map_plan *map)
{
	const int how = map->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT);
	int real = MAP_SHARED | (map->flags & HANDED_ON);
	struct dax_segment seg;
	struct dax_plan plan;
	struct dax_fault_who self;
	long p = -EINVAL;

	dax_plan_init(&plan, map->dev, map->off, map->len);
	if (unlikely(map->dev->flags & DAX_DEVICE_BAD)) {
		shim_self_who(&self);
		dax_plan_mind_bad(&plan, shim_session_if_known()->state, &self);
	}
	dax_plan_next(&plan, &seg);
	if (seg.len == map->len && !seg.is_hole) {
		p = map_piece(map, &seg, map->addr, real | how);
	} else {
		/* First map a hole of the full length, which also finds the place. */
		p = map_hole(map->addr, map->len, map->prot, real | how);
		if (sys_is_error(p))
			return p;
		do {
			long r = 0;

			if (!seg.is_hole)
				r = map_piece(map, &seg, (uint64_t)p + seg.pos,
					      real | MAP_FIXED);
			if (sys_is_error(r)) {
				sys2(munmap, p, map->len);
				return r;
			}
		} while (dax_plan_next(&plan, &seg));
	}
	if (!sys_is_error(p))
		shim_dump_exclude((uint64_t)p, map->len);
	/* A dax mapping is populated, but not locked (mm/mlock.c: mlock_fixup()). */
	if (unlikely(map->flags & MAP_LOCKED) && !sys_is_error(p))
		sys2(munlock, p, map->len);
	if (shim_session_has_faults(shim_session_if_known(), DAX_FAULT_TOUCH) &&
	    !sys_is_error(p))
		shim_touch_mapped(map->dev, (uint64_t)p, map->len);
	return p;
}

/**
 * shim_map_plan_over() - map a part of a mapping again, as its device is now
 * @map:	the part; its flags are not used. If its descriptor is negative, only the
 *		holes are made
 *
 * Replaces each piece in one step, so that good memory is accessible at every moment.
 * Async-signal-safe.
 */
void shim_map_plan_over(const struct shim_map_plan *map)
{
	struct dax_segment seg;
	struct dax_plan plan;
	struct dax_fault_who self;

	dax_plan_init(&plan, map->dev, map->off, map->len);
	/* Units begin where addresses are multiples of the align. */
	dax_plan_set_unit(&plan, map->off - (map->addr & (map->dev->align - 1)));
	shim_self_who(&self);
	dax_plan_mind_bad(&plan, shim_session_if_known()->state, &self);
	while (dax_plan_next(&plan, &seg)) {
		if (seg.is_hole)
			map_hole(map->addr + seg.pos, seg.len, map->prot,
				 MAP_SHARED | MAP_FIXED);
		else if (map->backing >= 0)
			advise(map,
			       sys6(mmap, map->addr + seg.pos, seg.len, map->prot,
				    MAP_SHARED | MAP_FIXED, map->backing, seg.store),
			       seg.len);
	}
	shim_dump_exclude(map->addr, map->len);
	if (shim_session_has_faults(shim_session_if_known(), DAX_FAULT_TOUCH))
		shim_touch_mapped(map->dev, map->addr, map->len);
}

/*
 * Where the last mapping began, or the last freed range ended. The next mapping is tried
 * to end there, which finds an aligned place with one system call instead of the three of
 * shim_map_plan_reserve(). Only a guess: any thread may use the place in between.
 */
static uint64_t last_end;

/**
 * shim_map_plan_hint() - guess where there is room for the next mapping
 *
 * Async-signal-safe.
 *
 * Return: the address at which the mapping should end, or 0 if there is no guess.
 */
uint64_t shim_map_plan_hint(void)
{
	return __atomic_load_n(&last_end, __ATOMIC_RELAXED);
}

/**
 * shim_map_plan_set_hint() - note where there is room for the next mapping
 * @end:	start of a new mapping, or end of a freed range
 *
 * Async-signal-safe.
 */
void shim_map_plan_set_hint(uint64_t end)
{
	__atomic_store_n(&last_end, end, __ATOMIC_RELAXED);
}
