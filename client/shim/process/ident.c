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

#include <sys/sysmacros.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"

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
 * shim_ident_stat() - what does this stat belong to?
 * @st:		as the kernel gave it, not fixed
 *
 * Async-signal-safe.
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
 * shim_ident_fd() - what does this descriptor belong to?
 * @fd:		any number
 *
 * Async-signal-safe. One system call.
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

/* Was this number somebody else's, when we last looked? */
bool shim_ident_is_other(int fd)
{
	return (unsigned int)fd >= NR_NUMBERS ||
	       __atomic_load_n(&other_numbers[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) &
		       1;
}

/* This number may be ours from now on. */
void shim_ident_forget(int fd)
{
	if ((unsigned int)fd < NR_NUMBERS)
		__atomic_and_fetch(&other_numbers[fd / 64], ~(UINT64_C(1) << (fd % 64)),
				   __ATOMIC_RELAXED);
}

/* Any number may be. */
void shim_ident_forget_all(void)
{
	int i;

	for (i = 0; i < NR_NUMBERS / 64; i++)
		__atomic_store_n(&other_numbers[i], 0, __ATOMIC_RELAXED);
}

/**
 * shim_ident_opened() - a device was opened
 * @fd:		the new descriptor
 * @slot:	the device's
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

/* An attribute was opened, or read for the first time. */
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

/* Is this an attribute that was not read yet? */
bool shim_ident_is_unread(int fd)
{
	return (unsigned int)fd < NR_FILES &&
	       __atomic_load_n(&unread_numbers[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) &
		       1 &&
	       shim_ident_fd(fd).kind == SHIM_ATTR;
}

/* Might there be any? */
bool shim_ident_any_unread(void)
{
	return unlikely(__atomic_load_n(&has_unread, __ATOMIC_RELAXED));
}

/* Tells one open file from another, as far as we can. */
uint64_t shim_ident_file(int fd)
{
	uint32_t file = fd < NR_FILES ? __atomic_load_n(&files[fd], __ATOMIC_RELAXED) : 0;

	return file ? (uint64_t)file << 32 : (uint32_t)fd;
}

/* A number was made to stand for another one's open file. */
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

bool shim_ident_was_opened(uint32_t slot)
{
	return __atomic_load_n(&opened_slots[slot / 64], __ATOMIC_RELAXED) >>
		       (slot % 64) &
	       1;
}

/**
 * shim_ident_fix_stat() - show the node or attribute that a file of ours stands for
 * @id:		what it is
 * @st:		as the kernel gave it
 *
 * A CUSE node shows itself already. drivers/dax: size 0, one page as block size;
 * fs/sysfs: every attribute has a page as size.
 */
void shim_ident_fix_stat(const struct shim_ident *id, struct stat *st)
{
	const struct dax_state *state;
	struct dax_device dev;

	if (id->kind == SHIM_OTHER || S_ISCHR(st->st_mode))
		return;
	state = id->session->state;
	if (id->kind == SHIM_ATTR) {
		st->st_mode = S_IFREG | dax_attr_mode_decode(st->st_mode);
		st->st_nlink = 1;
		st->st_dev = state->sysfs_dev;
		st->st_size = 4096;
		st->st_blksize = 4096;
		st->st_blocks = 0;
		return;
	}
	dax_state_read(state, id->slot, &dev);
	st->st_mode = S_IFCHR | (st->st_mode & 0777);
	st->st_rdev = makedev(dev.major, dev.minor);
	st->st_dev = state->devtmpfs_dev;
	st->st_size = 0;
	st->st_blksize = 4096;
	st->st_blocks = 0;
}
