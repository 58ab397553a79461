/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose descriptor is this?
 *
 * By its inode, never by its number: that holds for descriptors that came by dup,
 * fork, exec, SCM_RIGHTS or /proc, and needs no lock. The daemon gives every file of
 * ours the sticky bit, which no other regular file has, so that files of others are
 * told apart without asking further.
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
#include "client/shim/process/session.h"

/*
 * Descriptor numbers that were somebody else's when last looked at: a memory for
 * read, write and the like only, which would otherwise need one more system call
 * each. All ways by which a number of ours comes into being forget it here. If one is
 * missed, the call goes to the empty handle file; a mapping is never decided by this.
 */
#define NR_NUMBERS 65536
static uint64_t other_numbers[NR_NUMBERS / 64];

/*
 * Which open file a number stands for, counted from the process's first: mappings merge
 * if they were made of one open file. Descriptors that came from elsewhere, or have
 * higher numbers, are told apart by their numbers only.
 */
#define NR_FILES 256
static uint32_t files[NR_FILES];
static uint32_t nr_files;

/*
 * Numbers of attributes that were opened and not read yet: poll(2) tells. One word says
 * whether there ever was one.
 */
static uint64_t unread_numbers[NR_FILES / 64];
static bool has_unread;

/* Devices that this process has opened: statx tells. */
static uint64_t opened_slots[DAX_STATE_SLOTS / 64];

/* Majors of character devices that everybody has: memory, terminals. */
static bool is_common_major(unsigned int major)
{
	return major == 1 || major == 4 || major == 5 || (major >= 136 && major <= 143);
}

static SHIM_COLD struct shim_ident ident_cold(const struct stat *st)
{
	struct shim_ident id = {.kind = SHIM_OTHER, .session = shim_session()};
	int slot;

	if (!id.session)
		return id;
	if (S_ISCHR(st->st_mode)) {
		slot = dax_state_find(id.session->state, 0, st->st_rdev, 0);
	} else {
		if (st->st_dev != id.session->state->runtime_dev)
			return id;
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
 * shim_ident_stat() - find what a file belongs to
 * @st:	the file's, as the kernel gave it: not changed by shim_ident_fix_stat()
 *
 * Async-signal-safe.
 *
 * Return: the node or attribute, or SHIM_OTHER.
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
 * shim_ident_fd() - find what a descriptor belongs to
 * @fd:	any number
 *
 * One system call. Async-signal-safe.
 *
 * Return: the node or attribute, or SHIM_OTHER, also if the descriptor is not open.
 */
struct shim_ident shim_ident_fd(int fd)
{
	struct shim_ident id = {.kind = SHIM_OTHER};
	struct stat st;

	if (sys2(fstat, fd, &st) == 0)
		id = shim_ident_stat(&st);
	if (id.kind == SHIM_OTHER && (unsigned int)fd < NR_NUMBERS)
		__atomic_or_fetch(&other_numbers[fd / 64], UINT64_C(1) << (fd % 64),
				  __ATOMIC_RELAXED);
	return id;
}

/**
 * shim_ident_is_other() - tell whether a number was none of ours when last looked at
 * @fd:	any number
 *
 * For read, write and the like, which would otherwise pay a system call each.
 * Async-signal-safe.
 *
 * Return: true if it was neither a device's nor an attribute's; false if that is
 * not known.
 */
bool shim_ident_is_other(int fd)
{
	return (unsigned int)fd >= NR_NUMBERS ||
	       __atomic_load_n(&other_numbers[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) &
		       1;
}

/**
 * shim_ident_forget() - forget what is known of a number
 * @fd:	the number, which may stand for something else from now on
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
 * shim_ident_forget_all() - forget what is known of every number
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
 * @slot:	of the device
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
 * shim_ident_set_unread() - note that an attribute was opened, or read for the first time
 * @fd:		its descriptor
 * @is_unread:	true if it was opened
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
 * Return: true if it is one.
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
 * One look at a word. Async-signal-safe.
 *
 * Return: false if it never opened an attribute.
 */
bool shim_ident_any_unread(void)
{
	return unlikely(__atomic_load_n(&has_unread, __ATOMIC_RELAXED));
}

/**
 * shim_ident_file() - get a number that tells one open file from another
 * @fd:	a descriptor of a device
 *
 * Mappings merge only if they were made of the same open file. Async-signal-safe.
 *
 * Return: the number. Descriptors that came from elsewhere than open and dup are told
 * apart by their own numbers.
 */
uint64_t shim_ident_file(int fd)
{
	uint32_t file = fd < NR_FILES ? __atomic_load_n(&files[fd], __ATOMIC_RELAXED) : 0;

	return file ? (uint64_t)file << 32 : (uint32_t)fd;
}

/**
 * shim_ident_copied() - note that a number stands for another one's open file now
 * @from:	the old number
 * @to:		the new one; negative: the copy failed
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
 * @slot:	of the device
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
 * shim_ident_fix_stat() - turn the stat of a file of ours into that of what it stands for
 * @id:	what it stands for
 * @st:	as the kernel gave it; changed
 *
 * The node of a CUSE device shows itself already. Async-signal-safe.
 */
void shim_ident_fix_stat(const struct shim_ident *id, struct stat *st)
{
	const struct dax_state *state;
	struct dax_device dev;

	if (id->kind == SHIM_OTHER || S_ISCHR(st->st_mode))
		return;
	state = id->session->state;
	if (id->kind == SHIM_ATTR) {
		dax_stat_attr(state->sysfs_dev, st);
		return;
	}
	dax_state_read(state, id->slot, &dev);
	dax_stat_node(&dev, state->devtmpfs_dev, st);
}
