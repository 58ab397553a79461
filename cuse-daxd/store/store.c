/* SPDX-License-Identifier: BSD-2-Clause */
/* Backing stores: what all kinds have in common. */
#include "cuse-daxd/store/store.h"

#include "cuse-daxd/base/systemd.h"

#include "libcore/size.h"
#include "cuse-daxd/registry/record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3; older ones say EINVAL */
#endif

static const struct daxd_store_ops *const ops_of[] = {
	[DAXD_MEMFD] = &daxd_store_memfd,
	[DAXD_HUGETLB] = &daxd_store_hugetlb,
	[DAXD_HUGETLBFS] = &daxd_store_hugetlbfs,
	[DAXD_PMEM] = &daxd_store_pmem,
};

/**
 * daxd_store_open() - look at a backing store, changing nothing
 * @spec:	what it is to be
 * @ret:	the store; daxd_store_free() it
 * @why:	why not
 *
 * If there is a file with something in it, the store's size, align and map are set
 * and has_content; else the caller sets them before daxd_store_make().
 */
int daxd_store_open(const struct daxd_store_spec *spec, struct daxd_store **ret,
		    struct daxd_why *why)
{
	struct daxd_store *store = g_new0(struct daxd_store, 1);
	int r;

	store->ops = ops_of[spec->backing];
	store->backing = spec->backing;
	store->path = g_strdup(spec->path);
	store->name = g_strdup(spec->name);
	store->asked = spec->size;
	store->may_wipe = spec->may_wipe;
	store->wants_record = spec->wants_record;
	store->rw = -1;
	store->ro = -1;
	if (store->ops->open) {
		r = store->ops->open(store, why);
		if (r < 0) {
			daxd_store_free(store);
			return r;
		}
	}
	*ret = store;
	return 0;
}

/**
 * daxd_store_fit() - how large a device fits into a file that is there, but empty
 * @store:	opened, with room
 * @align:	of the device
 * @map:	of the region
 *
 * Return: usable bytes; 0 if the file is too small.
 */
uint64_t daxd_store_fit(const struct daxd_store *store, uint64_t align,
			enum dax_region_map map)
{
	return store->ops->fit ? store->ops->fit(store, align, map) : store->room;
}

/**
 * daxd_store_make() - make the store's memory, or take what is there into use
 * @store:	opened; size, align and map are set
 * @why:	why not
 */
int daxd_store_make(struct daxd_store *store, struct daxd_why *why)
{
	struct stat st;
	int r;

	r = store->ops->make(store, why);
	if (r < 0)
		return r;
	if (fstat(store->rw, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->name,
				 strerror(errno));
	store->dev = store->maps_dev = st.st_dev;
	store->ino = store->maps_ino = st.st_ino;
	store->length = (uint64_t)st.st_size;
	return 0;
}

/**
 * daxd_store_keep() - the start has succeeded: a file that was made stays
 * @store:	the store
 */
void daxd_store_keep(struct daxd_store *store)
{
	store->is_kept = true;
}

/**
 * daxd_store_hand_over() - have a volatile store outlive us
 * @store:	made
 *
 * Where systemd has started us, it holds the descriptor until the service is stopped,
 * and gives it to the one who comes after us: daxd_store_take_back().
 */
void daxd_store_hand_over(struct daxd_store *store)
{
	int r;

	if (store->path || store->is_handed_over || !daxd_sd_has_store())
		return;
	r = daxd_sd_keep(store->name, store->rw);
	if (r < 0)
		daxd_warning("%s: systemd does not take it: %s; its bytes will not "
			     "survive a restart, continuing",
			     store->name, strerror(-r));
	store->is_handed_over = r == 0;
}

/**
 * daxd_store_forget() - the device is gone: nobody needs its bytes any more
 * @store:	made
 */
void daxd_store_forget(struct daxd_store *store)
{
	if (store->is_handed_over)
		daxd_sd_forget(store->name);
	store->is_handed_over = false;
}

/**
 * daxd_store_sync() - make what was stored survive a crash of the machine
 * @store:	the store
 *
 * Return: 0, also for stores whose content never does; else the error of fsync(2).
 */
int daxd_store_sync(struct daxd_store *store)
{
	return store->ops->sync ? store->ops->sync(store) : 0;
}

/* By storing zeros: huge pages stay reserved, blocks stay allocated. */
static int zero_mapped(const struct daxd_store *store, uint64_t off, uint64_t len)
{
	const uint64_t step = DAX_GIB;

	while (len) {
		uint64_t n = dax_min(len, step);
		void *p = mmap(NULL, n, PROT_WRITE, MAP_SHARED, store->rw, (off_t)off);

		if (p == MAP_FAILED)
			return -errno;
		memset(p, 0, n);
		munmap(p, n);
		off += n;
		len -= n;
	}
	return 0;
}

/**
 * daxd_store_zero() - lose what is stored in a place
 * @store:	made
 * @off:	in the store's file, on a page, and on 2M if it is of huge pages
 * @len:	bytes, as @off
 *
 * The place stays as reserved as it was.
 */
int daxd_store_zero(struct daxd_store *store, uint64_t off, uint64_t len)
{
	int mode = FALLOC_FL_KEEP_SIZE;

	mode |= store->backing == DAXD_MEMFD ? FALLOC_FL_PUNCH_HOLE
					     : FALLOC_FL_ZERO_RANGE;
	if ((store->backing == DAXD_MEMFD || store->backing == DAXD_PMEM) &&
	    fallocate(store->rw, mode, (off_t)off, (off_t)len) == 0)
		return 0;
	return zero_mapped(store, off, len);
}

/**
 * daxd_store_free() - let go of a store
 * @store:	in any state, or NULL
 *
 * Programs that have it mapped or open keep it.
 */
void daxd_store_free(struct daxd_store *store)
{
	if (!store)
		return;
	if (store->is_mine && !store->is_kept)
		unlink(store->path);
	if (store->ops->close)
		store->ops->close(store);
	daxd_record_done(&store->record);
	daxd_close_fd(&store->rw);
	daxd_close_fd(&store->ro);
	g_free(store->path);
	g_free(store->name);
	g_free(store);
}

/**
 * daxd_store_is_volatile() - is the content gone when nobody has it open?
 * @store:	the store
 */
bool daxd_store_is_volatile(const struct daxd_store *store)
{
	return !store->path && !store->is_handed_over;
}

/* Where the new file shall be: the directory has to be there and writable. */
static int check_parent(const struct daxd_store *store, struct daxd_why *why)
{
	g_autofree char *dir = g_path_get_dirname(store->path);

	if (access(dir, F_OK) < 0)
		return daxd_fail(why, errno,
				 "%s: the directory %s can't be used: %s "
				 "(make it, or check backing=)",
				 store->path, dir, strerror(errno));
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return daxd_fail(why, errno,
				 "%s: no file can be made in %s: %s (give "
				 "uid %u write permission, or check backing=)",
				 store->path, dir, strerror(errno), geteuid());
	return 0;
}

/*
 * Opens the file of a store if it is there, and leaves store->rw -1 if not: then it is
 * certain that it could be made.
 */
int daxd_store_open_file(struct daxd_store *store, struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* O_NONBLOCK: a FIFO must not make us wait. */
	fd = open(store->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return check_parent(store, why);
	if (fd < 0 && errno == EISDIR)
		return daxd_fail(why, EISDIR,
				 "%s: is a directory (backing= wants the "
				 "path of a file, which need not be there yet)",
				 store->path);
	if (fd < 0)
		return daxd_fail(why, errno,
				 "%s: can't be opened for reading and "
				 "writing: %s (check its mode and owner; the daemon "
				 "runs as uid %u)",
				 store->path, strerror(errno), geteuid());
	if (fstat(fd, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return daxd_fail(why, EINVAL,
				 "%s: is not a regular file (check "
				 "backing=)",
				 store->path);
	store->rw = TAKE_FD(fd);
	return 0;
}

/* Makes the file that daxd_store_open_file() did not find. */
int daxd_store_create_file(struct daxd_store *store, struct daxd_why *why)
{
	store->rw = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (store->rw < 0)
		return daxd_fail(why, errno,
				 "%s: can't be made: %s (check the "
				 "directory)",
				 store->path, strerror(errno));
	store->is_mine = true;
	return 0;
}

/*
 * Opens the second descriptor, for reading only. Not from store->path, which may by
 * now be another file's.
 */
int daxd_store_open_ro(struct daxd_store *store, struct daxd_why *why)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", store->rw);
	store->ro = open(link, O_RDONLY | O_CLOEXEC);
	if (store->ro < 0)
		return daxd_fail(why, errno,
				 "%s: can't be opened for reading through "
				 "/proc/self/fd: %s (mount /proc)",
				 store->name, strerror(errno));
	return 0;
}

/* memfd_create(2), not executable and without the kernel's remark about that. */
int daxd_store_memfd_create(const char *name, unsigned int flags)
{
	int fd = memfd_create(name, flags | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags | MFD_CLOEXEC);
	return fd;
}

/*
 * For the two kinds of memfd: the one that our predecessor handed over, if it is the
 * same. Return: 1 if it is, 0 if there is none, negative errno.
 */
int daxd_store_take_back(struct daxd_store *store, uint64_t page, struct daxd_why *why)
{
	_cleanup_close_ int fd = daxd_sd_take(store->name);
	struct stat st;
	int r;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != store->size || (uint64_t)st.st_blksize != page ||
	    st.st_uid != geteuid() || fcntl(fd, F_GET_SEALS) < 0) {
		daxd_warning("%s: is not what it was before the restart: its bytes are "
			     "lost, continuing with new ones",
			     store->name);
		daxd_sd_forget(store->name);
		return 0;
	}
	store->rw = TAKE_FD(fd);
	/* Its mode lets nobody open it, us neither unless we have all rights. */
	if (fchmod(store->rw, 0400) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	r = daxd_store_open_ro(store, why);
	if (r < 0)
		return r;
	if (fchmod(store->rw, 0) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	store->is_handed_over = true;
	return 1;
}

/*
 * For the two kinds of memfd: fixes the size, opens the descriptor for reading, and
 * then forbids everybody but the owner to open it again.
 */
int daxd_store_seal(struct daxd_store *store, struct daxd_why *why)
{
	int r;

	if (fcntl(store->rw, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return daxd_fail(why, errno, "%s: its memfd can't be sealed: %s",
				 store->name, strerror(errno));
	r = daxd_store_open_ro(store, why);
	if (r < 0)
		return r;
	if (fchmod(store->rw, 0) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	return 0;
}

/*
 * Who may write to a device can cut its file off under us; then the touch of our own
 * mapping is SIGBUS. The daemon has one thread that gets here.
 */
static sigjmp_buf on_sigbus;

static void catch_sigbus(int number)
{
	(void)number;
	siglongjmp(on_sigbus, 1);
}

/* Calls @body, which touches a mapping of a file. Return: its answer, or -ENOSPC. */
int daxd_store_guard(int (*body)(void *ctx), void *ctx)
{
	struct sigaction catch = {.sa_handler = catch_sigbus};
	struct sigaction old;
	int r = -ENOSPC;

	sigaction(SIGBUS, &catch, &old);
	if (!sigsetjmp(on_sigbus, 1))
		r = body(ctx);
	sigaction(SIGBUS, &old, NULL);
	return r;
}
