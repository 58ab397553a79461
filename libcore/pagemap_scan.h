/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in the answer to PAGEMAP_SCAN, an ioctl on /proc/PID/pagemap. */
#ifndef DAX_PAGEMAP_SCAN_H
#define DAX_PAGEMAP_SCAN_H

#include <stdint.h>

#include "libcore/kernel.h"

/* Linux 6.7; older headers do not have it. The size of the struct is in the number. */
#define DAX_PAGEMAP_SCAN 0xc0606610UL

enum dax_scan_category {
	DAX_SCAN_WRITTEN = 1 << 1,
	DAX_SCAN_FILE = 1 << 2,
	DAX_SCAN_PRESENT = 1 << 3,
	DAX_SCAN_HUGE = 1 << 6,
	DAX_SCAN_SOFT_DIRTY = 1 << 7,
	DAX_SCAN_ALL = 0xff,
};

/* The argument of the ioctl. */
struct dax_scan {
	uint64_t size; /* of this struct, as the program knows it */
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end; /* receives where it stopped */
	uint64_t vec;      /* address of the regions */
	uint64_t vec_len;
	uint64_t max_pages; /* 0: no limit */
	uint64_t inverted;
	uint64_t mask;
	uint64_t any_of;
	uint64_t returned;
};

struct dax_scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/* How far a scan has come. Begins as zero but for the argument. */
struct dax_scan_state {
	const struct dax_scan *arg;
	struct dax_scan_region last; /* of the regions that were found */
	uint64_t nr;                 /* of them */
	uint64_t pages;              /* in them */
};

uint64_t dax_scan_categories(enum dax_kernel kernel, uint64_t align, uint64_t unit);
uint64_t dax_scan_add(struct dax_scan_state *s, uint64_t start, uint64_t end,
		      uint64_t categories);

#endif
