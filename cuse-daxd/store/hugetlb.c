/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Huge pages of the pool: a memfd of them (hugetlb), or a file on a hugetlbfs mount
 * that outlives the daemon (hugetlbfs).
 *
 * All pages are reserved when the store is made, by one shared mapping: the kernel
 * keeps a reservation with the inode, not with the mapping. So no later touch fails,
 * unless it exceeds a cgroup's hugetlb limit.
 */
#include "cuse-daxd/store/hugetlb.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libcore/layout.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/base/crash_point.h"
#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/store/slots.h"

#define POOL_DIR "/sys/kernel/mm/hugepages/hugepages-%llukB/%s"

/* Read one of the pool's counters. Return: its value, or -1 if it can't be read. */
static long long pool_read(uint64_t page, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[128];
	char buf[32];
	ssize_t n;

	snprintf(path, sizeof(path), POOL_DIR, (unsigned long long)page / DAX_KIB, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return strtoll(buf, NULL, 10);
}

/* Report how many pages the pool lacks, and how to get them. */
static int fail_pool(const struct daxd_store *store, uint64_t page, struct daxd_why *why)
{
	long long needed = (long long)(store->size / page);
	long long total = pool_read(page, "nr_hugepages");
	long long free_pages = pool_read(page, "free_hugepages");
	long long reserved = pool_read(page, "resv_hugepages");
	const char *unit = page == DAX_GIB ? "1 GiB" : "2 MiB";
	char set[160];

	if (total < 0 || free_pages < 0 || reserved < 0)
		return daxd_fail(why, ENOMEM,
				 "%s: %lld huge pages of %s are needed, "
				 "which the kernel does not have (sysctl "
				 "vm.nr_hugepages, or backing=memory)",
				 store->name, needed, unit);
	free_pages -= reserved;
	if (page == 2 * DAX_MIB)
		snprintf(set, sizeof(set), "sysctl vm.nr_hugepages=%lld",
			 total + needed - free_pages);
	else
		snprintf(set, sizeof(set), "echo %lld >" POOL_DIR,
			 total + needed - free_pages, (unsigned long long)page / DAX_KIB,
			 "nr_hugepages");
	return daxd_fail(why, ENOMEM,
			 "%s: %lld huge pages of %s are needed, %lld are "
			 "free (as root: %s; or backing=memory)",
			 store->name, needed, unit, free_pages, set);
}

static int reserve(const struct daxd_store *store, uint64_t page, struct daxd_why *why)
{
	void *map =
		mmap(NULL, store->size, PROT_READ | PROT_WRITE, MAP_SHARED, store->rw, 0);

	if (map == MAP_FAILED && errno == ENOMEM)
		return fail_pool(store, page, why);
	if (map == MAP_FAILED)
		return daxd_fail(why, errno, "%s: its huge pages can't be mapped: %s",
				 store->name, strerror(errno));
	munmap(map, store->size);
	return 0;
}

static int make_huge_memfd(struct daxd_store *store, struct daxd_why *why)
{
	bool is_1g = store->align == DAX_GIB && pool_read(DAX_GIB, "nr_hugepages") > 0;
	uint64_t page = is_1g ? DAX_GIB : 2 * DAX_MIB;
	int r;

	r = daxd_file_take_back(store, HUGETLBFS_MAGIC, page, why);
	if (r != 0)
		return MIN(r, 0);
	store->rw = daxd_file_make_memfd(store->name,
					 MFD_ALLOW_SEALING | MFD_HUGETLB |
						 (is_1g ? MFD_HUGE_1GB : MFD_HUGE_2MB));
	if (store->rw < 0)
		return daxd_fail(why, errno,
				 "%s: no huge pages to be had: "
				 "memfd_create: %s (backing=memory)",
				 store->name, strerror(errno));
	if (ftruncate(store->rw, (off_t)store->size) < 0)
		return daxd_fail(why, errno, "%s: its memfd can't have %llu bytes: %s",
				 store->name, (unsigned long long)store->size,
				 strerror(errno));
	r = reserve(store, page, why);
	return r < 0 ? r : daxd_file_seal(store, why);
}

const struct daxd_store_ops daxd_hugetlb_ops = {
	.make = make_huge_memfd,
};

static int check_mount(const struct daxd_store *store, uint64_t *ret_page,
		       struct daxd_why *why)
{
	g_autofree char *dir = g_path_get_dirname(store->path);
	struct statfs fs;

	if ((store->rw >= 0 ? fstatfs(store->rw, &fs) : statfs(dir, &fs)) < 0)
		return daxd_fail(why, errno, "%s: statfs: %s", store->path,
				 strerror(errno));
	if ((unsigned long)fs.f_type != HUGETLBFS_MAGIC)
		return daxd_fail(why, EINVAL,
				 "%s: %s is not on a hugetlbfs (as root: "
				 "mount -t hugetlbfs -o pagesize=2M none DIR; or "
				 "backing=memory)",
				 store->path, dir);
	*ret_page = (uint64_t)fs.f_bsize;
	return 0;
}

/*
 * The last page may be one that a daemon has added for the record of devices. If that
 * daemon was killed before it wrote the record, only the configured size shows this.
 */
static int look_for_record(struct daxd_store *store, uint64_t page, struct daxd_why *why)
{
	static const uint8_t no_uuid[DAX_UUID_LEN];
	uint64_t size = store->size - page;
	struct dax_layout_area *area = &store->record.area;
	uint8_t begin[DAX_LAYOUT_SLOTS][DAX_LAYOUT_SIGNATURE_LEN];
	unsigned int i;
	int r;

	dax_layout_area_of_page(size, area);
	for (i = 0; i < DAX_LAYOUT_SLOTS; i++)
		if (pread(store->rw, begin[i], sizeof(begin[i]),
			  (off_t)area->offset[i]) != sizeof(begin[i]))
			return daxd_fail(why, errno, "%s: can't be read: %s", store->path,
					 strerror(errno));
	if (!dax_layout_is_signature(begin[0]) && !dax_layout_is_signature(begin[1])) {
		if (store->asked == size && store->wants_record)
			store->size = size;
		else
			area->slot_size = 0;
		return 0;
	}
	store->size = size;
	r = daxd_slots_read(store, no_uuid, size, why);
	if (r < 0 && store->may_wipe)
		return 0;
	if (store->record.has_found)
		store->align = store->record.found.align;
	return r;
}

static int open_huge_file(struct daxd_store *store, struct daxd_why *why)
{
	struct stat st;
	uint64_t page;
	int r;

	r = daxd_file_open(store, why);
	if (r < 0)
		return r;
	r = check_mount(store, &page, why);
	if (r < 0 || store->rw < 0)
		return r;
	if (fstat(store->rw, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->path,
				 strerror(errno));
	/* A file of length 0 was created and not yet extended: it counts as empty. */
	store->has_content = st.st_size > 0;
	store->size = (uint64_t)st.st_size;
	return store->size > page ? look_for_record(store, page, why) : 0;
}

/*
 * Add a page for the record behind all devices. Without one the daemon continues, but a
 * restart forgets the devices that programs have created.
 */
static void make_record_page(struct daxd_store *store, uint64_t page)
{
	void *map = MAP_FAILED;

	if (ftruncate(store->rw, (off_t)(store->size + page)) == 0)
		map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, store->rw,
			   (off_t)store->size);
	daxd_crash_point("extended");
	if (map != MAP_FAILED) {
		munmap(map, page);
		dax_layout_area_of_page(store->size, &store->record.area);
		return;
	}
	daxd_warning("%s: no huge page is left for the record of its devices, continuing "
		     "without: created devices are forgotten at the end (add one page to "
		     "the pool)",
		     store->path);
	if (ftruncate(store->rw, (off_t)store->size) < 0)
		daxd_debug("%s: ftruncate: %s", store->path, strerror(errno));
}

struct writing {
	uint8_t *to;
	const uint8_t *data;
	size_t len;
};

static int copy(void *ctx)
{
	const struct writing *w = ctx;
	size_t half = w->len / 16 * 8;

	daxd_crash_point("write");
	memcpy(w->to, w->data, half);
	daxd_crash_point("write-half");
	memcpy(w->to + half, w->data + half, w->len - half);
	daxd_crash_point("flushed");
	return 0;
}

static int write_page(struct daxd_store *store, uint64_t offset, const void *data,
		      size_t len)
{
	uint64_t start = store->record.area.offset[0];
	struct writing w = {.data = data, .len = len};
	struct stat st;
	uint8_t *map;
	int r;

	if (fstat(store->rw, &st) < 0 || (uint64_t)st.st_size < offset + len)
		return -ENOSPC;
	map = mmap(NULL, (size_t)st.st_blksize, PROT_READ | PROT_WRITE, MAP_SHARED,
		   store->rw, (off_t)start);
	if (map == MAP_FAILED)
		return -errno;
	w.to = map + (offset - start);
	r = daxd_file_guard(copy, &w);
	munmap(map, (size_t)st.st_blksize);
	return r;
}

static int make_huge_file(struct daxd_store *store, struct daxd_why *why)
{
	uint64_t page;
	int r;

	r = check_mount(store, &page, why);
	if (r < 0)
		return r;
	if (page > store->align)
		return daxd_fail(why, EINVAL,
				 "%s: the pages of this hugetlbfs are "
				 "larger than align (use align=1G, or a mount with "
				 "-o pagesize=2M)",
				 store->path);
	if (store->rw < 0) {
		r = daxd_file_create(store, why);
		if (r < 0)
			return r;
	}
	if (!store->has_content && ftruncate(store->rw, (off_t)store->size) < 0)
		return daxd_fail(why, errno, "%s: can't have %llu bytes: %s", store->path,
				 (unsigned long long)store->size, strerror(errno));
	r = reserve(store, page, why);
	if (r < 0)
		return r;
	if (store->wants_record && !store->record.area.slot_size)
		make_record_page(store, page);
	return daxd_file_open_ro(store, why);
}

const struct daxd_store_ops daxd_hugetlb_fs_ops = {
	.open = open_huge_file,
	.make = make_huge_file,
	.write = write_page,
};
