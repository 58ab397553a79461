/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of how a persistent region is divided into devices. It is in the region's
 * own file, where a real kernel does not look. No I/O.
 *
 * There are two places (slots) for it, and at rest both hold the same record. A change
 * is written to one, made durable, then to the other: whatever a crash leaves of the
 * first, the second is intact. The newest record with a right checksum is in force.
 *
 *	0x00 signature		0x20 uuid of the namespace	0x48 devices, u32
 *	0x10 version, 2 u16	0x30 region's bytes, u64	0x4c zero
 *	0x14 length, u32	0x38 region's align, u64	0x50 the devices
 *	0x18 sequence, u64	0x40 region's type, u32		length-8 checksum
 *				0x44 zero
 *
 * A device: id u32, flags u16, log2 of align u8, number of ranges u8, then for each
 * range its start and length, 2 u64; starts count from the region's first usable byte.
 * All numbers are little-endian; the checksum is that of the info block.
 */
#ifndef DAX_LAYOUT_H
#define DAX_LAYOUT_H

#include <stddef.h>

#include "libcore/device.h"
#include "libcore/infoblock.h"
#include "libcore/model.h"

#define DAX_LAYOUT_SLOTS         2
#define DAX_LAYOUT_SIGNATURE_LEN 16
#define DAX_LAYOUT_HEADER        0x50

/* Location of the slots in the file. */
struct dax_layout_area {
	uint64_t offset[DAX_LAYOUT_SLOTS];
	uint64_t slot_size; /* 0: there are none */
};

enum dax_layout_flag {
	DAX_LAYOUT_BOUND = 1 << 0,
	DAX_LAYOUT_SEED = 1 << 1,     /* `seed` of the region shows it */
	DAX_LAYOUT_YOUNGEST = 1 << 2, /* `create` of the region shows it */
	DAX_LAYOUT_KMEM = 1 << 3,     /* BOUND, but to kmem */
	DAX_LAYOUT_FSDEV = 1 << 4,    /* BOUND, but to fsdev_dax */
};

struct dax_layout_dev {
	uint32_t id;
	uint32_t flags; /* enum dax_layout_flag */
	uint64_t align;
	uint32_t nr_ranges;
	struct dax_range ranges[DAX_RANGES_MAX];
};

/* A record. dax_layout_next() reads its devices. */
struct dax_layout {
	const uint8_t *record;
	size_t length;
	uint64_t sequence;
	uint8_t uuid[DAX_UUID_LEN];
	uint64_t size;
	uint64_t align;
	enum dax_region_type type;
	uint32_t nr_devices;
};

void dax_layout_area_of_image(const struct dax_infoblock *block,
			      struct dax_layout_area *ret);
void dax_layout_area_of_page(uint64_t start, struct dax_layout_area *ret);
bool dax_layout_is_signature(const uint8_t begin[DAX_LAYOUT_SIGNATURE_LEN]);
size_t dax_layout_length(const uint8_t header[DAX_LAYOUT_HEADER], size_t slot_size);
int dax_layout_pick(const uint8_t *const slots[DAX_LAYOUT_SLOTS], size_t slot_size,
		    const uint8_t uuid[DAX_UUID_LEN], struct dax_layout *ret);
bool dax_layout_next(const struct dax_layout *layout, size_t *cursor,
		     struct dax_layout_dev *ret);
bool dax_layout_is_plain(const struct dax_layout *layout);
int dax_layout_restore(const struct dax_layout *layout, struct dax_model *model,
		       struct dax_region *region, const char **ret_why);
void dax_layout_revert(const struct dax_layout *layout, struct dax_model *model,
		       struct dax_region *region);

struct dax_layout_writer {
	uint8_t *buf;
	size_t room;
	size_t length;
	uint32_t nr_devices;
};

int dax_layout_begin(struct dax_layout_writer *w, uint8_t *buf, size_t room,
		     const struct dax_layout *like);
int dax_layout_add(struct dax_layout_writer *w, const struct dax_layout_dev *dev);
size_t dax_layout_end(struct dax_layout_writer *w);
void dax_layout_seal(uint8_t *record, size_t length, uint64_t sequence);
void dax_layout_unseal(uint8_t *record, size_t length);

#endif
