/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sparse memory of the page cache, which takes memory as it is touched.
 *
 * A store begins as a sealed memfd, which works everywhere and costs next to nothing.
 * Before a client gets the first descriptor of a store with align 2M or 1G, choose()
 * replaces the memfd, empty as it is, by the best memory that works here:
 *
 *  1. a file of a huge tmpfs (huge_fs.c): one fault maps 2 MiB. It can't be sealed, so
 *     only the daemon's own user may get it;
 *  2. the memfd, whose touched units the daemon makes huge one by one (collapse.c);
 *  3. the memfd as it is, in pages of 4 KiB.
 */
#include "cuse-daxd/store/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/store/collapse.h"
#include "cuse-daxd/store/huge_fs.h"

#define HUGE_PAGE (2 * DAX_MIB)

static int make_memory(struct daxd_store *store, struct daxd_why *why)
{
	int r = daxd_file_take_back(store, TMPFS_MAGIC, 0, why);

	if (r != 0)
		return MIN(r, 0);
	if (store->align >= HUGE_PAGE)
		daxd_huge_fs_reserve();
	store->rw = daxd_file_make_memfd(store->name, MFD_ALLOW_SEALING);
	if (store->rw < 0)
		return daxd_fail(why, errno, "%s: memfd_create: %s%s", store->name,
				 strerror(errno),
				 errno == EMFILE ? " (raise ulimit -n)" : "");
	if (ftruncate(store->rw, (off_t)store->size) < 0)
		return daxd_fail(why, errno,
				 "%s: its memfd can't have %llu bytes: %s "
				 "(make it smaller, or raise ulimit -f)",
				 store->name, (unsigned long long)store->size,
				 strerror(errno));
	return daxd_file_seal(store, why);
}

/* True if the kernel itself allocates huge pages for this file. */
static bool is_huge_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_blksize == HUGE_PAGE;
}

/* Replace the memfd by a file of a huge tmpfs. Return: 0 or a negative errno. */
static int replace(struct daxd_store *store)
{
	g_autofree char *name = g_strdup_printf("memfd:%s", store->name);
	struct daxd_store new = {.name = store->name, .rw = -1, .ro = -1};
	struct daxd_why why;
	int r;

	new.rw = daxd_huge_fs_make_file(name);
	if (new.rw < 0)
		return new.rw;
	if (!is_huge_file(new.rw))
		r = -EOPNOTSUPP; /* shmem_enabled=deny */
	else if (ftruncate(new.rw, (off_t)store->size) < 0)
		r = -errno;
	else
		r = daxd_file_open_ro(&new, &why);
	if (r == 0 && fchmod(new.rw, 0) < 0)
		r = -errno;
	if (r == 0) {
		daxd_close_fd(&store->rw);
		daxd_close_fd(&store->ro);
		store->rw = TAKE_FD(new.rw);
		store->ro = TAKE_FD(new.ro);
	}
	daxd_close_fd(&new.rw);
	daxd_close_fd(&new.ro);
	return r;
}

/* DAXD_MEMORY=huge|collapse|plain: the best kind that tests want. */
static bool may_be(const char *kind)
{
	const char *want = getenv("DAXD_MEMORY");

	if (!want || !strcmp(want, "huge"))
		return true;
	return !strcmp(want, kind);
}

static void tell(const struct daxd_store *store, const char *what)
{
	const struct daxd_subject subject = {.device = store->name};

	daxd_log_about(DAXD_LOG_INFO, &subject, "%s: %s%s%s", store->name, what,
		       store->lost ? "; no huge tmpfs: " : "",
		       store->lost ? store->lost : "");
}

static void choose(struct daxd_store *store, bool is_private)
{
	int r = -ECANCELED;

	if (store->align < HUGE_PAGE || is_huge_file(store->rw))
		return;
	if (is_private && !store->is_taken_back && may_be("huge"))
		r = replace(store);
	if (r == 0) {
		tell(store, "pages of 2M, of a huge tmpfs");
		return;
	}
	store->lost = is_private ? g_strerror(-r) : "other users may write to it";
	if (may_be("collapse") && daxd_collapse_add(store) == 0) {
		store->pages = HUGE_PAGE;
		tell(store, "pages of 4K, made pages of 2M after the first touch");
	} else {
		tell(store, "pages of 4K: more faults, and slower loads");
	}
}

const struct daxd_store_ops daxd_memory_ops = {
	.make = make_memory,
	.choose = choose,
	.close = daxd_collapse_remove,
};
