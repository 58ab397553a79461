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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/vmas.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"

struct daxd_maps {
	const struct daxd_registry *reg;
	FILE *file;
	char *buf; /* of getline() */
	size_t size;
	struct daxd_mapping
		last; /* a further line may continue it; its dev may be NULL */
	uint64_t last_life;
	unsigned int templates; /* found so far */
};

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

/**
 * daxd_mappings_find_file() - find a shared mapping of a file in a process
 * @pid:	the process; one that has ended or is inaccessible has no mappings
 * @dev:	the file, as maps shows it
 * @ino:	the same
 * @ret_range:	receives the name of the mapping in /proc/PID/map_files
 *
 * Return: true if there is one.
 */
bool daxd_mappings_find_file(pid_t pid, dev_t dev, ino_t ino, char ret_range[40])
{
	_cleanup_free_ char *buf = NULL;
	FILE *maps = open_maps(pid);
	bool is_found = false;
	size_t size = 0;
	struct line line;

	while (maps && !is_found && getline(&buf, &size, maps) > 0)
		is_found = parse_line(buf, &line) && line.prot[3] == 's' &&
			   line.dev == dev && line.ino == ino;
	if (is_found)
		snprintf(ret_range, 40, "%" PRIx64 "-%" PRIx64, line.start, line.end);
	if (maps)
		fclose(maps);
	return is_found;
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
 * daxd_mappings_open() - begin to enumerate the dax mappings of a process
 * @reg:	the registry; outlives the result
 * @pid:	the process
 *
 * Return: for daxd_mappings_close(); NULL if the process has ended or is inaccessible.
 */
struct daxd_maps *daxd_mappings_open(const struct daxd_registry *reg, pid_t pid)
{
	FILE *file = open_maps(pid);
	struct daxd_maps *maps;

	if (!file)
		return NULL;
	maps = g_new0(struct daxd_maps, 1);
	maps->reg = reg;
	maps->file = file;
	return maps;
}

/* Report the mapping that no further line has continued. Return: as @fn. */
static bool report_last(struct daxd_maps *maps, daxd_mapping_fn fn, void *ctx)
{
	const struct daxd_mapping last = maps->last;

	maps->last.dev = NULL;
	/* Between two slices the device may have been deleted. */
	if (!last.dev || daxd_devices_find_life(maps->reg, maps->last_life) != last.dev)
		return true;
	return fn(ctx, &last);
}

/* True for the templates of the shim. A program that maps such pages itself has more. */
static bool is_hidden(struct daxd_maps *maps, const struct daxd_mapping *mapping)
{
	return dax_is_template(mapping->start, mapping->size, mapping->offset,
			       mapping->dev->desc.align) &&
	       maps->templates++ < DAX_TEMPLATES_MAX;
}

/**
 * daxd_mappings_read() - enumerate some of the dax mappings of a process
 * @maps:	from daxd_mappings_open()
 * @lines:	how many mappings of any kind to look at
 * @fn:		called for each dax mapping, sorted by address; returns false for "enough"
 * @ctx:	passed to @fn
 *
 * Return: true if there may be more.
 */
bool daxd_mappings_read(struct daxd_maps *maps, unsigned int lines, daxd_mapping_fn fn,
			void *ctx)
{
	while (getline(&maps->buf, &maps->size, maps->file) > 0) {
		struct daxd_mapping mapping;
		struct line line;

		/* Device-dax can only be mapped shared. */
		if (parse_line(maps->buf, &line) && line.prot[3] == 's' &&
		    find_mapped(maps->reg, &line, &mapping) &&
		    !is_hidden(maps, &mapping)) {
			if (maps->last.dev && is_continued(&maps->last, &mapping)) {
				maps->last.size += mapping.size;
			} else {
				if (!report_last(maps, fn, ctx))
					return false;
				maps->last = mapping;
				maps->last_life = mapping.dev->life;
			}
		}
		if (!--lines)
			return true;
	}
	report_last(maps, fn, ctx);
	return false;
}

/**
 * daxd_mappings_close() - end an enumeration
 * @maps:	from daxd_mappings_open(), or NULL
 */
void daxd_mappings_close(struct daxd_maps *maps)
{
	if (!maps)
		return;
	fclose(maps->file);
	free(maps->buf);
	g_free(maps);
}
