/* SPDX-License-Identifier: BSD-2-Clause */
/* Classifying a file that should hold a namespace, and the parts of its device record. */
#include <errno.h>
#include <string.h>

#include "libcore/image.h"
#include "libcore/infoblock.h"
#include "libcore/layout.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define M    DAX_MIB
#define SLOT 2040

static uint8_t head[DAX_IMAGE_HEAD];
static uint64_t ns_size;

static void is_state(uint64_t size, enum dax_image_state state, const char *part,
		     const char *what)
{
	struct dax_image image;

	dax_image_examine(head, size, &image);
	if (!ok(image.state == state && strstr(image.what, part), "%s: %s, '%s'", what,
		dax_image_state_name(state), part))
		printf("# got %s, %s\n", dax_image_state_name(image.state), image.what);
}

static struct dax_infoblock block_of(uint64_t size)
{
	struct dax_infoblock block;

	if (dax_infoblock_layout(size, 2 * M, DAX_MAP_MEM, &block, &ns_size) < 0)
		abort();
	memset(block.uuid, 7, sizeof(block.uuid));
	return block;
}

static void put(const struct dax_infoblock *block)
{
	memset(head, 0, sizeof(head));
	dax_infoblock_encode(block, head + DAX_INFOBLOCK_OFFSET);
}

static void test_known(void)
{
	static const struct {
		size_t offset;
		const char *magic;
		size_t len;
		const char *part;
	} known[] = {
		{4096, "NVDIMM_PFN_INFO", 16, "fsdax"},
		{4096, "BTT_ARENA_INFO", 15, "sector"},
		{0, "NAMESPACE_INDEX", 16, "label area"},
		{1080, "\x53\xef", 2, "ext4"},
		{0, "XFSB", 4, "XFS"},
		{0, "QFI\xfb", 4, "qcow2"},
		{512, "EFI PART", 8, "GPT"},
		{510, "\x55\xaa", 2, "MBR"},
		{9000, "x", 1, "without an info block"},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		memset(head, 0, sizeof(head));
		memcpy(head + known[i].offset, known[i].magic, known[i].len);
		is_state(64 * M, DAX_IMAGE_FOREIGN, known[i].part,
			 "a file of somebody's");
	}
}

static void test_states(void)
{
	struct dax_infoblock block = block_of(64 * M);
	struct dax_image image;

	memset(head, 0, sizeof(head));
	is_state(64 * M, DAX_IMAGE_EMPTY, "empty", "zeroes");
	is_state(0, DAX_IMAGE_EMPTY, "empty", "nothing");
	is_state(M, DAX_IMAGE_TOO_SMALL, "too few", "a few zeroes");
	put(&block);
	is_state(ns_size, DAX_IMAGE_OK, "devdax", "an image");
	dax_image_examine(head, ns_size + M, &image);
	ok(image.size == 64 * M && image.ns_size == ns_size && !image.is_ours,
	   "its device has the size that was asked for");
	is_state(ns_size + 64 * M, DAX_IMAGE_RESIZED, "longer or shorter", "made longer");
	is_state(16 * M, DAX_IMAGE_MISFIT, "", "made too short for it");
	block.dataoff = 0;
	put(&block);
	is_state(ns_size, DAX_IMAGE_MISFIT, "", "a block that makes no sense");
	head[DAX_INFOBLOCK_OFFSET + 20] ^= 1;
	is_state(ns_size, DAX_IMAGE_DAMAGED, "checksum", "a bit that fell over");
	block = block_of(64 * M);
	block.version_major++;
	put(&block);
	is_state(ns_size, DAX_IMAGE_NEWER, "newer", "of a later kernel");
	memcpy(head + DAX_IMAGE_MARK_OFFSET, DAX_IMAGE_MARK, DAX_IMAGE_MARK_LEN);
	is_state(ns_size, DAX_IMAGE_EMPTY, "interrupted", "formatting was interrupted");
	memcpy(head + DAX_IMAGE_MARK_OFFSET, DAX_IMAGE_MARK_OURS, DAX_IMAGE_MARK_LEN);
	is_state(ns_size, DAX_IMAGE_EMPTY, "interrupted", "of a file that we made");
	dax_image_examine(head, ns_size, &image);
	ok(image.is_ours, "which is told");
}

static uint8_t record[SLOT];
static struct dax_layout layout;

/* Make a record of these devices in a region of 64 MiB. */
static void make(const struct dax_layout_dev *devs, uint32_t nr)
{
	const struct dax_layout like = {.size = 64 * M,
					.align = 2 * M,
					.type = DAX_REGION_DYNAMIC};
	static const uint8_t none[SLOT];
	const uint8_t *const slots[] = {record, none};
	const uint8_t uuid[DAX_UUID_LEN] = {0};
	struct dax_layout_writer w;
	uint32_t i;

	memset(record, 0, sizeof(record));
	if (dax_layout_begin(&w, record, SLOT, &like) < 0)
		abort();
	for (i = 0; i < nr; i++)
		if (dax_layout_add(&w, &devs[i]) < 0)
			abort();
	dax_layout_seal(record, dax_layout_end(&w), 1);
	if (dax_layout_pick(slots, SLOT, uuid, &layout) < 0)
		abort();
}

static struct dax_layout_dev dev_of(uint32_t id, uint64_t start, uint64_t len)
{
	return (struct dax_layout_dev){.id = id,
				       .flags = DAX_LAYOUT_BOUND,
				       .align = 2 * M,
				       .nr_ranges = 1,
				       .ranges = {{start, len}}};
}

static void test_places(void)
{
	struct dax_infoblock block = block_of(64 * M);
	struct dax_layout_area area;
	uint8_t page[DAX_LAYOUT_HEADER] = {0};

	dax_layout_area_of_image(&block, &area);
	ok(area.offset[0] >= 16384 && area.offset[1] + area.slot_size <= block.dataoff,
	   "with the page structs in RAM the slots are before the device");
	ok(area.offset[0] + area.slot_size <= area.offset[1], "and not in each other");
	block.mode = DAX_INFOBLOCK_PMEM;
	dax_layout_area_of_image(&block, &area);
	ok(area.offset[1] + area.slot_size <= DAX_IMAGE_MARK_OFFSET,
	   "with page structs on the media they are in the first page");
	block = block_of(64 * M);
	block.dataoff = M;
	dax_layout_area_of_image(&block, &area);
	ok(area.offset[1] < 4096, "as where there is no room before the device");
	dax_layout_area_of_page(64 * M, &area);
	ok(area.offset[0] == 64 * M && area.offset[1] + area.slot_size <= 66 * M,
	   "or in a huge page of their own");

	is(dax_layout_length(page, SLOT), DAX_LAYOUT_HEADER, "a header is always read");
	memset(page, 0xff, sizeof(page));
	is(dax_layout_length(page, SLOT), SLOT, "and never more than the slot");
	ok(!dax_layout_is_signature(page), "which is no record");
	make((struct dax_layout_dev[]){dev_of(0, 0, 2 * M)}, 1);
	ok(dax_layout_is_signature(record), "this is");
	is(dax_layout_length(record, SLOT), layout.length, "of its own length");
}

static void test_plain(void)
{
	struct dax_layout_dev dev = dev_of(0, 0, 64 * M);

	make(&dev, 1);
	ok(dax_layout_is_plain(&layout), "one bound device over all is as no record");
	dev.flags = 0;
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "one that is not bound is not");
	dev = dev_of(0, 0, 32 * M);
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "nor a smaller one");
	dev = dev_of(0, 2 * M, 62 * M);
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "nor one that begins later");
	dev = dev_of(1, 0, 64 * M);
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "nor another than device 0");
	dev = dev_of(0, 0, 64 * M);
	dev.align = 4096;
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "nor one of another align");
	dev.align = 2 * M;
	dev.nr_ranges = 2;
	make(&dev, 1);
	ok(!dax_layout_is_plain(&layout), "nor one of two ranges");
	make((struct dax_layout_dev[]){dev_of(0, 0, 32 * M), dev_of(1, 32 * M, 32 * M)},
	     2);
	ok(!dax_layout_is_plain(&layout), "nor two");
	make(NULL, 0);
	ok(!dax_layout_is_plain(&layout), "nor none");
	dev = dev_of(0, 0, 64 * M);
	make(&dev, 1);
	layout.length -= 16;
	ok(!dax_layout_is_plain(&layout), "nor a device that is cut short");
}

static void test_unseal(void)
{
	struct dax_layout_dev dev = dev_of(0, 0, 64 * M);
	uint8_t first[SLOT];

	make(&dev, 1);
	memcpy(first, record, SLOT);
	dax_layout_seal(record, layout.length, 99);
	ok(memcmp(first, record, SLOT), "another sequence number is another record");
	dax_layout_unseal(first, layout.length);
	dax_layout_unseal(record, layout.length);
	ok(!memcmp(first, record, SLOT), "unsealed they are the same");
}

static void test_begin(void)
{
	const struct dax_layout like = {.size = 64 * M};
	struct dax_layout_writer w;

	is(dax_layout_begin(&w, record, DAX_LAYOUT_HEADER + 7, &like), -ENOSPC,
	   "no room for a header and a checksum");
	is(dax_layout_begin(&w, record, DAX_LAYOUT_HEADER + 8, &like), 0, "just enough");
}

static struct dax_model model;
static struct dax_region *region;

static void setup(void)
{
	const struct dax_region like = {.type = DAX_REGION_DYNAMIC,
					.start = DAX_GIB,
					.size = 64 * M,
					.align = 2 * M,
					.has_pages = true};

	dax_model_init(&model, 252, 246);
	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
}

static void restore(int error, const char *part, const char *what)
{
	const char *why = NULL;

	setup();
	if (!ok(dax_layout_restore(&layout, &model, region, &why) == error &&
			(error != -EINVAL || strstr(why, part)),
		"%s: %s", what, error ? part : "restored"))
		printf("# %s\n", why);
	dax_model_done(&model);
}

static void test_restore(void)
{
	struct dax_layout_dev dev[2] = {dev_of(0, 0, 4 * M), dev_of(1, 4 * M, 4 * M)};

	dev[1].flags |= DAX_LAYOUT_SEED | DAX_LAYOUT_YOUNGEST;
	make(dev, 2);
	restore(0, "", "two devices");
	fail_calloc_after = 2; /* enough for the region and device 0 */
	restore(-ENOMEM, "", "no memory");
	fail_calloc_after = -1;
	dev[0].id = 1;
	make(dev, 2);
	restore(-EINVAL, "not possible", "no device 0");
	dev[0].id = 0;
	dev[1].id = 0;
	make(dev, 2);
	restore(-EINVAL, "not possible", "one twice");
	dev[1].id = 1;
	dev[1].align = 8192;
	make(dev, 2);
	restore(-EINVAL, "not possible", "an align that there is not");
	dev[1] = dev_of(1, 62 * M, 4 * M);
	make(dev, 2);
	restore(-EINVAL, "not possible", "a range over the end");
	dev[1] = dev_of(1, 4 * M, 0);
	make(dev, 2);
	restore(-EINVAL, "not possible", "an empty range");
	dev[1] = dev_of(1, 4 * M, 0);
	dev[1].nr_ranges = 0;
	make(dev, 2);
	restore(-EINVAL, "not possible", "a bound device without memory");
	make(dev, 0);
	restore(-EINVAL, "missing", "no devices");
	dev[1] = dev_of(1, 4 * M, 4 * M);
	make(dev, 2);
	layout.nr_devices = 3;
	restore(-EINVAL, "missing", "fewer than it says");
	dev[1] = dev_of(1, 2 * M, 4 * M);
	make(dev, 2);
	restore(-EINVAL, "", "ranges that overlap");
}

/* Reverting to a record undoes all changes made since it was written. */
static void test_revert(void)
{
	struct dax_layout_dev dev[2] = {dev_of(0, 0, 4 * M), dev_of(1, 4 * M, 4 * M)};
	const char *why = NULL;
	struct dax_dev *more;

	dev[1].flags |= DAX_LAYOUT_YOUNGEST;
	make(dev, 2);
	setup();
	if (dax_layout_restore(&layout, &model, region, &why) < 0 ||
	    dax_region_create(&model, region, &more) < 0 ||
	    dax_dev_set_size(more, 8 * M) < 0 || dax_dev_bind(&model, more) < 0 ||
	    dax_dev_unbind(&model, dax_model_find(&model, "dax0.1")) < 0 ||
	    dax_dev_set_size(dax_model_find(&model, "dax0.1"), 0) < 0 ||
	    dax_region_delete(&model, region, "dax0.1", true) < 0)
		abort();
	dax_layout_revert(&layout, &model, region);
	why = dax_model_check(&model);
	ok(!why, "the model holds together (%s)", why ? why : "");
	ok(!dax_model_find(&model, "dax0.2"), "a device that was made is gone");
	more = dax_model_find(&model, "dax0.1");
	ok(more && more->is_bound && dax_dev_size(more) == 4 * M,
	   "one that was deleted is back");
	ok(region->has_youngest && region->youngest == 1 && !region->has_seed,
	   "as is who was the youngest");
	dax_model_done(&model);
}

int main(void)
{
	test_known();
	test_states();
	test_places();
	test_plain();
	test_unseal();
	test_begin();
	test_restore();
	test_revert();
	return tap_done();
}
