/* SPDX-License-Identifier: BSD-2-Clause */
/* Files offered as images of regions: arbitrary bytes, and nearly right ones. */
#include "libcore/bytes.h"
#include "libcore/device.h"
#include "libcore/image.h"
#include "libcore/infoblock.h"
#include "libcore/layout.h"

#include "tests/fuzz/fuzz.h"

static void fix_checksum(uint8_t *buf, size_t len)
{
	dax_put_le(buf + len - 8, 8, dax_fletcher64(buf, len));
}

static void block(const uint8_t *buf, uint64_t ns_size)
{
	struct dax_infoblock a, b;
	uint8_t again[DAX_INFOBLOCK_SIZE];
	const char *why = NULL;

	if (dax_infoblock_decode(buf, &a) < 0)
		return;
	if (dax_infoblock_validate(&a, DAX_IMAGE_NS_START, ns_size, &why) == 0)
		HOLDS(dax_infoblock_usable(&a, ns_size) <= ns_size);
	else
		HOLDS(why && *why);
	dax_infoblock_encode(&a, again);
	HOLDS(dax_infoblock_decode(again, &b) == 0);
	HOLDS(b.dataoff == a.dataoff && b.end_trunc == a.end_trunc &&
	      b.align == a.align && b.mode == a.mode &&
	      !memcmp(b.uuid, a.uuid, sizeof(a.uuid)));
}

static void record(const uint8_t *data, size_t size)
{
	enum {
		ROOM = 2048
	};
	uint8_t slot[2][ROOM] = {{0}};
	const uint8_t *const slots[DAX_LAYOUT_SLOTS] = {slot[0], slot[1]};
	struct dax_layout_dev dev;
	struct dax_layout layout;
	size_t cursor = 0;
	size_t len;
	uint32_t n = 0;

	if (size)
		memcpy(slot[0], data, size < ROOM ? size : ROOM);
	len = dax_layout_length(slot[0], ROOM);
	HOLDS(len <= ROOM);
	if (len >= DAX_LAYOUT_HEADER + 8 && len % 4 == 0)
		fix_checksum(slot[0], len);
	memcpy(slot[1], slot[0], ROOM);
	slot[1][0x18] ^= size & 1;
	if (dax_layout_pick(slots, ROOM, slot[0] + 0x20, &layout) < 0)
		return;
	while (dax_layout_next(&layout, &cursor, &dev)) {
		HOLDS(dev.nr_ranges <= DAX_RANGES_MAX);
		/* Whether their number is right is checked by dax_layout_restore(). */
		HOLDS(cursor <= layout.length && ++n < ROOM);
	}
	dax_layout_is_plain(&layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t head[DAX_IMAGE_HEAD];
	struct dax_image image;
	uint64_t file_size;
	bool is_fixed;

	if (size < 10)
		return 0;
	file_size = take(&data, &size, 8);
	if (file_size & 1) /* a multiple of 16 MiB, as real files have */
		file_size = (file_size & 0xff) << 24;
	is_fixed = data[0] & 1;
	/* The input is the info block, or the beginning of the file. */
	memset(head, 0, sizeof(head));
	if (data[0] & 2)
		memcpy(head, data, size < sizeof(head) ? size : sizeof(head));
	else
		memcpy(head + DAX_INFOBLOCK_OFFSET, data + 1,
		       size - 1 < DAX_INFOBLOCK_SIZE ? size - 1 : DAX_INFOBLOCK_SIZE);
	if (is_fixed)
		fix_checksum(head + DAX_INFOBLOCK_OFFSET, DAX_INFOBLOCK_SIZE);
	block(head + DAX_INFOBLOCK_OFFSET, file_size);
	dax_image_examine(head, file_size, &image);
	HOLDS(dax_image_state_name(image.state));
	if (image.state == DAX_IMAGE_OK)
		HOLDS(image.size <= file_size && image.size);
	record(data, size);
	return 0;
}
