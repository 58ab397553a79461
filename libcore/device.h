/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Description of one device, with all that verdicts need to know.
 *
 * A plain copy without pointers: the daemon publishes it in the state pages
 * (state.h), the shim copies it from there to its stack and passes it to the
 * functions of verdict.h.
 */
#ifndef DAX_DEVICE_H
#define DAX_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define DAX_NAME_LEN   16 /* "dax4294967295.4" fits, terminated */
#define DAX_RANGES_MAX 32 /* ranges of one device; the kernel has no such limit */

enum dax_device_flag {
	/* Bound to device_dax or fsdev_dax: may be opened, and mapped unless FAMFS. */
	DAX_DEVICE_ALIVE = 1 << 0,
	/* Deleted. Old descriptors and mappings may still refer to it. */
	DAX_DEVICE_GONE = 1 << 1,
	/* Opened at least once since it was enabled: statx(2) then shows DAX. */
	DAX_DEVICE_OPENED = 1 << 2,
	/* Memory without page structs: no pinning, not inherited by fork. */
	DAX_DEVICE_NO_PAGES = 1 << 3,
	/* Not a dax device but the nd bus's control node, /dev/ndctlN. */
	DAX_DEVICE_NDCTL = 1 << 4,
	/* Part of it is bad: dax_state_next_bad() finds the ranges. */
	DAX_DEVICE_BAD = 1 << 5,
	/* Its backing store can be mapped in whole pages of this size only: hugetlb. */
	DAX_DEVICE_PAGES_2M = 1 << 6,
	DAX_DEVICE_PAGES_1G = 1 << 7,
	/* Beside NDCTL: a memory device of CXL, /dev/cxl/memN, with its size. */
	DAX_DEVICE_CXL = 1 << 8,
	/* Bound to fsdev_dax: for the file system famfs, without mmap. */
	DAX_DEVICE_FAMFS = 1 << 9,
	/* Beside CXL: its memory is persistent; it is a DIMM of the nd bus. */
	DAX_DEVICE_CXL_PMEM = 1 << 10,
	DAX_DEVICE_CXL_NVDIMM = 1 << 11,
};

/* Part of a device: bytes [start, start + len) of its backing store. */
struct dax_range {
	uint64_t start;
	uint64_t len;
};

struct dax_device {
	char name[DAX_NAME_LEN];
	uint32_t region_id;
	uint32_t id;
	uint32_t major;
	uint32_t minor;
	uint32_t flags;
	uint32_t nr_ranges;
	uint64_t align;
	/* Sum of the ranges in bytes, as sysfs shows it in `size`. */
	uint64_t size;
	/* Distinguishes a device from an earlier one of the same name. Never 0. */
	uint64_t life;
	/* Incremented by every change that live mappings must follow. */
	uint64_t generation;
	/* Incremented whenever its bad ranges change. */
	uint64_t bad_generation;
	/* In device order: the device's offsets run through them without a gap. */
	struct dax_range ranges[DAX_RANGES_MAX];
};

static inline bool dax_device_is_alive(const struct dax_device *dev)
{
	return dev->flags & DAX_DEVICE_ALIVE;
}

const char *dax_name_of_node(const char *text);
uint64_t dax_device_page(const struct dax_device *dev);
int dax_name_parse(const char *name, uint32_t *ret_region, uint32_t *ret_id);

#endif
