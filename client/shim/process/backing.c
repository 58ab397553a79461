/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cache of the descriptors of backing stores.
 *
 * The daemon gives a descriptor to any process that presents a handle of the device; with
 * it, further mappings need no daemon. The descriptors are close-on-exec and have high
 * numbers, so that the program's own descriptors get the low numbers that they would
 * have on a real machine. A program may close them (closefrom(3) does) and even reuse
 * the number: so each one is checked before use, and requested again if it is not the
 * backing store.
 */
#include "client/shim/process/backing.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/fd_limit.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/request.h"

struct backing {
	uint64_t life; /* of the device that it belongs to; 0: unused entry */
	uint64_t ino;
	uint64_t dev;
	int32_t fd_plus_1[2]; /* [is_writable] */
};

static struct backing backings[DAX_STATE_SLOTS];

/*
 * Descriptors of files in which the kernel makes huge pages only where it is advised to,
 * or not at all: all but those of hugetlbfs and of a tmpfs with huge=always.
 */
#define NR_NUMBERS 1024
static uint64_t small_paged[NR_NUMBERS / 64];

static bool is_good(const struct backing *b, int fd, uint64_t life)
{
	struct stat st;

	return fd >= 0 && b->life == life && sys2(fstat, fd, &st) == 0 &&
	       st.st_ino == b->ino && st.st_dev == b->dev;
}

static void note_pages(int fd, const struct stat *st)
{
	const uint64_t bit = UINT64_C(1) << (fd % 64);

	if (fd >= NR_NUMBERS)
		return;
	if ((uint64_t)st->st_blksize < 2 * DAX_MIB)
		__atomic_or_fetch(&small_paged[fd / 64], bit, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&small_paged[fd / 64], ~bit, __ATOMIC_RELAXED);
}

/**
 * shim_backing_is_small_paged() - tell whether huge pages of a backing store need advice
 * @fd:	a descriptor from shim_backing()
 *
 * Async-signal-safe.
 *
 * Return: true if the kernel makes some only after madvise(MADV_HUGEPAGE).
 */
bool shim_backing_is_small_paged(int fd)
{
	return fd < NR_NUMBERS &&
	       __atomic_load_n(&small_paged[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) & 1;
}

/**
 * shim_backing_is_shmem() - tell whether the kernel counts a store's pages as shmem
 * @slot:	slot of the device
 *
 * Async-signal-safe.
 *
 * Return: true for memory; false for a file, whose pages are counted as a file's.
 */
bool shim_backing_is_shmem(uint32_t slot)
{
	const struct backing *b = &backings[slot];
	const int fd = (b->fd_plus_1[0] ? b->fd_plus_1[0] : b->fd_plus_1[1]) - 1;
	struct statfs st;

	return fd < 0 || sys2(fstatfs, fd, &st) < 0 || st.f_type == TMPFS_MAGIC;
}

static SHIM_COLD int fetch_locked(const struct shim_session *s, uint32_t slot,
				  const struct dax_device *dev, bool is_writable,
				  int handle)
{
	struct backing *b = &backings[slot];
	uint64_t arg[4];
	struct stat st;
	int fd;
	const struct shim_request req = {
		.type = DAX_MSG_ATTACH, .fd = handle, .ret_fd = &fd, .ret_arg = arg};
	int r;

	r = shim_request(s, &req);
	if (r < 0)
		return r;
	if (fd < 0)
		return -EBADMSG;
	if (arg[0] != slot || arg[1] != dev->life || sys2(fstat, fd, &st) < 0) {
		sys1(close, fd);
		return -ENXIO; /* the device went away in the meantime */
	}
	fd = shim_fd_limit_move(fd);
	/* The program has closed the old descriptor, or it belongs to a dead device. */
	if (b->life && b->life != dev->life) {
		int i;

		for (i = 0; i < 2; i++) {
			if (is_good(b, b->fd_plus_1[i] - 1, b->life))
				sys1(close, b->fd_plus_1[i] - 1);
			b->fd_plus_1[i] = 0;
		}
	}
	b->life = dev->life;
	b->ino = st.st_ino;
	b->dev = st.st_dev;
	b->fd_plus_1[is_writable] = fd + 1;
	note_pages(fd, &st);
	return fd;
}

static SHIM_COLD int fetch_beyond_limit_locked(const struct shim_session *s,
					       uint32_t slot,
					       const struct dax_device *dev,
					       bool is_writable, int handle)
{
	int fd = -EMFILE;
	uint64_t soft;

	if (shim_fd_limit_raise(&soft)) {
		fd = fetch_locked(s, slot, dev, is_writable, handle);
		shim_fd_limit_set(soft);
	}
	return fd;
}

/**
 * shim_backing() - get the descriptor to map a device from
 * @s:			the session
 * @slot:		slot of the device
 * @dev:		its description
 * @is_writable:	true if the descriptor must be writable, as the handle is
 * @handle:		an open handle of the device, or -1 to send no request
 *
 * Takes the lock if a request to the daemon is needed. Async-signal-safe.
 *
 * Return: the descriptor, which the caller must not close; or a negative errno: -ENXIO if
 * the device or the daemon is gone, or if a request is needed and @handle is -1.
 */
int shim_backing(const struct shim_session *s, uint32_t slot,
		 const struct dax_device *dev, bool is_writable, int handle)
{
	struct backing *b = &backings[slot];
	int fd = __atomic_load_n(&b->fd_plus_1[is_writable], __ATOMIC_RELAXED) - 1;
	uint64_t mask;

	if (likely(is_good(b, fd, dev->life)))
		return fd;
	if (handle < 0)
		return -ENXIO;
	shim_session_pin();
	if (!shim_lock_masked(&mask))
		return -ENXIO;
	fd = b->fd_plus_1[is_writable] - 1;
	if (!is_good(b, fd, dev->life))
		fd = fetch_locked(s, slot, dev, is_writable, handle);
	if (unlikely(fd == -EMFILE))
		fd = fetch_beyond_limit_locked(s, slot, dev, is_writable, handle);
	shim_unlock_masked(mask);
	if (fd == -ECONNREFUSED || fd == -ENOENT || fd == -EAGAIN || fd == -ECONNRESET ||
	    fd == -EPIPE)
		return -ENXIO;
	return fd;
}
