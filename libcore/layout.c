/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of how a persistent region is divided into devices. */
#include "libcore/layout.h"

#include <errno.h>

#include "libcore/bytes.h"
#include "libcore/device.h"
#include "libcore/infoblock.h"
#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_ranges.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"

#define OFF_MAJOR    0x10
#define OFF_MINOR    0x12
#define OFF_LENGTH   0x14
#define OFF_SEQUENCE 0x18
#define OFF_UUID     0x20
#define OFF_SIZE     0x30
#define OFF_ALIGN    0x38
#define OFF_TYPE     0x40
#define OFF_DEVICES  0x48
#define HEADER       ((size_t)DAX_LAYOUT_HEADER)
#define CHECKSUM     ((size_t)8)
#define DEVICE       ((size_t)8)
#define RANGE        ((size_t)16)

#define VERSION_MAJOR 1

static const uint8_t signature[DAX_LAYOUT_SIGNATURE_LEN] = "CUSE_DAXD_AREA1";

/**
 * dax_layout_area_of_image() - locate the slots in the image of a namespace
 * @block:	the namespace's info block
 * @ret:	receives the area
 *
 * With the page structs in RAM, the space between info block and device is unused. With
 * the page structs there, the first 4 KiB are left, which the kernel keeps free for a
 * partition table; a record of some fifty devices fits.
 */
void dax_layout_area_of_image(const struct dax_infoblock *block,
			      struct dax_layout_area *ret)
{
	if (block->mode == DAX_INFOBLOCK_RAM && block->dataoff >= 2 * DAX_MIB)
		*ret = (struct dax_layout_area){{512 * DAX_KIB, DAX_MIB}, 512 * DAX_KIB};
	else
		*ret = (struct dax_layout_area){{0, 2048}, 2040};
}

/**
 * dax_layout_area_of_page() - locate the slots in a huge page of their own
 * @start:	offset of the page in the file, the last one of a file of huge pages
 * @ret:	receives the area
 */
void dax_layout_area_of_page(uint64_t start, struct dax_layout_area *ret)
{
	*ret = (struct dax_layout_area){{start, start + DAX_MIB}, 512 * DAX_KIB};
}

/**
 * dax_layout_is_signature() - true if a slot holds a record, intact or damaged
 * @begin:	the first bytes of the slot
 *
 * An area may hold anything, such as page structs of an earlier namespace. A signature
 * of which only a few bytes are wrong is a damaged record.
 */
bool dax_layout_is_signature(const uint8_t begin[DAX_LAYOUT_SIGNATURE_LEN])
{
	unsigned int same = 0;
	unsigned int i;

	for (i = 0; i < sizeof(signature); i++)
		same += begin[i] == signature[i];
	return same >= 12;
}

/**
 * dax_layout_length() - how much of a slot to read
 * @header:	the first bytes of the slot
 * @slot_size:	size of the slot, in bytes
 *
 * Return: bytes, from DAX_LAYOUT_HEADER to @slot_size.
 */
size_t dax_layout_length(const uint8_t header[DAX_LAYOUT_HEADER], size_t slot_size)
{
	return dax_max(HEADER, dax_min(dax_get_le(header + OFF_LENGTH, 4), slot_size));
}

/*
 * Read the record in a slot. Return: 0; -ENODATA: no record, or another namespace's;
 * -EBADMSG: damaged; -EPROTONOSUPPORT: of a newer version.
 */
static int decode(const uint8_t *slot, size_t slot_size, const uint8_t *uuid,
		  struct dax_layout *ret)
{
	size_t length;

	if (!dax_layout_is_signature(slot))
		return -ENODATA;
	length = dax_get_le(slot + OFF_LENGTH, 4);
	if (memcmp(slot, signature, sizeof(signature)) || length > slot_size ||
	    length < HEADER + CHECKSUM || length % 8 ||
	    dax_get_le(slot + length - CHECKSUM, 8) != dax_fletcher64(slot, length))
		return -EBADMSG;
	if (memcmp(slot + OFF_UUID, uuid, DAX_UUID_LEN))
		return -ENODATA;
	if (dax_get_le(slot + OFF_MAJOR, 2) != VERSION_MAJOR)
		return -EPROTONOSUPPORT;
	*ret = (struct dax_layout){
		.record = slot,
		.length = length,
		.sequence = dax_get_le(slot + OFF_SEQUENCE, 8),
		.size = dax_get_le(slot + OFF_SIZE, 8),
		.align = dax_get_le(slot + OFF_ALIGN, 8),
		.type = (enum dax_region_type)dax_get_le(slot + OFF_TYPE, 4),
		.nr_devices = (uint32_t)dax_get_le(slot + OFF_DEVICES, 4),
	};
	memcpy(ret->uuid, uuid, DAX_UUID_LEN);
	return 0;
}

/**
 * dax_layout_pick() - choose the record that is in force
 * @slots:	the content of each slot
 * @slot_size:	bytes of each
 * @uuid:	uuid of the namespace; zero if there is none
 * @ret:	receives the record, which points into its slot
 *
 * Slot 0 is written before slot 1. So a crash while the first record is written leaves
 * slot 1 empty, and the state before it, without a record, is in force.
 *
 * Return: 0; -ENODATA: this namespace has no record, or the write of its first one was
 * interrupted; -EBADMSG: it had a record, but no slot is intact; -EPROTONOSUPPORT: the
 * record is newer than this code.
 */
int dax_layout_pick(const uint8_t *const slots[DAX_LAYOUT_SLOTS], size_t slot_size,
		    const uint8_t uuid[DAX_UUID_LEN], struct dax_layout *ret)
{
	struct dax_layout layout[DAX_LAYOUT_SLOTS];
	int a = decode(slots[0], slot_size, uuid, &layout[0]);
	int b = decode(slots[1], slot_size, uuid, &layout[1]);

	if (a == -EPROTONOSUPPORT || b == -EPROTONOSUPPORT)
		return -EPROTONOSUPPORT;
	if (a == 0 || b == 0) {
		bool is_b = a || (!b && layout[1].sequence > layout[0].sequence);

		*ret = layout[is_b];
		return 0;
	}
	return b == -ENODATA ? -ENODATA : -EBADMSG;
}

/**
 * dax_layout_next() - read the next device of a record
 * @layout:	from dax_layout_pick()
 * @cursor:	0 for the first; kept by this function
 * @ret:	receives the device
 *
 * The device may still be impossible; dax_layout_restore() checks that.
 *
 * Return: false if there is no further device.
 */
bool dax_layout_next(const struct dax_layout *layout, size_t *cursor,
		     struct dax_layout_dev *ret)
{
	size_t end = layout->length - CHECKSUM;
	size_t at = *cursor ? *cursor : HEADER;
	uint32_t i;

	if (end - at < DEVICE)
		return false;
	*ret = (struct dax_layout_dev){
		.id = (uint32_t)dax_get_le(layout->record + at, 4),
		.flags = (uint32_t)dax_get_le(layout->record + at + 4, 2),
		.align = UINT64_C(1) << (layout->record[at + 6] & 63),
		.nr_ranges = layout->record[at + 7],
	};
	at += DEVICE;
	if (ret->nr_ranges > DAX_RANGES_MAX || (end - at) / RANGE < ret->nr_ranges)
		return false;
	for (i = 0; i < ret->nr_ranges; i++, at += RANGE)
		ret->ranges[i] = (struct dax_range){
			.start = dax_get_le(layout->record + at, 8),
			.len = dax_get_le(layout->record + at + 8, 8),
		};
	*cursor = at;
	return true;
}

/**
 * dax_layout_is_plain() - true if a record describes what a region without one has
 * @layout:	from dax_layout_pick()
 *
 * That is one bound device 0 over all of the region.
 */
bool dax_layout_is_plain(const struct dax_layout *layout)
{
	struct dax_layout_dev dev;
	size_t cursor = 0;

	return layout->nr_devices == 1 && dax_layout_next(layout, &cursor, &dev) &&
	       !dev.id && dev.flags & DAX_LAYOUT_BOUND && dev.align == layout->align &&
	       dev.nr_ranges == 1 && !dev.ranges[0].start &&
	       dev.ranges[0].len == layout->size;
}

/* The driver of a bound device; device_dax if the kernel does not have the recorded one. */
static enum dax_driver driver_of(const struct dax_model *model,
				 const struct dax_layout_dev *from)
{
	enum dax_driver driver = DAX_DRIVER_DEVICE;

	if (from->flags & DAX_LAYOUT_KMEM)
		driver = DAX_DRIVER_KMEM;
	if (from->flags & DAX_LAYOUT_FSDEV)
		driver = DAX_DRIVER_FSDEV;
	return dax_driver_exists(driver, model->kernel) ? driver : DAX_DRIVER_DEVICE;
}

static int restore_device(const struct dax_layout_dev *from, struct dax_model *model,
			  struct dax_region *region)
{
	const struct dax_dev like = {.align = from->align};
	struct dax_dev *dev;
	uint32_t i;
	int r;

	if (!dax_is_align(from->align))
		return -EINVAL;
	dev = dax_region_find(region, from->id);
	if (!dev) {
		r = dax_region_add_device(region, model, from->id, &like, &dev);
		if (r < 0)
			return r;
	}
	dev->align = from->align;
	dev->nr_ranges = from->nr_ranges;
	for (i = 0; i < from->nr_ranges; i++) {
		const struct dax_range *range = &from->ranges[i];

		if (!range->len ||
		    !dax_is_within(range->start, range->len, 0, region->size))
			return -EINVAL;
		dev->ranges[i] = (struct dax_range){
			.start = region->start + range->start,
			.len = range->len,
		};
	}
	dev->is_bound = false;
	dax_memory_free(dev);
	if (from->flags & DAX_LAYOUT_BOUND &&
	    dax_dev_attach(dev, driver_of(model, from)) < 0)
		return -EINVAL;
	if (from->flags & DAX_LAYOUT_SEED) {
		region->has_seed = true;
		region->seed = from->id;
	}
	if (from->flags & DAX_LAYOUT_YOUNGEST) {
		region->has_youngest = true;
		region->youngest = from->id;
	}
	return 0;
}

/**
 * dax_layout_restore() - give a region the devices of a record
 * @layout:	from dax_layout_pick(), of a dynamic region
 * @model:	the region's model
 * @region:	just added: it has device 0 and no other
 * @ret_why:	receives the mistake in the record; a static string
 *
 * Return: 0; -EINVAL with @ret_why: the record is impossible; -ENOSPC: no minor is
 * left; -ENOMEM.
 */
int dax_layout_restore(const struct dax_layout *layout, struct dax_model *model,
		       struct dax_region *region, const char **ret_why)
{
	struct dax_layout_dev dev;
	const char *why = NULL;
	uint32_t count = 0;
	uint32_t last = 0;
	size_t cursor = 0;
	int r;

	*ret_why = "a device is not possible";
	while (dax_layout_next(layout, &cursor, &dev)) {
		if (count ? dev.id <= last : dev.id)
			return -EINVAL;
		last = dev.id;
		r = restore_device(&dev, model, region);
		if (r == -ENOSPC || r == -ENOMEM)
			return r;
		if (r < 0)
			return -EINVAL;
		count++;
	}
	if (!count || count != layout->nr_devices) {
		*ret_why = "devices are missing";
		return -EINVAL;
	}
	why = dax_model_check(model);
	if (why)
		*ret_why = why;
	return why ? -EINVAL : 0;
}

static bool has_device(const struct dax_layout *layout, uint32_t id)
{
	struct dax_layout_dev dev;
	size_t cursor = 0;

	while (dax_layout_next(layout, &cursor, &dev))
		if (dev.id == id)
			return true;
	return false;
}

/**
 * dax_layout_revert() - undo all changes since a record was written
 * @layout:	the record, which described this region
 * @model:	the region's model
 * @region:	the region
 */
void dax_layout_revert(const struct dax_layout *layout, struct dax_model *model,
		       struct dax_region *region)
{
	struct dax_layout_dev old;
	struct dax_dev *next;
	struct dax_dev *dev;
	char name[DAX_NAME_LEN];
	size_t cursor = 0;

	region->has_seed = false;
	region->has_youngest = false;
	for (dev = region->devices; dev; dev = next) {
		next = dev->next;
		if (has_device(layout, dev->id))
			continue;
		dev->is_bound = false;
		dev->nr_ranges = 0;
		dax_region_delete(model, region, dax_dev_name(dev, name), false);
	}
	while (dax_layout_next(layout, &cursor, &old))
		restore_device(&old, model, region);
}

/**
 * dax_layout_begin() - begin a record
 * @w:		the writer
 * @buf:	receives the record
 * @room:	size of @buf in bytes: that of a slot
 * @like:	uuid, size, align and type are copied
 *
 * Return: 0, or -ENOSPC if not even an empty record fits.
 */
int dax_layout_begin(struct dax_layout_writer *w, uint8_t *buf, size_t room,
		     const struct dax_layout *like)
{
	if (room < HEADER + CHECKSUM)
		return -ENOSPC;
	*w = (struct dax_layout_writer){.buf = buf, .room = room, .length = HEADER};
	memset(buf, 0, HEADER);
	memcpy(buf, signature, sizeof(signature));
	dax_put_le(buf + OFF_MAJOR, 2, VERSION_MAJOR);
	memcpy(buf + OFF_UUID, like->uuid, DAX_UUID_LEN);
	dax_put_le(buf + OFF_SIZE, 8, like->size);
	dax_put_le(buf + OFF_ALIGN, 8, like->align);
	dax_put_le(buf + OFF_TYPE, 4, like->type);
	return 0;
}

/**
 * dax_layout_add() - add the next device to a record
 * @w:		the writer
 * @dev:	the device, whose id is above those added before
 *
 * Return: 0, or -ENOSPC if it does not fit.
 */
int dax_layout_add(struct dax_layout_writer *w, const struct dax_layout_dev *dev)
{
	uint8_t *p = w->buf + w->length;
	size_t length = DEVICE + dev->nr_ranges * RANGE;
	uint32_t i;

	if (w->room - w->length < length + CHECKSUM)
		return -ENOSPC;
	dax_put_le(p, 4, dev->id);
	dax_put_le(p + 4, 2, dev->flags);
	p[6] = (uint8_t)dax_shift(dev->align);
	p[7] = (uint8_t)dev->nr_ranges;
	p += DEVICE;
	for (i = 0; i < dev->nr_ranges; i++, p += RANGE) {
		dax_put_le(p, 8, dev->ranges[i].start);
		dax_put_le(p + 8, 8, dev->ranges[i].len);
	}
	w->length += length;
	w->nr_devices++;
	return 0;
}

/**
 * dax_layout_end() - complete a record
 * @w:		the writer
 *
 * The record is not sealed yet: equal layouts are equal bytes.
 *
 * Return: its length in bytes.
 */
size_t dax_layout_end(struct dax_layout_writer *w)
{
	dax_put_le(w->buf + OFF_DEVICES, 4, w->nr_devices);
	w->length += CHECKSUM;
	memset(w->buf + w->length - CHECKSUM, 0, CHECKSUM);
	dax_put_le(w->buf + OFF_LENGTH, 4, w->length);
	return w->length;
}

/**
 * dax_layout_seal() - give a record its sequence number and checksum
 * @record:	from dax_layout_end()
 * @length:	its length, in bytes
 * @sequence:	higher than that of all earlier records
 */
void dax_layout_seal(uint8_t *record, size_t length, uint64_t sequence)
{
	dax_put_le(record + OFF_SEQUENCE, 8, sequence);
	dax_put_le(record + length - CHECKSUM, 8, dax_fletcher64(record, length));
}

/**
 * dax_layout_unseal() - remove the sequence number and checksum, for comparing records
 * @record:	sealed
 * @length:	its length, in bytes
 */
void dax_layout_unseal(uint8_t *record, size_t length)
{
	dax_put_le(record + OFF_SEQUENCE, 8, 0);
	dax_put_le(record + length - CHECKSUM, 8, 0);
}
