/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that is the image of a pmem namespace in devdax mode: the kernel's info
 * block at byte 4096, then the device. A real kernel comes up with the same device.
 *
 * Nothing is written to a file in which there is something, but what devices write.
 * Who holds the writable descriptor can write the info block, too: it is one file.
 *
 * libpmem is loaded only here and only to format: its constructor looks through sysfs
 * and, with what it is linked to, costs 1.5 ms, half of a whole start.
 */
#include "cuse-daxd/store.h"

#include "libcore/size.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libpmem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define HEAD_SIZE ((size_t)16384) /* zero in a fresh file: 4096 is the info block */
#define NS_ALIGN  (16 * DAX_MIB)  /* what the kernel wants namespaces to end on */
/* Where namespaces start, for the checks: a multiple of every align. */
#define NS_START DAX_GIB

/* -- what is in the file ------------------------------------------------------ */

/* What else begins with something known. */
static const struct {
	size_t offset;
	const char *magic;
	size_t len;
	const char *what;
} known[] = {
	{4096, "NVDIMM_PFN_INFO", 16,
	 "a namespace in fsdax mode (info block NVDIMM_PFN_INFO)"},
	{4096, "BTT_ARENA_INFO", 15, "a namespace in sector mode (BTT_ARENA_INFO)"},
	{0, "NAMESPACE_INDEX", 16, "the label area of an NVDIMM"},
	{1080, "\x53\xef", 2, "an ext2, ext3 or ext4 file system"},
	{0, "XFSB", 4, "an XFS file system"},
	{0, "QFI\xfb", 4, "a qcow2 image (convert it: qemu-img convert -O raw)"},
	{512, "EFI PART", 8, "a partitioned disk (GPT)"},
	{510, "\x55\xaa", 2, "a partitioned disk (MBR)"},
};

static const char *what_is(const uint8_t *head)
{
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(known); i++)
		if (!memcmp(head + known[i].offset, known[i].magic, known[i].len))
			return known[i].what;
	return "data without an info block";
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

static int check_block(struct daxd_store *store, const uint8_t *head,
		       struct daxd_why *why)
{
	const char *fault;

	switch (dax_infoblock_decode(head + DAX_INFOBLOCK_OFFSET, &store->block)) {
	case 0:
		break;
	case -EBADMSG:
		return daxd_fail(why, EBADMSG,
				 "%s: its info block is damaged: the "
				 "checksum does not match; nothing was changed (restore "
				 "the image, or remove it)",
				 store->path);
	case -EPROTONOSUPPORT:
		return daxd_fail(why, EPROTONOSUPPORT,
				 "%s: its info block has version "
				 "%u.%u or a feature that is newer than 1.4, the newest "
				 "known here (use a newer cuse-daxd)",
				 store->path, store->block.version_major,
				 store->block.version_minor);
	default:
		return daxd_fail(why, EILSEQ,
				 "%s: holds %s, not a namespace in devdax "
				 "mode; nothing was changed (give another path, or "
				 "remove it)",
				 store->path, what_is(head));
	}
	if (dax_infoblock_validate(&store->block, NS_START, store->ns_size, &fault) < 0)
		return daxd_fail(why, EINVAL,
				 "%s: its info block does not fit: %s "
				 "(file of %llu bytes; restore the image, or remove it)",
				 store->path, fault, (unsigned long long)store->ns_size);
	store->has_content = true;
	store->size = dax_infoblock_usable(&store->block, store->ns_size);
	store->align = store->block.align;
	store->map = store->block.mode == DAX_INFOBLOCK_PMEM ? DAX_MAP_DEV : DAX_MAP_MEM;
	return 0;
}

static int open_file(struct daxd_store *store, struct daxd_why *why)
{
	uint8_t head[HEAD_SIZE] = {0};
	struct stat st;
	int r;

	r = daxd_store_open_file(store, why);
	if (r < 0 || store->rw < 0)
		return r;
	if (fstat(store->rw, &st) < 0 || pread(store->rw, head, sizeof(head), 0) < 0)
		return daxd_fail(why, errno, "%s: can't be read: %s", store->path,
				 strerror(errno));
	store->ns_size = dax_round_down((uint64_t)st.st_size, NS_ALIGN);
	if (!is_zero(head, sizeof(head)))
		return check_block(store, head, why);
	if (st.st_size && !store->ns_size)
		return daxd_fail(why, EINVAL,
				 "%s: is empty, but its %llu bytes are too "
				 "few for a namespace (remove it, or truncate -s 0)",
				 store->path, (unsigned long long)st.st_size);
	store->room = store->ns_size;
	return 0;
}

/* The largest device whose namespace fills the file: layout() grows with the size. */
static uint64_t fit(const struct daxd_store *store, uint64_t align,
		    enum dax_region_map map)
{
	uint64_t unit = dax_max(align, 2 * DAX_MIB);
	uint64_t low = 0; /* in units: this many fit */
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

/* -- formatting ---------------------------------------------------------------- */

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

/* All blocks of the file now, so that no store of a program finds the disk full. */
static int allocate(const struct daxd_store *store, struct daxd_why *why)
{
	struct statvfs fs;

	if (fallocate(store->rw, 0, 0, (off_t)store->ns_size) == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT)
		return fail_space(store, why);
	/* Some network file systems can't: then at least look whether there is room. */
	if (errno == EOPNOTSUPP && fstatvfs(store->rw, &fs) == 0) {
		if (store->ns_size / fs.f_frsize > fs.f_bavail)
			return fail_space(store, why);
		if (ftruncate(store->rw, (off_t)store->ns_size) == 0)
			return 0;
	}
	return daxd_fail(why, errno, "%s: can't be made %llu bytes long: %s", store->path,
			 (unsigned long long)store->ns_size, strerror(errno));
}

/* A random uuid, version 4 as uuid_generate() makes them. */
static int make_uuid(uint8_t uuid[DAX_UUID_LEN])
{
	if (getrandom(uuid, DAX_UUID_LEN, 0) != DAX_UUID_LEN)
		return -EIO;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

/* pmem_map_file(), because pmem_is_pmem() knows only mappings that libpmem made. */
static int write_with_libpmem(void *lib, const struct daxd_store *store,
			      const uint8_t *block)
{
	__typeof__(&pmem_map_file) map_file = dlsym(lib, "pmem_map_file");
	__typeof__(&pmem_is_pmem) is_pmem = dlsym(lib, "pmem_is_pmem");
	__typeof__(&pmem_persist) persist = dlsym(lib, "pmem_persist");
	__typeof__(&pmem_msync) do_msync = dlsym(lib, "pmem_msync");
	__typeof__(&pmem_unmap) unmap = dlsym(lib, "pmem_unmap");
	char link[64];
	size_t len;
	uint8_t *map;
	uint8_t *p;
	int r = 0;

	if (!map_file || !is_pmem || !persist || !do_msync || !unmap)
		return -ENOSYS;
	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", store->rw);
	map = map_file(link, 0, 0, 0, &len, NULL);
	if (!map)
		return -errno;
	p = map + DAX_INFOBLOCK_OFFSET;
	memcpy(p, block, DAX_INFOBLOCK_SIZE);
	if (is_pmem(p, DAX_INFOBLOCK_SIZE))
		persist(p, DAX_INFOBLOCK_SIZE);
	else if (do_msync(p, DAX_INFOBLOCK_SIZE) < 0)
		r = -errno;
	unmap(map, len);
	return r;
}

static int write_without_libpmem(const struct daxd_store *store, const uint8_t *block)
{
	if (pwrite(store->rw, block, DAX_INFOBLOCK_SIZE, DAX_INFOBLOCK_OFFSET) !=
	    DAX_INFOBLOCK_SIZE)
		return -EIO;
	return fdatasync(store->rw) < 0 ? -errno : 0;
}

static int write_block(struct daxd_store *store, struct daxd_why *why)
{
	uint8_t block[DAX_INFOBLOCK_SIZE];
	void *lib;
	int r;

	r = make_uuid(store->block.uuid);
	if (r < 0)
		return daxd_fail(why, -r, "%s: no random numbers for its uuid",
				 store->path);
	dax_infoblock_encode(&store->block, block);
	lib = dlopen("libpmem.so.1", RTLD_NOW | RTLD_LOCAL);
	r = lib ? write_with_libpmem(lib, store, block) : -ENOSYS;
	if (r == -ENOSYS)
		r = write_without_libpmem(store, block);
	if (r < 0)
		return daxd_fail(why, -r, "%s: its info block can't be written: %s",
				 store->path, strerror(-r));
	return 0;
}

/* A file that was made in advance keeps its length: the rest is cut off the device. */
static int use_room(struct daxd_store *store, struct daxd_why *why)
{
	uint64_t trunc = store->block.end_trunc + (store->room - store->ns_size);
	char is[DAX_SIZE_STRLEN];
	char room[DAX_SIZE_STRLEN];
	char needs[DAX_SIZE_STRLEN];

	if (store->ns_size > store->room || trunc > UINT32_MAX)
		return daxd_fail(why, EINVAL,
				 "%s: is there, empty, with room for a "
				 "namespace of %s, but a device of %s wants one of %s "
				 "(leave out size, or truncate -s %s it)",
				 store->path, dax_size_format(store->room, room),
				 dax_size_format(store->size, is),
				 dax_size_format(store->ns_size, needs), needs);
	store->block.end_trunc = (uint32_t)trunc;
	store->ns_size = store->room;
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
	r = store->room ? use_room(store, why) : 0;
	if (r == 0 && store->rw < 0)
		r = daxd_store_create_file(store, why);
	if (r == 0)
		r = allocate(store, why);
	return r < 0 ? r : write_block(store, why);
}

static int make(struct daxd_store *store, struct daxd_why *why)
{
	int r;

	if (!store->has_content) {
		r = format(store, why);
		if (r < 0)
			return r;
	}
	return daxd_store_open_ro(store, why);
}

static int sync_file(struct daxd_store *store)
{
	return fsync(store->rw) < 0 ? -errno : 0;
}

const struct daxd_store_ops daxd_store_pmem = {
	.open = open_file,
	.fit = fit,
	.make = make,
	.sync = sync_file,
};
