/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in the answer to PROCMAP_QUERY, an ioctl on /proc/PID/maps. */
#ifndef DAX_PROCMAP_H
#define DAX_PROCMAP_H

#include <stdint.h>

#include "libcore/maps_text.h"
#include "libcore/vmas.h"

/* Linux 6.11; older headers do not have it. The size of the struct is in the number. */
#define DAX_PROCMAP_QUERY 0xc0686611UL

/* Ask for the next mapping if none covers the address. */
#define DAX_PROCMAP_OR_NEXT 0x10

enum dax_procmap_flag {
	DAX_PROCMAP_READABLE = 1 << 0,
	DAX_PROCMAP_WRITABLE = 1 << 1,
	DAX_PROCMAP_EXECUTABLE = 1 << 2,
	DAX_PROCMAP_SHARED = 1 << 3,
};

/* The argument of the ioctl: the program fills the sizes, flags and addresses. */
struct dax_procmap {
	uint64_t size; /* of this struct, as the program knows it */
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t start; /* from here on the answer */
	uint64_t end;
	uint64_t flags; /* enum dax_procmap_flag */
	uint64_t page_size;
	uint64_t off;
	uint64_t ino;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t name_size;     /* room for the name; receives its length */
	uint32_t build_id_size; /* room for the build ID; receives its length */
	uint64_t name_addr;
	uint64_t build_id_addr;
};

int dax_procmap_answer(const struct dax_vma *vma, const struct dax_maps_node *node,
		       struct dax_procmap *q, char name[DAX_MAPS_LINE_MAX]);

#endif
