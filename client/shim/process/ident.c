/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identify descriptors of devices and of sysfs attributes.
 *
 * A descriptor is identified by its inode, never by its number. That holds for
 * descriptors that came by dup, fork, exec, SCM_RIGHTS or /proc, and needs no lock. The
 * daemon sets the sticky bit on every file of its tree; other regular files do not have
 * it, so they are told apart without a further look.
 */
#include "client/shim/process/ident.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/stat.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/session.h"
#include "client/shim/process/thread.h"

/*
 * Descriptor numbers that belonged to neither a device nor an attribute when last
 * checked. Only read, write and similar calls use this cache, which saves them one
 * system call each. Every way in which a descriptor of a device or attribute can come
 * into being clears its bit here. If one is missed, the call goes to the empty handle
 * file; a mapping is never decided by this cache. A child of vfork(2) uses this memory, but
 * has other files behind its numbers, so it sets no bit.
 */
#define NR_NUMBERS 65536
static uint64_t other_numbers[NR_NUMBERS / 64];

/*
 * The open file behind each descriptor number, as a count that starts with the process's
 * first open of a device. Mappings merge only if they were made from the same open file.
 * Descriptors that came by another way than open and dup, or that have higher numbers,
 * are told apart by their numbers only.
 */
#define NR_FILES 256
static uint32_t files[NR_FILES];
static uint32_t nr_files;

/*
 * Descriptor numbers of attributes that were opened and not read yet, for poll(2).
 * has_unread is set once there has been any.
 */
static uint64_t unread_numbers[NR_FILES / 64];
static bool has_unread;

/* Devices that this process has opened, for statx(2). */
static uint64_t opened_slots[DAX_STATE_SLOTS / 64];

/* Character devices that most programs open: memory devices and terminals. */
static bool is_common_major(unsigned int major)
{
	return major == 1 || major == 4 || major == 5 || (major >= 136 && major <= 143);
}

static SHIM_COLD struct shim_ident ident_cold(const struct stat *st)
{
	struct shim_ident id = {.kind = SHIM_OTHER,
				.session = shim_session(),
				.mode = st->st_mode};
	int slot;

	if (!id.session)
		return id;
	if (S_ISCHR(st->st_mode)) {
		slot = dax_state_find(id.session->state, 0, st->st_rdev, 0);
	} else {
		/* Handles may be on a file system of their own. */
		if (st->st_dev == id.session->state->runtime_dev)
			id.kind = SHIM_ATTR;
		slot = dax_state_find(id.session->state, st->st_dev, st->st_ino,
				      st->st_nlink);
	}
	if (slot >= 0) {
		id.kind = SHIM_NODE;
		id.slot = (uint32_t)slot;
	}
	return id;
}

/**
 * shim_ident_stat() - identify a file by its stat
 * @st:	the stat of the file from the kernel, not changed by shim_ident_fix_stat()
 *
 * Async-signal-safe.
 *
 * Return: the node or attribute, or SHIM_OTHER if the file is neither.
 */
struct shim_ident shim_ident_stat(const struct stat *st)
{
	if (likely(S_ISREG(st->st_mode))
		    ? unlikely(st->st_mode & S_ISVTX)
		    : S_ISCHR(st->st_mode) && !is_common_major(major(st->st_rdev)))
		return ident_cold(st);
	return (struct shim_ident){.kind = SHIM_OTHER};
}

/**
 * shim_ident_fd() - identify a descriptor
 * @fd:	any number
 *
 * Costs one system call. Async-signal-safe.
 *
 * Return: the node or attribute, SHIM_OWN, or SHIM_OTHER if the descriptor is none of
 * these or not open.
 */
struct shim_ident shim_ident_fd(int fd)
{
	struct shim_ident id = {.kind = SHIM_OTHER};
	struct stat st;

	if (unlikely(shim_own_fd_is(fd)))
		return (struct shim_ident){.kind = SHIM_OWN};
	if (sys2(fstat, fd, &st) == 0)
		id = shim_ident_stat(&st);
	if (id.kind == SHIM_OTHER && !shim_ident_is_other(fd) && shim_thread_is_of_libc())
		__atomic_or_fetch(&other_numbers[fd / 64], UINT64_C(1) << (fd % 64),
				  __ATOMIC_RELAXED);
	return id;
}

/**
 * shim_ident_is_other() - tell whether a descriptor is known to be of another file
 * @fd:	any number
 *
 * For read, write and similar calls, which would otherwise pay a system call each.
 * Async-signal-safe.
 *
 * Return: true if it belonged to neither a device nor an attribute when last checked, or
 * if the number is too high to be kept; false if that is not known.
 */
bool shim_ident_is_other(int fd)
{
	return (unsigned int)fd >= NR_NUMBERS ||
	       __atomic_load_n(&other_numbers[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) &
		       1;
}

/**
 * shim_ident_forget() - forget what is known about a descriptor number
 * @fd:	the number, which may belong to another file from now on
 *
 * Async-signal-safe.
 */
void shim_ident_forget(int fd)
{
	if ((unsigned int)fd < NR_NUMBERS)
		__atomic_and_fetch(&other_numbers[fd / 64], ~(UINT64_C(1) << (fd % 64)),
				   __ATOMIC_RELAXED);
}

/**
 * shim_ident_forget_all() - forget what is known about all descriptor numbers
 *
 * Async-signal-safe.
 */
void shim_ident_forget_all(void)
{
	int i;

	for (i = 0; i < NR_NUMBERS / 64; i++)
		__atomic_store_n(&other_numbers[i], 0, __ATOMIC_RELAXED);
}

/**
 * shim_ident_opened() - note that the program has opened a device
 * @fd:		the new descriptor
 * @slot:	slot of the device
 *
 * Async-signal-safe.
 */
void shim_ident_opened(int fd, uint32_t slot)
{
	shim_ident_forget(fd);
	if (fd < NR_FILES)
		__atomic_store_n(&files[fd],
				 __atomic_add_fetch(&nr_files, 1, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
	__atomic_or_fetch(&opened_slots[slot / 64], UINT64_C(1) << (slot % 64),
			  __ATOMIC_RELAXED);
}

/**
 * shim_ident_set_unread() - note that the program has opened or read an attribute
 * @fd:		its descriptor
 * @is_unread:	true if it was opened, false if it was read
 *
 * Async-signal-safe.
 */
void shim_ident_set_unread(int fd, bool is_unread)
{
	uint64_t bit = UINT64_C(1) << (fd % 64);

	if ((unsigned int)fd >= NR_FILES)
		return;
	if (is_unread) {
		__atomic_or_fetch(&unread_numbers[fd / 64], bit, __ATOMIC_RELAXED);
		__atomic_store_n(&has_unread, true, __ATOMIC_RELAXED);
	} else {
		__atomic_and_fetch(&unread_numbers[fd / 64], ~bit, __ATOMIC_RELAXED);
	}
}

/**
 * shim_ident_is_unread() - tell whether a descriptor is an attribute not read yet
 * @fd:	any number
 *
 * Async-signal-safe.
 *
 * Return: true if it is such an attribute.
 */
bool shim_ident_is_unread(int fd)
{
	return (unsigned int)fd < NR_FILES &&
	       __atomic_load_n(&unread_numbers[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) &
		       1 &&
	       shim_ident_fd(fd).kind == SHIM_ATTR;
}

/**
 * shim_ident_any_unread() - tell whether there may be an attribute not read yet
 *
 * Costs one read of memory. Async-signal-safe.
 *
 * Return: true if the program has ever opened an attribute.
 */
bool shim_ident_any_unread(void)
{
	return unlikely(__atomic_load_n(&has_unread, __ATOMIC_RELAXED));
}

/**
 * shim_ident_file() - get a number that identifies the open file of a descriptor
 * @fd:	a descriptor of a device
 *
 * Mappings merge only if they were made from the same open file. Async-signal-safe.
 *
 * Return: the number. For descriptors that did not come by open and dup, it is made from
 * the descriptor's own number.
 */
uint64_t shim_ident_file(int fd)
{
	uint32_t file = fd < NR_FILES ? __atomic_load_n(&files[fd], __ATOMIC_RELAXED) : 0;

	return file ? (uint64_t)file << 32 : (uint32_t)fd;
}

/**
 * shim_ident_copied() - note that a descriptor was duplicated
 * @from:	the old descriptor
 * @to:		the new descriptor; negative if the call failed
 *
 * Async-signal-safe.
 */
void shim_ident_copied(int from, int to)
{
	shim_ident_forget(to);
	if ((unsigned int)to < NR_FILES)
		__atomic_store_n(&files[to],
				 (unsigned int)from < NR_FILES
					 ? __atomic_load_n(&files[from], __ATOMIC_RELAXED)
					 : 0,
				 __ATOMIC_RELAXED);
}

/**
 * shim_ident_was_opened() - tell whether this process has opened a device
 * @slot:	slot of the device
 *
 * Async-signal-safe.
 *
 * Return: true if it has.
 */
bool shim_ident_was_opened(uint32_t slot)
{
	return __atomic_load_n(&opened_slots[slot / 64], __ATOMIC_RELAXED) >>
		       (slot % 64) &
	       1;
}

/**
 * shim_ident_fix_stat() - make the stat of a daemon's file that of the emulated file
 * @id:	the node or attribute that the file stands for
 * @st:	the stat from the kernel; changed
 *
 * The node of a CUSE device needs no change. Async-signal-safe.
 */
void shim_ident_fix_stat(const struct shim_ident *id, struct stat *st)
{
	const struct dax_state *state;
	struct dax_device dev;

	if (id->kind == SHIM_OTHER || id->kind == SHIM_OWN || S_ISCHR(st->st_mode))
		return;
	state = id->session->state;
	if (id->kind == SHIM_ATTR) {
		dax_stat_attr(state->sysfs_dev, st);
		return;
	}
	dax_state_read(state, id->slot, &dev);
	dax_stat_node(&dev, state->devtmpfs_dev, st);
}
