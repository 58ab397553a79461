/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep file locks on a device after its descriptor is closed.
 *
 * A real mapping holds the open file that it was made from, and with it the flock and OFD
 * locks of that file. PMDK locks the device, maps it, closes the descriptor, and relies
 * on the lock being held until the mapping is gone. The shim's mappings, however, are of
 * the backing store. So when a program has locked and mapped a device, the shim also maps
 * an anchor: a PROT_NONE page of the locked descriptor itself, for as long as any
 * mapping of that open file exists. A forked child inherits the anchor, as it inherits
 * the mappings.
 */
#include "client/shim/process/lock_anchor.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/hook.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"

#define NR_LOCKED DAX_VMAS_COUNTS

/* Open files that were locked; the most recent ones if there were more. */
static struct {
	uint64_t file; /* shim_ident_file(); 0: unused entry */
	uint64_t addr; /* of the anchor; 0: no anchor is mapped */
	uint64_t len;  /* of the anchor: a page of the handle's file system */
} locked[NR_LOCKED];

static uint32_t nr_locked; /* how many open files were ever noted */

/* True if there is a mapping of an open file. The list counts them at the same index. */
static bool is_mapped_locked(uint32_t i)
{
	return shim_vmas->counts[i].file == locked[i].file && shim_vmas->counts[i].nr;
}

static void map_anchor_locked(uint32_t i, int fd)
{
	uint64_t len = DAX_PAGE;
	struct stat st;
	long p;

	/* A handle may be on a hugetlbfs, which can only map whole pages of its size. */
	if (sys2(fstat, fd, &st) == 0)
		len = dax_max(len, (uint64_t)st.st_blksize);
	p = sys6(mmap, NULL, len, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	/* A real node (CUSE) cannot be mapped: its locks end with the descriptor. */
	if (sys_is_error(p))
		return;
	locked[i].addr = (uint64_t)p;
	locked[i].len = len;
}

/* Unmaps the anchors of open files of which no mapping is left. */
static void drop_unused_locked(void)
{
	uint32_t i;

	if (likely(!nr_locked))
		return;
	for (i = 0; i < NR_LOCKED; i++) {
		if (!locked[i].addr || is_mapped_locked(i))
			continue;
		sys2(munmap, locked[i].addr, locked[i].len);
		locked[i].addr = 0;
	}
}

/**
 * shim_lock_anchor_on_lock() - note that the program has locked a device
 * @fd:	a descriptor of the locked open file
 *
 * Maps an anchor if the open file is mapped already. Takes the shim's own lock.
 * Async-signal-safe.
 */
void shim_lock_anchor_on_lock(int fd)
{
	const uint64_t file = shim_ident_file(fd);
	uint64_t mask;
	uint32_t i;
	uint32_t n;

	if (!file || !shim_lock_masked(&mask))
		return;
	shim_hook_set(&shim_maps_on_change, drop_unused_locked);
	for (i = 0; i < NR_LOCKED; i++)
		if (locked[i].file == file)
			break;
	/* Reuse the oldest entry that has no anchor. */
	for (n = 0; i == NR_LOCKED && n < NR_LOCKED; n++)
		if (!locked[(nr_locked + n) % NR_LOCKED].addr)
			i = (nr_locked + n) % NR_LOCKED;
	if (i < NR_LOCKED && locked[i].file != file) {
		locked[i].file = file;
		dax_vmas_count(shim_vmas, i, file);
		__atomic_store_n(&nr_locked, nr_locked + 1, __ATOMIC_RELAXED);
	}
	if (i < NR_LOCKED && !locked[i].addr && is_mapped_locked(i))
		map_anchor_locked(i, fd);
	shim_unlock_masked(mask);
}

/* True if an open file was locked and has no anchor. Read without the lock. */
static bool may_lack_anchor(uint64_t file)
{
	uint32_t i;

	for (i = 0; i < NR_LOCKED; i++)
		if (__atomic_load_n(&locked[i].file, __ATOMIC_RELAXED) == file &&
		    !__atomic_load_n(&locked[i].addr, __ATOMIC_RELAXED))
			return true;
	return false;
}

/**
 * shim_lock_anchor_on_map() - note that the program has mapped a device
 * @fd:		the descriptor that it was mapped from
 * @file:	shim_ident_file() of the descriptor
 *
 * Maps an anchor if the open file was locked. Takes the shim's own lock if any device was
 * ever locked. Async-signal-safe.
 */
void shim_lock_anchor_on_map(int fd, uint64_t file)
{
	uint64_t mask;
	uint32_t i;

	if (likely(!__atomic_load_n(&nr_locked, __ATOMIC_RELAXED)) ||
	    !may_lack_anchor(file) || !shim_lock_masked(&mask))
		return;
	for (i = 0; i < NR_LOCKED; i++)
		if (locked[i].file == file && !locked[i].addr && is_mapped_locked(i))
			map_anchor_locked(i, fd);
	shim_unlock_masked(mask);
}

/**
 * shim_lock_anchor_is_at_locked() - tell whether an anchor begins at an address
 * @addr:	first byte of a mapping in /proc/self/maps
 *
 * Async-signal-safe.
 *
 * Return: true if the mapping is an anchor, which must be hidden from the program.
 */
bool shim_lock_anchor_is_at_locked(uint64_t addr)
{
	uint32_t i;

	for (i = 0; i < NR_LOCKED && nr_locked; i++)
		if (locked[i].addr && locked[i].addr == addr)
			return true;
	return false;
}
