/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout record: a written record reads back, and a torn one is never accepted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/bytes.h"
#include "libcore/device.h"
#include "libcore/image.h"
#include "libcore/infoblock.h"
#include "libcore/layout.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define SLOT 2040

static const uint8_t uuid[DAX_UUID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t other_uuid[DAX_UUID_LEN] = {9};

/* Make a record of @devices devices of 2 MiB each; the last one has @ranges ranges. */
static size_t make(uint8_t *buf, const uint8_t *of, uint64_t sequence, uint32_t devices,
		   uint32_t ranges)
{
	const struct dax_layout like = {
		.size = DAX_GIB,
		.align = 2 * DAX_MIB,
		.type = DAX_REGION_DYNAMIC,
	};
	struct dax_layout with_uuid = like;
	struct dax_layout_writer w;
	size_t length;
	uint64_t at = 0;
	uint32_t i;
	uint32_t k;

	memcpy(with_uuid.uuid, of, DAX_UUID_LEN);
	if (dax_layout_begin(&w, buf, SLOT, &with_uuid) < 0)
		return 0;
	for (i = 0; i < devices; i++) {
		struct dax_layout_dev dev = {
			.id = i,
			.flags = i % 2 ? 0 : DAX_LAYOUT_BOUND,
			.align = 2 * DAX_MIB,
			.nr_ranges = i == devices - 1 ? ranges : 1,
		};

		for (k = 0; k < dev.nr_ranges; k++, at += 4 * DAX_MIB)
			dev.ranges[k] = (struct dax_range){at, 2 * DAX_MIB};
		if (dax_layout_add(&w, &dev) < 0)
			return 0;
	}
	length = dax_layout_end(&w);
	dax_layout_seal(buf, length, sequence);
	return length;
}

static int pick(const uint8_t *a, const uint8_t *b, struct dax_layout *ret)
{
	const uint8_t *const slots[] = {a, b};

	return dax_layout_pick(slots, SLOT, uuid, ret);
}

static void test_what_is_written_is_read(void)
{
	uint8_t a[SLOT] = {0};
	uint8_t b[SLOT] = {0};
	struct dax_layout_dev dev;
	struct dax_layout layout;
	size_t cursor = 0;

	is(pick(a, b, &layout), -ENODATA, "two empty slots hold no record");
	memset(a, 0xff, SLOT);
	memset(b, 0x40, SLOT);
	is(pick(a, b, &layout), -ENODATA, "nor do page structs that there were");
	memset(b, 0, SLOT);
	make(a, uuid, 7, 3, 2);
	is(pick(a, b, &layout), 0, "one record is enough");
	is(layout.sequence, 7, "its sequence");
	is(layout.size, DAX_GIB, "its region's size");
	is(layout.align, 2 * DAX_MIB, "its region's align");
	is(layout.nr_devices, 3, "its devices");
	ok(dax_layout_next(&layout, &cursor, &dev) && dev.id == 0 &&
		   dev.flags == DAX_LAYOUT_BOUND && dev.nr_ranges == 1,
	   "device 0");
	ok(dax_layout_next(&layout, &cursor, &dev) && dev.id == 1 && !dev.flags,
	   "device 1");
	ok(dax_layout_next(&layout, &cursor, &dev) && dev.id == 2 && dev.nr_ranges == 2 &&
		   dev.ranges[1].start == 12 * DAX_MIB,
	   "device 2 has two ranges");
	ok(!dax_layout_next(&layout, &cursor, &dev), "there is no fourth");
	make(b, uuid, 8, 1, 1);
	is(pick(a, b, &layout), 0, "of two");
	is(layout.sequence, 8, "the newer counts");
	is(pick(b, a, &layout), 0, "wherever");
	is(layout.sequence, 8, "it is");
	make(b, other_uuid, 9, 1, 1);
	is(pick(a, b, &layout), 0, "a record of another namespace");
	is(layout.sequence, 7, "does not count");
	is(pick(b, b, &layout), -ENODATA, "and is as good as none");
}

static void test_room(void)
{
	uint8_t buf[SLOT];
	uint32_t most = 0;

	while (make(buf, uuid, 1, most + 1, 1))
		most++;
	ok(most >= 50, "%u devices fit into the small slots", most);
	is(make(buf, uuid, 1, most + 1, 1), 0, "one more does not");
}

static void test_damage(void)
{
	uint8_t a[SLOT] = {0};
	uint8_t b[SLOT] = {0};
	struct dax_layout layout;
	size_t length = make(a, uuid, 1, 4, 3);
	unsigned int undetected = 0;
	size_t i;

	make(b, uuid, 1, 4, 3);
	for (i = 0; i < length * 8; i++) {
		a[i / 8] ^= 1 << i % 8;
		b[i / 8] ^= 1 << i % 8;
		undetected += pick(a, b, &layout) != -EBADMSG;
		a[i / 8] ^= 1 << i % 8;
		b[i / 8] ^= 1 << i % 8;
	}
	is(undetected, 0, "a bit that is wrong in both slots is refused");
	for (i = 0; i < length * 8; i++) {
		a[i / 8] ^= 1 << i % 8;
		undetected += pick(a, b, &layout) != 0;
		a[i / 8] ^= 1 << i % 8;
	}
	is(undetected, 0, "one that is wrong in one slot is harmless");
	dax_put_le(a + 0x10, 2, 2);
	dax_layout_seal(a, length, 1);
	is(pick(a, b, &layout), -EPROTONOSUPPORT, "a newer version is told");
	is(pick(b, a, &layout), -EPROTONOSUPPORT, "in either slot");
}

/* Tear an update: only pieces [0, n) reach the media, or (@is_tail) all other pieces. */
static void tear(uint8_t *slot, const uint8_t *old, const uint8_t *new, size_t length,
		 size_t piece, size_t n, bool is_tail)
{
	size_t cut = n * piece < length ? n * piece : length;

	memcpy(slot, is_tail ? old : new, cut);
	memcpy(slot + cut, (is_tail ? new : old) + cut, length - cut);
}

/*
 * Stop one update at every place: the slots then hold either the old or the new state.
 * @old_devices is 0 if there is no old record.
 */
static void test_torn(uint32_t old_devices, uint32_t new_devices, size_t piece)
{
	uint8_t slots[2][SLOT] = {{0}};
	uint8_t old[SLOT] = {0};
	uint8_t new[SLOT] = {0};
	struct dax_layout layout;
	unsigned int wrong = 0;
	unsigned int states[2] = {0};
	size_t n;
	int slot;
	int is_tail;

	if (old_devices)
		make(old, uuid, 5, old_devices, 1);
	make(new, uuid, 6, new_devices, 4);
	for (slot = 0; slot < 2; slot++) {
		for (is_tail = 0; is_tail < 2; is_tail++) {
			for (n = 0; n <= SLOT / piece + 1; n++) {
				int r;

				/*
				 * The daemon starts to write slot 1 only when slot 0 is
				 * complete.
				 */
				memcpy(slots[0], slot ? new : old, SLOT);
				memcpy(slots[1], old, SLOT);
				tear(slots[slot], old, new, SLOT, piece, n, is_tail);
				r = pick(slots[0], slots[1], &layout);
				if (r == -ENODATA && !old_devices)
					states[0]++;
				else if (r == 0 && layout.sequence == 5 && old_devices &&
					 layout.nr_devices == old_devices)
					states[0]++;
				else if (r == 0 && layout.sequence == 6 &&
					 layout.nr_devices == new_devices)
					states[1]++;
				else
					wrong++;
			}
		}
	}
	is(wrong, 0, "%u devices become %u, torn at every %zu bytes: old or new",
	   old_devices, new_devices, piece);
	ok(states[0] && states[1], "%u times old, %u times new", states[0], states[1]);
}

/* The info block is one page: a torn one is refused or gives the right device. */
static void test_torn_infoblock(size_t piece)
{
	uint8_t old[DAX_IMAGE_HEAD] = {0};
	uint8_t new[DAX_IMAGE_HEAD] = {0};
	uint8_t head[DAX_IMAGE_HEAD];
	struct dax_infoblock block;
	struct dax_image image;
	unsigned int wrong = 0;
	uint64_t ns_size;
	size_t n;

	dax_infoblock_layout(64 * DAX_MIB, 2 * DAX_MIB, DAX_MAP_MEM, &block, &ns_size);
	memcpy(block.uuid, uuid, sizeof(block.uuid));
	dax_infoblock_encode(&block, new + DAX_INFOBLOCK_OFFSET);
	for (n = 0; n <= DAX_IMAGE_HEAD / piece; n++) {
		tear(head, old, new, DAX_IMAGE_HEAD, piece, n, false);
		dax_image_examine(head, ns_size, &image);
		if (image.state == DAX_IMAGE_OK)
			wrong += memcmp(&image.block, &block, sizeof(block)) ||
				 memcmp(head, new, sizeof(head));
		else
			wrong += image.state != DAX_IMAGE_EMPTY &&
				 image.state != DAX_IMAGE_FOREIGN &&
				 image.state != DAX_IMAGE_DAMAGED;
		/*
		 * With the mark, which is written before the block and removed after it.
		 */
		memcpy(head + DAX_IMAGE_MARK_OFFSET, DAX_IMAGE_MARK, DAX_IMAGE_MARK_LEN);
		dax_image_examine(head, ns_size, &image);
		wrong += image.state != DAX_IMAGE_EMPTY;
	}
	is(wrong, 0, "an info block torn at every %zu bytes is whole or refused", piece);
}

static void test_restore(void)
{
	const struct dax_region like = {
		.type = DAX_REGION_DYNAMIC,
		.start = 64 * DAX_GIB,
		.size = DAX_GIB,
		.align = 2 * DAX_MIB,
	};
	uint8_t buf[SLOT] = {0};
	uint8_t none[SLOT] = {0};
	struct dax_region *region;
	struct dax_layout layout;
	struct dax_model model;
	const char *why = NULL;
	struct dax_dev *dev;

	make(buf, uuid, 1, 3, 4);
	pick(buf, none, &layout);
	dax_model_init(&model, 250, 251);
	dax_model_add_region(&model, &like, &region);
	is(dax_layout_restore(&layout, &model, region, &why), 0, "a record is restored");
	dev = dax_model_find(&model, "dax0.2");
	ok(dev && dev->nr_ranges == 4 && dev->is_bound &&
		   dev->ranges[3].start == like.start + 20 * DAX_MIB,
	   "dax0.2 has its ranges");
	dev = dax_model_find(&model, "dax0.1");
	ok(dev && !dev->is_bound, "dax0.1 is not bound");
	is(dax_dev_size(dax_model_find(&model, "dax0.0")), 2 * DAX_MIB, "dax0.0 is cut");
	dax_model_done(&model);

	/* The same range twice: the checksum is right, but the record makes no sense. */
	dax_put_le(buf + 0x50 + 24 + 8, 8, 0);
	dax_layout_seal(buf, layout.length, 1);
	pick(buf, none, &layout);
	dax_model_init(&model, 250, 251);
	dax_model_add_region(&model, &like, &region);
	is(dax_layout_restore(&layout, &model, region, &why), -EINVAL,
	   "overlap is refused: %s", why);
	dax_model_done(&model);
}

/* A device comes back in its mode, if the kernel has it. */
static void test_modes(enum dax_kernel kernel, uint32_t flag, enum dax_driver want)
{
	const struct dax_region like = {
		.type = DAX_REGION_DYNAMIC,
		.start = 64 * DAX_GIB,
		.size = DAX_GIB,
		.align = 2 * DAX_MIB,
	};
	struct dax_layout record = {
		.size = DAX_GIB,
		.align = 2 * DAX_MIB,
		.type = DAX_REGION_DYNAMIC,
	};
	const struct dax_layout_dev dev = {
		.flags = DAX_LAYOUT_BOUND | flag,
		.align = 2 * DAX_MIB,
		.nr_ranges = 1,
		.ranges = {{0, DAX_GIB}},
	};
	uint8_t none[SLOT] = {0};
	uint8_t buf[SLOT] = {0};
	struct dax_layout_writer w;
	struct dax_region *region;
	struct dax_layout layout;
	struct dax_model model;
	const char *why;

	memcpy(record.uuid, uuid, sizeof(uuid));
	dax_layout_begin(&w, buf, SLOT, &record);
	dax_layout_add(&w, &dev);
	dax_layout_seal(buf, dax_layout_end(&w), 1);
	pick(buf, none, &layout);
	dax_model_init(&model, 250, 251);
	model.kernel = kernel;
	dax_model_add_region(&model, &like, &region);
	is(dax_layout_restore(&layout, &model, region, &why), 0, "restored");
	ok(region->devices->is_bound, "and bound");
	is(region->devices->driver, want, "to its driver");
	dax_model_done(&model);
}

/* Nothing that looks like a record makes the reader leave its bounds. */
static void test_rubbish(void)
{
	uint8_t *a = malloc(SLOT);
	uint8_t *b = calloc(1, SLOT);
	unsigned int seen = 0;
	unsigned int i;

	srand(1);
	for (i = 0; i < 20000; i++) {
		size_t length = make(a, uuid, 1, 1 + rand() % 5, 1 + rand() % 4);
		struct dax_layout_dev dev;
		struct dax_layout layout;
		size_t cursor = 0;

		a[0x40 + rand() % (length - 0x40)] = (uint8_t)rand();
		a[0x40 + rand() % (length - 0x40)] = (uint8_t)rand();
		dax_layout_seal(a, length, 1);
		if (pick(a, b, &layout) < 0)
			continue;
		while (dax_layout_next(&layout, &cursor, &dev))
			seen++;
	}
	ok(seen > 20000, "%u devices read from damaged records", seen);
	free(a);
	free(b);
}

int main(void)
{
	test_what_is_written_is_read();
	test_room();
	test_damage();
	test_torn(0, 1, 64);
	test_torn(0, 40, 64);
	test_torn(3, 4, 64);
	test_torn(4, 3, 64);
	test_torn(40, 41, 64);
	test_torn(0, 40, 8);
	test_torn(3, 4, 8);
	test_torn(41, 40, 8);
	test_torn(40, 41, 1);
	test_torn_infoblock(64);
	test_torn_infoblock(8);
	test_torn_infoblock(1);
	test_restore();
	test_modes(DAX_KERNEL_7_3, 0, DAX_DRIVER_DEVICE);
	test_modes(DAX_KERNEL_6_1, DAX_LAYOUT_KMEM, DAX_DRIVER_KMEM);
	test_modes(DAX_KERNEL_7_3, DAX_LAYOUT_FSDEV, DAX_DRIVER_FSDEV);
	test_modes(DAX_KERNEL_6_18, DAX_LAYOUT_FSDEV, DAX_DRIVER_DEVICE);
	test_rubbish();
	return tap_done();
}
