/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FILE.badblocks, the poison of a pmem: file, for as long as the file exists.
 *
 * The directory may be another user's, or one that all users may write to. So the daemon
 * opens it once, checks that the image is in it, and uses a FILE.badblocks there only if
 * no user can have made it who could not write to the image as well.
 */
#include "cuse-daxd/faults/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/badblocks.h"
#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/model.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"

#define SUFFIX ".badblocks"

/* The place of FILE.badblocks. */
struct place {
	int dir; /* -1: there is none */
	char *name;
	struct stat image;
};

static void leave_place(struct place *p)
{
	daxd_close_fd(&p->dir);
	g_free(p->name);
}

/* Return: true, or false if the image is no longer where its path says. */
static bool find_place(const struct daxd_store *store, struct place *p)
{
	g_autofree char *parent = g_path_get_dirname(store->path);
	g_autofree char *image = g_path_get_basename(store->path);

	p->name = g_strconcat(image, SUFFIX, NULL);
	p->dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p->dir >= 0 && fstatat(p->dir, image, &p->image, 0) == 0 &&
	       p->image.st_dev == store->dev && p->image.st_ino == store->ino;
}

/* Explain why a file can't be used. Return: NULL if it can. */
static const char *find_fault(const struct place *p, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_uid != p->image.st_uid && st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to another user than the image";
	if (daxd_file_is_planted(p->dir, st->st_uid))
		return "is another user's in a sticky directory";
	if (st->st_mode & (S_IWGRP | S_IWOTH) & ~p->image.st_mode ||
	    (st->st_mode & S_IWGRP && st->st_gid != p->image.st_gid))
		return "can be written by users who may not write to the image";
	if (st->st_size > DAX_BADBLOCKS_FILE_MAX)
		return "is larger than 1M";
	return NULL;
}

/* Return: a descriptor for reading, -ENOENT, or -EPERM after a warning. */
static int open_file(const struct daxd_store *store, const struct place *p)
{
	_cleanup_close_ int fd = -1;
	const char *fault;
	struct stat st;

	/* O_NONBLOCK: a FIFO must not block the daemon. */
	fd = openat(p->dir, p->name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		fault = errno == ELOOP ? "is a link" : strerror(errno);
	else if (fstat(fd, &st) < 0)
		fault = strerror(errno);
	else
		fault = find_fault(p, &st);
	if (!fault)
		return TAKE_FD(fd);
	daxd_warning("%s" SUFFIX ": %s: neither read nor written (remove it), continuing "
		     "without",
		     store->path, fault);
	return -EPERM;
}

static char *make_text(const struct daxd_faults *faults, const struct daxd_store *store)
{
	GString *text = g_string_new(NULL);
	guint i;

	for (i = 0; i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		const struct daxd_device *dev =
			daxd_devices_find_life(faults->reg, bad->life);

		if (dev && dev->dev && dev->store == store && dev->dev->nr_ranges &&
		    dax_badblocks_has(bad))
			g_string_append_printf(text, "%ju %ju\n",
					       (uintmax_t)(dev->dev->ranges[0].start -
							   dev->base + bad->off),
					       (uintmax_t)bad->len);
	}
	return g_string_free(text, FALSE);
}

/* Write the file under another name, with the image's owner and mode, and rename it. */
static int replace_file(const struct place *p, const char *text)
{
	g_autofree char *new = g_strdup_printf("%s.%08x", p->name, g_random_int());
	_cleanup_close_ int fd =
		openat(p->dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	const ssize_t len = (ssize_t)strlen(text);
	int r = 0;

	if (fd < 0)
		return -errno;
	errno = ENOSPC;
	if (write(fd, text, (size_t)len) != len ||
	    fchmod(fd, p->image.st_mode & 0666) < 0)
		r = -errno;
	/* Only root may give files away; then the group at least. */
	if (r == 0 && fchown(fd, p->image.st_uid, p->image.st_gid) < 0 &&
	    fchown(fd, (uid_t)-1, p->image.st_gid) < 0 &&
	    fchmod(fd, p->image.st_mode & 0600) < 0)
		r = -errno;
	if (r == 0 && renameat(p->dir, new, p->dir, p->name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(p->dir, new, 0);
	return r;
}

/**
 * daxd_beside_write() - write FILE.badblocks, or remove it if there is no poison
 * @faults:	all of them
 * @store:	the pmem: file
 *
 * Lines are "OFFSET LENGTH", in bytes of the store.
 */
void daxd_beside_write(const struct daxd_faults *faults, const struct daxd_store *store)
{
	g_autofree char *text = make_text(faults, store);
	struct place p;
	int r = -ENOENT;

	if (find_place(store, &p)) {
		_cleanup_close_ int fd = open_file(store, &p);

		if (fd == -EPERM)
			r = 0;
		else if (*text)
			r = replace_file(&p, text);
		else
			r = fd < 0 || unlinkat(p.dir, p.name, 0) == 0 ? 0 : -errno;
	}
	/* An image that was removed needs no list. */
	if (r < 0 && *text)
		daxd_warning("%s" SUFFIX ": can't be written: %s, continuing without",
			     store->path, strerror(-r));
	leave_place(&p);
}

/* Make a range of the file bad. Return: false if no device has all of it. */
static bool use_range(struct daxd_faults *faults, const struct daxd_store *store,
		      uint64_t off, uint64_t len)
{
	const struct dax_bad like = {
		.flags = DAX_BAD_POISON,
		.who = {.uid = UINT32_MAX},
	};
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);
		uint64_t start;

		if (!dev->dev || dev->store != store || !dev->dev->nr_ranges)
			continue;
		start = dev->dev->ranges[0].start - dev->base;
		if (off >= start && off - start < dev->dev->ranges[0].len &&
		    len <= dev->dev->ranges[0].len - (off - start))
			return daxd_bad_make(faults, dev, off - start, len, &like) == 0;
	}
	return false;
}

/**
 * daxd_beside_read() - read the poison in FILE.badblocks
 * @faults:	receives it
 * @store:	the pmem: file
 *
 * Leaves out lines that are wrong, with a warning.
 */
void daxd_beside_read(struct daxd_faults *faults, const struct daxd_store *store)
{
	g_autofree char *text = g_malloc0(DAX_BADBLOCKS_FILE_MAX + 1);
	_cleanup_close_ int fd = -1;
	unsigned int nr_wrong = 0;
	const char *p = text;
	struct place place;
	uint64_t off;
	uint64_t len = 0;
	int r;

	if (find_place(store, &place))
		fd = open_file(store, &place);
	leave_place(&place);
	if (fd < 0 || read(fd, text, DAX_BADBLOCKS_FILE_MAX) < 0)
		return;
	while ((r = dax_badblocks_parse(&p, &off, &len)))
		if (r < 0 || !use_range(faults, store, off, len))
			nr_wrong++;
	if (nr_wrong)
		daxd_warning("%s" SUFFIX ": %u lines left out: they are no ranges of a "
			     "device, or too many",
			     store->path, nr_wrong);
}
