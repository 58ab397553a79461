/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of the device this process has written to, as the kernel knows it.
 *
 * userfaultfd(2) protects the pages of this process's mappings; at the first store to one,
 * the kernel lifts its protection without telling anybody (asynchronous mode). The ioctl
 * PAGEMAP_SCAN then returns the pages without protection and protects them again, in one
 * step. So a look costs as much as was written, whatever the size of the device.
 *
 * Runs under the lock of record.c.
 */
#include "client/crash/written.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "client/shim/base/sys.h"
#include "client/crash/maps.h"

#define HIGH_FD 900 /* programs expect that low numbers are free */
#define RANGES  64  /* of one scan */

/* Older headers have neither. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define WP_ASYNC (UINT64_C(1) << 15) /* UFFD_FEATURE_WP_ASYNC: Linux 6.7 */

/* From linux/fs.h of Linux 6.7. */
#define SCAN_WRITTEN     (1 << 1) /* PAGE_IS_WRITTEN */
#define SCAN_PROTECT     (1 << 0) /* PM_SCAN_WP_MATCHING */
#define SCAN_CHECK_ASYNC (1 << 1) /* PM_SCAN_CHECK_WPASYNC: else EPERM */

struct scan_range {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t ranges;
	uint64_t nr_ranges;
	uint64_t max_pages;
	uint64_t inverted;
	uint64_t all_of;
	uint64_t any_of;
	uint64_t returned;
};

#define IOCTL_SCAN _IOWR('f', 16, struct scan)

static long uffd;
static long pagemap;
static long owner; /* the process that the descriptors belong to; 0: none yet */
static bool is_refused;

static long raise_fd(long fd)
{
	long high = fd < 0 ? fd : sys3(fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD);

	if (high < 0)
		return fd;
	sys1(close, fd);
	return high;
}

static long open_uffd(long flags)
{
	struct uffdio_api api = {.api = UFFD_API, .features = WP_ASYNC};
	long fd = raise_fd(sys1(userfaultfd, O_CLOEXEC | flags));

	if (fd >= 0 && sys3(ioctl, fd, UFFDIO_API, &api) < 0) {
		sys1(close, fd);
		return -ENOSYS;
	}
	return fd;
}

/*
 * Protect the mappings. The descriptors of an earlier call are not closed: if that one's
 * mappings have lost their protection, the program may have closed the descriptors and
 * given their numbers to its own files.
 */
static bool start(void)
{
	uffd = open_uffd(UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		return false;
	pagemap = raise_fd(
		sys4(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0));
	if (pagemap < 0) {
		sys1(close, uffd);
		return false;
	}
	owner = sys0(getpid);
	return true;
}

/*
 * Register a mapping; one that is registered already stays so. Return: false: that does
 * not work. A mapping without the right to write (EPERM) needs no protection.
 */
static bool register_place(struct crash_place *place)
{
	struct uffdio_register reg = {
		.range = {.start = place->start, .len = place->end - place->start},
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	long r = sys3(ioctl, uffd, UFFDIO_REGISTER, &reg);

	place->is_read_only = r == -EPERM;
	return r == 0 || r == -EPERM;
}

/* Scan a mapping. Return: false: it is not protected. */
static bool scan_place(const struct crash_place *place, crash_written_look *look)
{
	struct scan_range ranges[RANGES];
	struct scan scan = {
		.size = sizeof(scan),
		.flags = SCAN_PROTECT | SCAN_CHECK_ASYNC,
		.start = place->start,
		.end = place->end,
		.ranges = (uint64_t)(uintptr_t)ranges,
		.nr_ranges = RANGES,
		.all_of = SCAN_WRITTEN,
		.returned = SCAN_WRITTEN,
	};

	while (!place->is_read_only && scan.start < scan.end) {
		long nr = sys3(ioctl, pagemap, IOCTL_SCAN, &scan);
		long i;

		if (nr < 0)
			return false;
		for (i = 0; look && i < nr; i++) {
			uint64_t from = place->off + (ranges[i].start - place->start);

			look(from, from + (ranges[i].end - ranges[i].start));
		}
		scan.start = scan.walk_end;
	}
	return true;
}

/* Protect all of the mappings anew. Return: false: that does not work. */
static bool protect_all(void)
{
	struct crash_place *places;
	int nr = crash_maps_list(true, &places);
	int i;

	if (owner != sys0(getpid) && !start())
		return false;
	for (i = 0; i < nr; i++)
		if (!register_place(&places[i]) || !scan_place(&places[i], NULL))
			return false;
	return true;
}

/**
 * crash_written_find() - find what this process has written to since the last call
 * @look:	is called for each such part of the device
 *
 * Stores by other processes are not found.
 *
 * Return: true; false: it is not known, and @look may have been called for a part.
 */
bool crash_written_find(crash_written_look *look)
{
	/* A mapping that has gone is not listed, but may have been stored to. */
	bool is_protected = !crash_maps_have_changed() && owner && owner == sys0(getpid);
	struct crash_place *places;
	int nr = crash_maps_list(false, &places);
	int i;

	if (is_refused)
		return false;
	for (i = 0; is_protected && i < nr; i++)
		is_protected = scan_place(&places[i], look);
	if (is_protected)
		return true;
	if (!protect_all()) {
		/* Once more with new descriptors: the program may have closed the old. */
		owner = 0;
		is_refused = !protect_all();
	}
	return false;
}
