/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Find the processes that have devices mapped.
 *
 * A mapping is identified by the device and inode number of its file. On btrfs and
 * overlayfs the numbers in maps differ from those of fstat(2), so for a pmem: file the
 * daemon looks up its own line in maps once.
 */
#include "cuse-daxd/registry/mappings.h"

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libcore/device.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"

struct line {
	uint64_t start;
	uint64_t end;
	char prot[5];
	uint64_t off;
	dev_t dev;
	uint64_t ino;
};

static bool parse_line(const char *text, struct line *ret)
{
	unsigned int major;
	unsigned int minor;

	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64,
		   &ret->start, &ret->end, ret->prot, &ret->off, &major, &minor,
		   &ret->ino) != 7)
		return false;
	ret->dev = makedev(major, minor);
	return true;
}

static FILE *open_maps(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return fopen(path, "re");
}

/* Learn the numbers that maps shows for the file of a store. */
static void learn_identity(struct daxd_store *store)
{
	const size_t len = 4096;
	void *map = mmap(NULL, len, PROT_NONE, MAP_SHARED, store->rw, 0);
	_cleanup_free_ char *buf = NULL;
	size_t size = 0;
	struct line line;
	FILE *maps;

	store->has_maps_id = true;
	if (map == MAP_FAILED)
		return;
	maps = open_maps(getpid());
	while (maps && getline(&buf, &size, maps) > 0) {
		if (!parse_line(buf, &line) || line.start > (uint64_t)(uintptr_t)map ||
		    line.end <= (uint64_t)(uintptr_t)map)
			continue;
		store->maps_dev = line.dev;
		store->maps_ino = line.ino;
		break;
	}
	if (maps)
		fclose(maps);
	munmap(map, len);
}

static bool is_of_store(struct daxd_store *store, const struct line *line)
{
	/* hugetlbfs can't map 4 KiB, and maps shows the numbers of fstat(2) there. */
	if (store->backing == DAXD_PMEM && !store->has_maps_id)
		learn_identity(store);
	return store->maps_ino == line->ino && store->maps_dev == line->dev;
}

/* Compute the offset of the line's first byte in the device. Return: false if none. */
static bool find_offset(const struct daxd_device *dev, const struct line *line,
			struct daxd_mapping *ret)
{
	uint64_t offset = 0;
	uint32_t i;

	for (i = 0; i < dev->desc.nr_ranges; i++) {
		const struct dax_range *range = &dev->desc.ranges[i];

		if (line->off >= range->start && line->off - range->start < range->len) {
			ret->offset = offset + line->off - range->start;
			return true;
		}
		offset += range->len;
	}
	return false;
}

static bool find_mapped(const struct daxd_registry *reg, const struct line *line,
			struct daxd_mapping *ret)
{
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!dev->store || !is_of_store(dev->store, line) ||
		    !find_offset(dev, line, ret))
			continue;
		ret->dev = dev;
		ret->start = line->start;
		ret->size = line->end - line->start;
		memcpy(ret->prot, line->prot, 3);
		ret->prot[3] = '\0';
		return true;
	}
	return false;
}

static bool is_continued(const struct daxd_mapping *a, const struct daxd_mapping *b)
{
	return a->dev == b->dev && a->start + a->size == b->start &&
	       a->offset + a->size == b->offset && !strcmp(a->prot, b->prot);
}

/**
 * daxd_mappings_of() - enumerate the dax mappings of a process
 * @reg:	the registry
 * @pid:	the process; one that has ended or is inaccessible has no mappings
 * @fn:		called for each mapping, sorted by address
 * @ctx:	passed to @fn
 */
void daxd_mappings_of(const struct daxd_registry *reg, pid_t pid, daxd_mapping_fn fn,
		      void *ctx)
{
	struct daxd_mapping last = {0};
	_cleanup_free_ char *buf = NULL;
	FILE *maps = open_maps(pid);
	size_t size = 0;

	while (maps && getline(&buf, &size, maps) > 0) {
		struct daxd_mapping mapping;
		struct line line;

		/* Device-dax can only be mapped shared. */
		if (!parse_line(buf, &line) || line.prot[3] != 's' ||
		    !find_mapped(reg, &line, &mapping))
			continue;
		if (last.dev && is_continued(&last, &mapping)) {
			last.size += mapping.size;
			continue;
		}
		if (last.dev)
			fn(ctx, &last);
		last = mapping;
	}
	if (last.dev)
		fn(ctx, &last);
	if (maps)
		fclose(maps);
}
