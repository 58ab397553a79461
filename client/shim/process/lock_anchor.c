/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks on a device that outlive the descriptor.
 *
 * A mapping keeps the open file that it was made of, and with it the file's flock and
 * OFD locks: PMDK locks the device, maps it, closes the descriptor, and relies on it
 * that nobody else gets the lock before the mapping is gone. Our mappings are of the
 * backing store. So who locks a device and maps it gets an anchor besides: a page
 * without any access, mapped of the locked descriptor itself, for as long as there is
 * a mapping of that open file. It is inherited by fork as the others are.
 */
#include "client/shim/process/lock_anchor.h"

#include <stddef.h>
#include <sys/mman.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/hook.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"

#define NR_LOCKED 64

/* Open files that were locked; the latest ones, if they are more. */
static struct {
	uint64_t file; /* shim_ident_file(); 0: nothing stands here */
	uint64_t addr; /* of the anchor; 0: nothing is mapped */
} locked[NR_LOCKED];

static uint32_t nr_locked; /* that ever were */

static bool is_mapped_locked(uint64_t file)
{
	uint32_t i;

	for (i = 0; i < shim_vmas.nr; i++)
		if (shim_vmas.v[i].file == file)
			return true;
	return false;
}

static void map_anchor_locked(uint32_t i, int fd)
{
	long p = sys6(mmap, NULL, DAX_PAGE, PROT_NONE, MAP_SHARED, fd, 0);

	/* A real node (CUSE) has no mmap: its locks end with the descriptor. */
	if (!sys_is_error(p))
		locked[i].addr = (uint64_t)p;
}

/* Lets go of the files that nothing is mapped of any more. */
static void drop_unused_locked(void)
{
	uint32_t i;

	if (likely(!nr_locked))
		return;
	for (i = 0; i < NR_LOCKED; i++) {
		if (!locked[i].addr || is_mapped_locked(locked[i].file))
			continue;
		sys2(munmap, locked[i].addr, DAX_PAGE);
		locked[i].addr = 0;
	}
}

/**
 * shim_lock_anchor_on_lock() - note that the program has locked a device
 * @fd:	a descriptor of the locked open file
 *
 * Takes the shim's own lock. Async-signal-safe.
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
	/* The place of one that is not mapped, the oldest first. */
	for (n = 0; i == NR_LOCKED && n < NR_LOCKED; n++)
		if (!locked[(nr_locked + n) % NR_LOCKED].addr)
			i = (nr_locked + n) % NR_LOCKED;
	if (i < NR_LOCKED && locked[i].file != file) {
		locked[i].file = file;
		__atomic_store_n(&nr_locked, nr_locked + 1, __ATOMIC_RELAXED);
	}
	if (i < NR_LOCKED && !locked[i].addr && is_mapped_locked(file))
		map_anchor_locked(i, fd);
	shim_unlock_masked(mask);
}

/**
 * shim_lock_anchor_on_map() - note that the program has mapped a device
 * @fd:		the descriptor that it was mapped from
 * @file:	its shim_ident_file()
 *
 * Takes the shim's own lock, if any device was ever locked. Async-signal-safe.
 */
void shim_lock_anchor_on_map(int fd, uint64_t file)
{
	uint64_t mask;
	uint32_t i;

	if (likely(!__atomic_load_n(&nr_locked, __ATOMIC_RELAXED)) ||
	    !shim_lock_masked(&mask))
		return;
	for (i = 0; i < NR_LOCKED; i++)
		if (locked[i].file == file && !locked[i].addr && is_mapped_locked(file))
			map_anchor_locked(i, fd);
	shim_unlock_masked(mask);
}

/**
 * shim_lock_anchor_is_at_locked() - tell whether a mapping of the kernel's is an anchor
 * @addr:	its first byte
 *
 * Return: true if it is one, of which the program must not know.
 */
bool shim_lock_anchor_is_at_locked(uint64_t addr)
{
	uint32_t i;

	for (i = 0; i < NR_LOCKED && nr_locked; i++)
		if (locked[i].addr && locked[i].addr == addr)
			return true;
	return false;
}
