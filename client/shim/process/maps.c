/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of the process's dax mappings.
 *
 * The list holds what the program has requested, besides what the kernel really maps.
 * Where the two may differ (the program unmapped memory without libc), the kernel is
 * right: a call is refused only after a look at /proc/self/maps.
 *
 * Order: an entry is removed before its memory is unmapped and inserted after the memory
 * was mapped, so that no thread finds an entry for memory that is not a dax mapping.
 */
#include "client/shim/process/maps.h"

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/vma_verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/libc.h"
#include "client/shim/base/hex.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"

/* Room for one leaf in use, and for what two changes can add to it. */
#define FIRST_LEAVES (1 + 2 * DAX_VMAS_GROWTH)

static struct dax_vmas_leaf first_leaves[FIRST_LEAVES];
static struct dax_vmas_key first_keys[FIRST_LEAVES];

/* The list and, while it is copied to other memory, the copy. */
static struct dax_vmas lists[2] = {
	{.leaves = first_leaves, .keys = first_keys, .max = FIRST_LEAVES}};
struct dax_vmas *shim_vmas = &lists[0];

shim_hook *shim_maps_on_change;
shim_hook *shim_maps_on_fork;

/* All dax mappings lie in [lowest, highest). Read without the lock. */
static uint64_t lowest;
static uint64_t highest;

/**
 * shim_maps_touch() - tell whether there may be a dax mapping in a range
 * @addr:	first byte
 * @len:	bytes
 *
 * Reads two words without the lock. That is the price that every munmap of every program
 * pays.
 * Async-signal-safe.
 *
 * Return: false if there is no dax mapping in the range; true if there may be one.
 */
bool shim_maps_touch(uint64_t addr, uint64_t len)
{
	uint64_t end;

	if (__builtin_add_overflow(addr, len, &end))
		end = UINT64_MAX;
	return addr < __atomic_load_n(&highest, __ATOMIC_RELAXED) &&
	       end > __atomic_load_n(&lowest, __ATOMIC_RELAXED);
}

/**
 * shim_maps_overlap() - tell whether there is a dax mapping in a range
 * @addr:	first byte
 * @len:	bytes
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: true if there is one; false if there is none, and in a signal handler that has
 * interrupted the owner of the lock.
 */
bool shim_maps_overlap(uint64_t addr, uint64_t len)
{
	bool is_there;
	uint64_t mask;

	if (!shim_maps_touch(addr, len) || !shim_lock_masked(&mask))
		return false;
	is_there = dax_vmas_overlap(shim_vmas, addr, addr + len);
	shim_unlock_masked(mask);
	return is_there;
}

/**
 * shim_maps_replaced() - drop the entries where the kernel has placed another mapping
 * @addr:	first byte of the new mapping
 * @len:	bytes
 *
 * The kernel chose this range, so it was free: the program has unmapped what the list
 * still has there in a way that the shim does not see. Takes the lock. Async-signal-safe.
 */
SHIM_COLD void shim_maps_replaced(uint64_t addr, uint64_t len)
{
	uint64_t mask;

	if (!shim_lock_masked(&mask))
		return;
	if (shim_maps_has_room_locked()) {
		dax_vmas_remove(shim_vmas, addr, dax_round_up(addr + len, DAX_PAGE));
		shim_maps_changed_locked();
	}
	shim_unlock_masked(mask);
}

/* Copies the list to memory with room for @max leaves. Return: false if there is none. */
static bool move_locked(uint32_t max)
{
	const size_t per_leaf =
		sizeof(struct dax_vmas_leaf) + sizeof(struct dax_vmas_key);
	struct dax_vmas *const old = shim_vmas;
	struct dax_vmas *const new = &lists[old == &lists[0]];
	long p = sys6(mmap, NULL, max * per_leaf, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (sys_is_error(p))
		return false;
	memset(new, 0, sizeof(*new));
	new->leaves = (struct dax_vmas_leaf *)p;
	new->keys = (struct dax_vmas_key *)(new->leaves + max);
	new->max = max;
	dax_vmas_copy(new, old);
	/* There must be a list at every moment: see shim_lock_jump(). */
	__atomic_store_n(&shim_vmas, new, __ATOMIC_RELEASE);
	if (old->leaves != first_leaves)
		sys2(munmap, old->leaves, old->max * per_leaf);
	return true;
}

/* Corrects the list after a change that was interrupted and is never completed. */
static void repair_locked(void)
{
	move_locked(shim_vmas->max);
	shim_maps_drop_stale_locked();
}

/*
 * False if a signal handler that has interrupted the owner of the lock forks: then the
 * interrupted code releases the lock, in the parent and in the child.
 */
static bool fork_has_lock;

static void before_fork(void)
{
	fork_has_lock = shim_lock();
}

static void after_fork_parent(void)
{
	if (fork_has_lock)
		shim_unlock();
}

static void after_fork_child(void)
{
	const struct dax_vma *vma;
	uint64_t end = 0;

	shim_lock_adopt();
	while ((vma = dax_vmas_find(shim_vmas, end))) {
		end = vma->end;
		if (vma->flags & DAX_VMA_DONTFORK)
			dax_vmas_remove(shim_vmas, vma->start, end);
	}
	shim_maps_changed_locked();
	if (fork_has_lock)
		shim_unlock();
	shim_hook_call(&shim_maps_on_fork);
}

/**
 * shim_maps_has_room_locked() - make room for one more change of the list
 *
 * Every change of the list must begin with this call. Async-signal-safe.
 *
 * Return: true, or false if there is no memory; the list must not be changed then.
 */
bool shim_maps_has_room_locked(void)
{
	/* Every change begins here: from now on, one can be left half done. */
	shim_hook_set(&shim_lock_on_broken, repair_locked);
	return likely(dax_vmas_has_room(shim_vmas)) || move_locked(2 * shim_vmas->max);
}

/**
 * shim_maps_changed_locked() - publish a change of the list
 *
 * Every change of the list must end with this call. Async-signal-safe except for the
 * first call with a mapping in the list, which calls shim_libc_at_fork().
 */
void shim_maps_changed_locked(void)
{
	static bool has_handlers;
	uint64_t lo = UINT64_MAX;
	uint64_t hi = 0;

	if (shim_vmas->nr) {
		lo = dax_vmas_first(shim_vmas)->start;
		hi = dax_vmas_last(shim_vmas)->end;
		if (unlikely(!has_handlers)) {
			has_handlers = true;
			shim_libc_at_fork(before_fork, after_fork_parent,
					  after_fork_child);
		}
	}
	__atomic_store_n(&lowest, lo, __ATOMIC_RELAXED);
	__atomic_store_n(&highest, hi, __ATOMIC_RELAXED);
	shim_hook_call(&shim_maps_on_change);
}

/*
 * Calls @fn for each mapping in /proc/self/maps, in order, until @fn returns false.
 * Return: false if the file cannot be read.
 */
static bool each_mapping(bool (*fn)(void *ctx, uint64_t start, uint64_t end,
				    bool is_shared),
			 void *ctx)
{
	char buf[4096];
	size_t have = 0;
	bool goes_on = true;
	long fd;
	long n;

	fd = sys3(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (goes_on && (n = sys3(read, fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf;
		char *nl;

		have += (size_t)n;
		buf[have] = '\0';
		while (goes_on && (nl = strchr(line, '\n'))) {
			const char *p = line;
			uint64_t start;
			uint64_t end;

			shim_read_hex(&p, &start);
			p += *p != '\0'; /* the dash */
			shim_read_hex(&p, &end);
			/* " rw-s": the fourth letter tells shared from private */
			goes_on = fn(ctx, start, end, *p && p[4] == 's');
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1)
			have = 0; /* no dax mapping has a path that long */
	}
	sys1(close, fd);
	return true;
}

struct stale_one {
	uint64_t addr;
	bool is_stale;
};

static bool look_for_one(void *ctx, uint64_t start, uint64_t end, bool is_shared)
{
	struct stale_one *one = ctx;

	if (end <= one->addr)
		return true;
	one->is_stale = start > one->addr || !is_shared;
	return false;
}

/*
 * True if the kernel has nothing at the start of an entry, or memory that is not shared:
 * the program has unmapped it in a way that the shim does not see.
 */
static bool is_stale_locked(const struct dax_vma *vma)
{
	struct stale_one one = {.addr = vma->start, .is_stale = true};

	/* If /proc is unreadable, trust the list. */
	return each_mapping(look_for_one, &one) && one.is_stale;
}

struct cover {
	uint64_t until; /* every entry is mapped up to this address */
};

/* Checks that all of each entry is mapped, in any number of pieces. */
static bool cover_entries(void *ctx, uint64_t start, uint64_t end, bool is_shared)
{
	struct cover *c = ctx;
	const uint64_t gap_end = is_shared ? start : end;

	/* Cut what lies before this mapping, or in one that is not shared. */
	if (gap_end > c->until && dax_vmas_overlap(shim_vmas, c->until, gap_end)) {
		if (!shim_maps_has_room_locked())
			return false;
		dax_vmas_remove(shim_vmas, c->until, gap_end);
	}
	c->until = end;
	return dax_vmas_find(shim_vmas, end) != NULL;
}

/**
 * shim_maps_drop_stale_locked() - drop all parts of entries that are no longer mapped
 *
 * Reads all of /proc/self/maps. Called before mappings are refreshed, so that no other
 * memory of the program is mapped over. Async-signal-safe.
 */
void shim_maps_drop_stale_locked(void)
{
	struct cover c = {0};

	/* Entries behind the last mapping of the kernel go, too. */
	if (each_mapping(cover_entries, &c) && shim_maps_has_room_locked())
		dax_vmas_remove(shim_vmas, c.until, UINT64_MAX);
	shim_maps_changed_locked();
}

/* A check of this word is all that programs without such memory pay. */
bool shim_maps_has_no_pages;

/**
 * shim_maps_first_in_locked() - find the first dax mapping in a range
 * @addr:	first byte
 * @len:	bytes
 *
 * Async-signal-safe.
 *
 * Return: the entry, valid until the list changes; NULL if there is none.
 */
const struct dax_vma *shim_maps_first_in_locked(uint64_t addr, uint64_t len)
{
	const struct dax_vma *vma = dax_vmas_find(shim_vmas, addr);

	return vma && vma->start < addr + len ? vma : NULL;
}

/**
 * shim_maps_drop_stale_in_locked() - drop entries in a range that are no longer mapped
 * @addr:	first byte
 * @len:	bytes
 *
 * Called before a call is refused because of the list. Async-signal-safe.
 *
 * Return: true if an entry was dropped; the caller must then find a new verdict.
 */
SHIM_COLD bool shim_maps_drop_stale_in_locked(uint64_t addr, uint64_t len)
{
	const struct dax_vma *found;
	bool has_dropped = false;
	uint64_t at = addr;

	while ((found = dax_vmas_find(shim_vmas, at)) && found->start < addr + len) {
		const struct dax_vma vma = *found;

		at = vma.end;
		if (is_stale_locked(&vma)) {
			dax_vmas_remove(shim_vmas, vma.start, vma.end);
			has_dropped = true;
		}
	}
	if (has_dropped)
		shim_maps_changed_locked();
	return has_dropped;
}

/**
 * shim_maps_is_bad_range() - tell whether the kernel refuses a range unseen
 * @addr:	first byte
 * @len:	bytes
 *
 * Such a call must be passed through: the kernel chooses the errno. Async-signal-safe.
 *
 * Return: true if the range is not page-aligned, empty, or beyond the address space.
 */
bool shim_maps_is_bad_range(uint64_t addr, uint64_t len)
{
	return addr & (DAX_PAGE - 1) || !len || len > DAX_TASK_SIZE ||
	       addr > DAX_TASK_SIZE - len;
}

/**
 * shim_maps_unmap_verdict_locked() - decide whether a range may be unmapped
 * @addr:	first byte, page-aligned
 * @len:	bytes
 *
 * A refusal leaves the mapping split at @addr, as in the kernel (mm/mmap.c:
 * do_vmi_align_munmap()). Async-signal-safe.
 *
 * Return: the verdict.
 */
struct dax_verdict shim_maps_unmap_verdict_locked(uint64_t addr, uint64_t len)
{
	struct dax_verdict v = dax_munmap_verdict(shim_vmas, addr, len);

	if (unlikely(v.error) && shim_maps_drop_stale_in_locked(addr, len))
		v = dax_munmap_verdict(shim_vmas, addr, len);
	if (unlikely(v.error) && shim_maps_has_room_locked())
		dax_vmas_split(shim_vmas, addr);
	return v;
}
