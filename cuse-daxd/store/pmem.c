/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that is the image of a pmem namespace in devdax mode: the kernel's info
 * block at byte 4096, then the device. A real kernel finds the same device in it.
 *
 * In a file with content only devices are written, and the layout record
 * (libcore/layout.h) of a region with more than one device. A client that holds the
 * writable descriptor can write there as well, because it is one file.
 *
 * libpmem is loaded only here and only to write: its constructor searches sysfs and,
 * with the libraries it needs, takes 1.5 ms, half of a whole start.
 */
#include "cuse-daxd/store/pmem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <libpmem.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/image.h"
#include "libcore/infoblock.h"
#include "libcore/layout.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/base/crash_point.h"
#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/store/slots.h"

#define HOW_TO_FORCE "cuse-daxd --force-format overwrites it"

static int refuse_image(const struct daxd_store *store, const struct dax_image *image,
			struct daxd_why *why)
{
	char was[DAX_SIZE_STRLEN];
	char is[DAX_SIZE_STRLEN];

	switch (image->state) {
	case DAX_IMAGE_DAMAGED:
		return daxd_fail(why, EBADMSG,
				 "%s: its info block is damaged: %s; nothing was changed "
				 "(restore the image, or remove it; " HOW_TO_FORCE ")",
				 store->path, image->what);
	case DAX_IMAGE_NEWER:
		return daxd_fail(why, EPROTONOSUPPORT,
				 "%s: its info block has version "
				 "%u.%u or a feature that is newer than 1.4, the newest "
				 "one known; nothing was changed (use a newer "
				 "cuse-daxd; " HOW_TO_FORCE ")",
				 store->path, image->block.version_major,
				 image->block.version_minor);
	case DAX_IMAGE_MISFIT:
		return daxd_fail(why, EINVAL,
				 "%s: its info block does not fit: %s "
				 "(file of %llu bytes); nothing was changed (restore the "
				 "image, or remove it; " HOW_TO_FORCE ")",
				 store->path, image->what,
				 (unsigned long long)image->ns_size);
	case DAX_IMAGE_RESIZED:
		return daxd_fail(
			why, EINVAL,
			"%s: %s: its info block was written for a "
			"device of %s, now there would be one of %s; nothing was "
			"changed (truncate it to its former size, or restore "
			"it; " HOW_TO_FORCE ")",
			store->path, image->what,
			dax_size_format(image->block.npfns * DAX_PAGE, was),
			dax_size_format(image->size, is));
	case DAX_IMAGE_TOO_SMALL:
		return daxd_fail(why, EINVAL,
				 "%s: is empty, but its %llu bytes are too "
				 "few for a namespace (remove it, or truncate -s 0)",
				 store->path, (unsigned long long)image->file_size);
	case DAX_IMAGE_FOREIGN:
	case DAX_IMAGE_OK:
	case DAX_IMAGE_EMPTY:
		break;
	}
	return daxd_fail(why, EILSEQ,
			 "%s: holds %s, not a namespace in devdax "
			 "mode; nothing was changed (give another path, or "
			 "remove it; " HOW_TO_FORCE ")",
			 store->path, image->what);
}

static int use_image(struct daxd_store *store, const struct dax_image *image,
		     struct daxd_why *why)
{
	int r;

	store->block = image->block;
	dax_layout_area_of_image(&store->block, &store->record.area);
	store->data = store->block.start_pad + store->block.dataoff;
	r = daxd_slots_read(store, store->block.uuid, image->size, why);
	if (r < 0)
		return r;
	store->has_content = true;
	store->size = image->size;
	store->align = store->block.align;
	store->map = store->block.mode == DAX_INFOBLOCK_PMEM ? DAX_MAP_DEV : DAX_MAP_MEM;
	return 0;
}

/* --force-format: treat a file that is no image as an empty one. */
static int force(struct daxd_store *store)
{
	store->must_wipe = true;
	store->room = store->ns_size;
	return 0;
}

static int open_image(struct daxd_store *store, struct daxd_why *why)
{
	uint8_t head[DAX_IMAGE_HEAD] = {0};
	struct dax_image image;
	struct stat st;
	int r;

	r = daxd_file_open(store, why);
	if (r < 0 || store->rw < 0)
		return r;
	if (fstat(store->rw, &st) < 0 || pread(store->rw, head, sizeof(head), 0) < 0)
		return daxd_fail(why, errno, "%s: can't be read: %s", store->path,
				 strerror(errno));
	dax_image_examine(head, (uint64_t)st.st_size, &image);
	store->ns_size = image.ns_size;
	switch (image.state) {
	case DAX_IMAGE_OK:
		r = use_image(store, &image, why);
		return r < 0 && store->may_wipe ? force(store) : r;
	case DAX_IMAGE_EMPTY:
		store->must_wipe = image.is_ours;
		store->room = image.is_ours ? 0 : image.ns_size;
		return 0;
	case DAX_IMAGE_TOO_SMALL:
	case DAX_IMAGE_FOREIGN:
	case DAX_IMAGE_DAMAGED:
	case DAX_IMAGE_NEWER:
	case DAX_IMAGE_MISFIT:
	case DAX_IMAGE_RESIZED:
		break;
	}
	return store->may_wipe ? force(store) : refuse_image(store, &image, why);
}

/* Search the largest device whose namespace fits: the namespace grows with the device. */
static uint64_t fit(const struct daxd_store *store, uint64_t align,
		    enum dax_region_map map)
{
	uint64_t unit = dax_max(align, 2 * DAX_MIB);
	uint64_t low = 0; /* in units; this many fit */
	uint64_t high = store->room / unit;

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;
		struct dax_infoblock block;
		uint64_t ns_size;

		if (dax_infoblock_layout(middle * unit, align, map, &block, &ns_size) ==
			    0 &&
		    ns_size <= store->room)
			low = middle;
		else
			high = middle - 1;
	}
	return low * unit;
}

static int fail_space(const struct daxd_store *store, struct daxd_why *why)
{
	char need[DAX_SIZE_STRLEN];
	struct statvfs fs;
	unsigned long long available = 0;

	if (fstatvfs(store->rw, &fs) == 0)
		available = (unsigned long long)fs.f_bavail * fs.f_frsize / DAX_MIB;
	return daxd_fail(why, ENOSPC,
			 "%s: needs %s, its file system has %lluM free "
			 "(make room there, or give a smaller size)",
			 store->path, dax_size_format(store->ns_size, need), available);
}

/* Allocate all blocks of the file, so that a full disk can't fail a program's store. */
static int allocate(const struct daxd_store *store, struct daxd_why *why)
{
	struct statvfs fs;

	if (fallocate(store->rw, 0, 0, (off_t)store->ns_size) == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT)
		return fail_space(store, why);
	/* Some network file systems can't: then at least check that there is room. */
	if (errno == EOPNOTSUPP && fstatvfs(store->rw, &fs) == 0) {
		if (store->ns_size / fs.f_frsize > fs.f_bavail)
			return fail_space(store, why);
		if (ftruncate(store->rw, (off_t)store->ns_size) == 0)
			return 0;
	}
	return daxd_fail(why, errno, "%s: can't be made %llu bytes long: %s", store->path,
			 (unsigned long long)store->ns_size, strerror(errno));
}

/* A random uuid of version 4, as of uuid_generate(). */
static int make_random_uuid(uint8_t uuid[DAX_UUID_LEN])
{
	if (getrandom(uuid, DAX_UUID_LEN, 0) != DAX_UUID_LEN)
		return -EIO;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

/* State kept between writes: libpmem, and its mapping of the file. */
struct daxd_pmem {
	__typeof__(&pmem_map_file) map_file;
	__typeof__(&pmem_is_pmem) is_pmem;
	__typeof__(&pmem_persist) persist;
	__typeof__(&pmem_msync) msync;
	__typeof__(&pmem_unmap) unmap;
	uint8_t *map; /* NULL: without libpmem */
	size_t len;
};

static void load_libpmem(struct daxd_pmem *pmem)
{
	void *lib = dlopen("libpmem.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return;
	pmem->map_file = dlsym(lib, "pmem_map_file");
	pmem->is_pmem = dlsym(lib, "pmem_is_pmem");
	pmem->persist = dlsym(lib, "pmem_persist");
	pmem->msync = dlsym(lib, "pmem_msync");
	pmem->unmap = dlsym(lib, "pmem_unmap");
}

/* pmem_map_file(), because pmem_is_pmem() knows only mappings that libpmem made. */
static int map_file(struct daxd_store *store)
{
	struct daxd_pmem *pmem;
	char link[64];

	if (store->pmem)
		return 0;
	pmem = g_new0(struct daxd_pmem, 1);
	load_libpmem(pmem);
	if (pmem->map_file && pmem->is_pmem && pmem->persist && pmem->msync &&
	    pmem->unmap) {
		g_snprintf(link, sizeof(link), "/proc/self/fd/%d", store->rw);
		pmem->map = pmem->map_file(link, 0, 0, 0, &pmem->len, NULL);
		if (!pmem->map) {
			g_free(pmem);
			return -errno;
		}
		/*
		 * No read-ahead: pages of 4 KiB in the cache would keep the kernel from
		 * reading a unit of the device as one page of 2 MiB.
		 */
		madvise(pmem->map, pmem->len, MADV_RANDOM);
	}
	store->pmem = pmem;
	return 0;
}

static void unmap_file(struct daxd_store *store)
{
	if (store->pmem && store->pmem->map)
		store->pmem->unmap(store->pmem->map, store->pmem->len);
	g_clear_pointer(&store->pmem, g_free);
}

struct writing {
	const struct daxd_pmem *pmem;
	uint64_t offset;
	const uint8_t *data;
	size_t len;
};

static int store_and_flush(void *ctx)
{
	const struct writing *w = ctx;
	uint8_t *p = w->pmem->map + w->offset;
	size_t half = w->len / 16 * 8;

	daxd_crash_point("write");
	memcpy(p, w->data, half);
	daxd_crash_point("write-half");
	memcpy(p + half, w->data + half, w->len - half);
	daxd_crash_point("flush");
	if (w->pmem->is_pmem(p, w->len))
		w->pmem->persist(p, w->len);
	else if (w->pmem->msync(p, w->len) < 0)
		return -errno;
	daxd_crash_point("flushed");
	return 0;
}

static int write_with_libpmem(const struct daxd_pmem *pmem, uint64_t offset,
			      const uint8_t *data, size_t len)
{
	struct writing w = {pmem, offset, data, len};

	return offset + len > pmem->len ? -ENOSPC : daxd_file_guard(store_and_flush, &w);
}

static int write_without_libpmem(const struct daxd_store *store, uint64_t offset,
				 const void *data, size_t len)
{
	if (pwrite(store->rw, data, len, (off_t)offset) != (ssize_t)len)
		return -EIO;
	return fdatasync(store->rw) < 0 ? -errno : 0;
}

/* Write outside of all devices. The data is on the media when this returns. */
static int write_durably(struct daxd_store *store, uint64_t offset, const void *data,
			 size_t len)
{
	struct stat st;
	int r;

	if (fstat(store->rw, &st) < 0 || (uint64_t)st.st_size < offset + len)
		return -ENOSPC;
	r = map_file(store);
	if (r < 0)
		return r;
	return store->pmem->map ? write_with_libpmem(store->pmem, offset, data, len)
				: write_without_libpmem(store, offset, data, len);
}

static int fail_write(const struct daxd_store *store, int error, struct daxd_why *why)
{
	return daxd_fail(why, -error, "%s: can't be formatted: %s", store->path,
			 strerror(-error));
}

/*
 * Until the info block is written, the mark makes the file count as empty, or as absent
 * if the daemon has created it. A new file has no content before the mark.
 */
static int mark_unfinished(struct daxd_store *store, bool is_ours, struct daxd_why *why)
{
	const char *text = is_ours ? DAX_IMAGE_MARK_OURS : DAX_IMAGE_MARK;

	daxd_crash_point("mark");
	if (pwrite(store->rw, text, DAX_IMAGE_MARK_LEN, DAX_IMAGE_MARK_OFFSET) !=
		    DAX_IMAGE_MARK_LEN ||
	    fdatasync(store->rw) < 0)
		return fail_write(store, errno ? -errno : -EIO, why);
	daxd_crash_point("marked");
	return 0;
}

static int write_block(struct daxd_store *store, struct daxd_why *why)
{
	static const uint8_t no_mark[DAX_IMAGE_MARK_LEN];
	uint8_t block[DAX_INFOBLOCK_SIZE];
	int r;

	r = make_random_uuid(store->block.uuid);
	if (r < 0)
		return daxd_fail(why, -r, "%s: no random numbers for its uuid",
				 store->path);
	dax_infoblock_encode(&store->block, block);
	r = write_durably(store, DAX_INFOBLOCK_OFFSET, block, sizeof(block));
	if (r == 0)
		r = write_durably(store, DAX_IMAGE_MARK_OFFSET, no_mark, sizeof(no_mark));
	return r < 0 ? fail_write(store, r, why) : 0;
}

/* A file created in advance keeps its length: the device does not use the rest. */
static int use_room(struct daxd_store *store, struct daxd_why *why)
{
	uint64_t trunc = store->block.end_trunc + (store->room - store->ns_size);
	char is[DAX_SIZE_STRLEN];
	char room[DAX_SIZE_STRLEN];
	char needs[DAX_SIZE_STRLEN];

	if (store->ns_size > store->room || trunc > UINT32_MAX)
		return daxd_fail(why, EINVAL,
				 "%s: exists and is empty, with room for a "
				 "namespace of %s, but a device of %s needs one of %s "
				 "(leave out size, or truncate -s %s it)",
				 store->path, dax_size_format(store->room, room),
				 dax_size_format(store->size, is),
				 dax_size_format(store->ns_size, needs), needs);
	store->block.end_trunc = (uint32_t)trunc;
	store->ns_size = store->room;
	return 0;
}

static int wipe(struct daxd_store *store, struct daxd_why *why)
{
	if (ftruncate(store->rw, 0) < 0)
		return fail_write(store, -errno, why);
	store->room = 0;
	return 0;
}

static int format(struct daxd_store *store, struct daxd_why *why)
{
	char is[DAX_SIZE_STRLEN];
	int r;

	r = dax_infoblock_layout(store->size, store->align, store->map, &store->block,
				 &store->ns_size);
	if (r < 0)
		return daxd_fail(why, EINVAL, "%s: no device of %s is possible on it",
				 store->path, dax_size_format(store->size, is));
	if (store->must_wipe)
		r = wipe(store, why);
	else if (store->room)
		r = use_room(store, why);
	if (r == 0 && store->rw < 0)
		r = daxd_file_create(store, why);
	if (r == 0)
		r = mark_unfinished(store, !store->room, why);
	if (r == 0)
		r = allocate(store, why);
	daxd_crash_point("allocated");
	if (r == 0)
		r = write_block(store, why);
	if (r < 0)
		return r;
	daxd_crash_point("formatted");
	dax_layout_area_of_image(&store->block, &store->record.area);
	store->data = store->block.start_pad + store->block.dataoff;
	return 0;
}

static int make_image(struct daxd_store *store, struct daxd_why *why)
{
	int r;

	if (!store->has_content) {
		r = format(store, why);
		if (r < 0)
			return r;
	}
	return daxd_file_open_ro(store, why);
}

static int sync_file(struct daxd_store *store)
{
	return fsync(store->rw) < 0 ? -errno : 0;
}

const struct daxd_store_ops daxd_pmem_ops = {
	.open = open_image,
	.fit = fit,
	.make = make_image,
	.sync = sync_file,
	.write = write_durably,
	.close = unmap_file,
};
