/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The info block of a pmem namespace in devdax mode: the kernel's struct
 * nd_pfn_sb, at byte 4096 of the namespace (drivers/nvdimm/pfn.h, pfn_devs.c).
 *
 * Encoding, checksum and the arithmetic between raw size and usable size. No I/O.
 */
#ifndef DAX_INFOBLOCK_H
#define DAX_INFOBLOCK_H

#include "libcore/model.h"

#define DAX_INFOBLOCK_OFFSET 4096 /* in the namespace */
#define DAX_INFOBLOCK_SIZE   4096

enum dax_infoblock_mode {
	DAX_INFOBLOCK_RAM = 1,  /* page structs in RAM: --map=mem */
	DAX_INFOBLOCK_PMEM = 2, /* page structs on the media: --map=dev */
};

struct dax_infoblock {
	uint8_t uuid[DAX_UUID_LEN];
	uint8_t parent_uuid[DAX_UUID_LEN];
	uint32_t flags;
	uint16_t version_major;
	uint16_t version_minor;
	uint64_t dataoff; /* offset of the device's first byte in the namespace */
	uint64_t npfns;
	uint32_t mode; /* enum dax_infoblock_mode */
	uint32_t start_pad;
	uint32_t end_trunc;
	uint32_t align;
	uint32_t page_size;
	uint16_t page_struct_size;
};

int dax_infoblock_decode(const uint8_t buf[DAX_INFOBLOCK_SIZE],
			 struct dax_infoblock *ret);
void dax_infoblock_encode(const struct dax_infoblock *block,
			  uint8_t buf[DAX_INFOBLOCK_SIZE]);
int dax_infoblock_validate(const struct dax_infoblock *block, uint64_t ns_start,
			   uint64_t ns_size, const char **ret_why);
uint64_t dax_infoblock_usable(const struct dax_infoblock *block, uint64_t ns_size);
bool dax_infoblock_is_resized(const struct dax_infoblock *block, uint64_t ns_size);
uint64_t dax_infoblock_fill(uint64_t ns_size, uint64_t align, enum dax_region_map map,
			    struct dax_infoblock *ret);
int dax_infoblock_layout(uint64_t size, uint64_t align, enum dax_region_map map,
			 struct dax_infoblock *ret, uint64_t *ret_ns_size);

#endif
