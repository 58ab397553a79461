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
	uint64_t dataoff; /* byte of the namespace where the device's byte 0 is */
	uint64_t npfns;
	uint32_t mode; /* enum dax_infoblock_mode */
	uint32_t start_pad;
	uint32_t end_trunc;
	uint32_t align;
	uint32_t page_size;
	uint16_t page_struct_size;
};

/*
 * Reads a block. Fields that an older version does not have are filled with what
 * they mean there.
 *
 * Return: 0; -ENODATA: no info block is here (all zeroes); -EILSEQ: something else
 * is here (no signature); -EBADMSG: signature, but the checksum does not match
 * (torn or damaged); -EPROTONOSUPPORT: a version or feature newer than ours.
 * @ret is filled as far as it was understood in the last two cases.
 */
int dax_infoblock_decode(const uint8_t buf[DAX_INFOBLOCK_SIZE],
			 struct dax_infoblock *ret);

/* Writes a block, checksum included. */
void dax_infoblock_encode(const struct dax_infoblock *block,
			  uint8_t buf[DAX_INFOBLOCK_SIZE]);

/*
 * Is a decoded block right for a namespace of @ns_size bytes that starts at
 * physical address @ns_start? The kernel's nd_pfn_validate(), and what makes a
 * later step of bringing the device up fail.
 *
 * Return: 0, or -EINVAL with @ret_why (a static string: what is wrong).
 */
int dax_infoblock_validate(const struct dax_infoblock *block, uint64_t ns_start,
			   uint64_t ns_size, const char **ret_why);

/* The device's size in a namespace of @ns_size bytes: what the kernel makes of it. */
uint64_t dax_infoblock_usable(const struct dax_infoblock *block, uint64_t ns_size);

/* Is it another size than the block was written for? The kernel does not ask. */
bool dax_infoblock_is_resized(const struct dax_infoblock *block, uint64_t ns_size);

/*
 * The block of a new namespace whose device is to have exactly @size bytes, and
 * the namespace size for it: a multiple of 16 MiB (the nd region's align), the
 * rest taken off by end_trunc. uuid and parent_uuid are left zero. The namespace
 * must start at a multiple of max(@align, 2 MiB).
 *
 * Return: 0; -EINVAL: @size is 0, not a multiple of max(@align, 2 MiB) (a real
 * kernel refuses a namespace that ends elsewhere, also with 4 KiB pages), above
 * DAX_SIZE_MAX, or @align is none.
 */
int dax_infoblock_layout(uint64_t size, uint64_t align, enum dax_region_map map,
			 struct dax_infoblock *ret, uint64_t *ret_ns_size);

#endif
