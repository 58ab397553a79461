/* SPDX-License-Identifier: BSD-2-Clause */
/* Regions and devices: examples of every verb. test_model_random.c covers the rest. */
#include <errno.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define START (4 * DAX_GIB)
#define M     DAX_MIB

static struct dax_model model;
static struct dax_region *region;

static struct dax_region dynamic_region(uint32_t id, uint64_t start, uint64_t size)
{
	return (struct dax_region){
		.id = id,
		.type = DAX_REGION_DYNAMIC,
		.start = start,
		.size = size,
		.align = 2 * M,
		.has_pages = true,
	};
}

static struct dax_region static_region(uint32_t id, uint64_t start, uint64_t size)
{
	struct dax_region like = dynamic_region(id, start, size);

	like.type = DAX_REGION_STATIC;
	return like;
}

/* A device that fills the namespace at @start except for the first 2 MiB. */
static struct dax_dev static_device(uint64_t start, uint64_t ns_size)
{
	return (struct dax_dev){
		.align = 2 * M,
		.nr_ranges = 1,
		.ranges = {{.start = start + 2 * M, .len = ns_size - 2 * M}},
		.ns_start = start,
		.ns_size = ns_size,
		.uuid = "0123456789abcde",
	};
}

/* Set up one dynamic region of 1 GiB with id 0 and align 2M. */
static void setup(void)
{
	const struct dax_region like = dynamic_region(0, START, DAX_GIB);

	dax_model_init(&model, 252, 246);
	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
}

/* Set up the same region with device 0 unbound and of size 0. */
static void setup_idle(void)
{
	setup();
	if (dax_dev_unbind(&model, region->devices) < 0 ||
	    dax_dev_set_size(region->devices, 0) < 0)
		abort();
}

static void teardown(void)
{
	const char *why = dax_model_check(&model);

	ok(!why, "the model holds together (%s)", why ? why : "");
	dax_model_done(&model);
	ok(!model.regions, "and can be freed");
}

static struct dax_dev *create(void)
{
	struct dax_dev *dev;

	if (dax_region_create(&model, region, &dev) < 0)
		abort();
	return dev;
}

/* Check a device's ranges against @want, pairs of offset and length in MiB. */
static void has_ranges(const struct dax_dev *dev, const char *what, size_t n,
		       const uint64_t *want)
{
	bool is_same = dev->nr_ranges == n;
	size_t i;

	for (i = 0; is_same && i < n; i++)
		is_same = dev->ranges[i].start == START + want[2 * i] * M &&
			  dev->ranges[i].len == want[2 * i + 1] * M;
	if (!ok(is_same, "%s", what))
		for (i = 0; i < dev->nr_ranges; i++)
			printf("# range %zu: +%llu, %llu\n", i,
			       (unsigned long long)(dev->ranges[i].start - START),
			       (unsigned long long)dev->ranges[i].len);
}

#define HAS_RANGES(dev, what, ...)                                                       \
	has_ranges(dev, what, sizeof((uint64_t[]){__VA_ARGS__}) / 16,                    \
		   (uint64_t[]){__VA_ARGS__})

static void test_initial_state(void)
{
	struct dax_dev *dev;
	char name[DAX_NAME_LEN];

	setup();
	dev = dax_model_find(&model, "dax0.0");
	ok(dev && dev == region->devices && !dev->next,
	   "a region begins with one device");
	ok(!strcmp(dax_dev_name(dev, name), "dax0.0"), "its name");
	is(dax_dev_size(dev), DAX_GIB, "it has the whole region");
	ok(dev->is_bound, "it is bound");
	is(dev->minor, 0, "its minor");
	ok(dev->life && dev->generation, "its life and generation");
	ok(!region->has_seed && !region->has_youngest, "no seed, no youngest");
	is(dax_region_available(region), 0, "nothing is available");
	ok(dax_model_find_region(&model, 0) == region, "the region is found");
	ok(!dax_model_find_region(&model, 1), "another is not");
	ok(!dax_model_find(&model, "dax0.1"), "nor another device");
	ok(!dax_model_find(&model, "dax1.0"), "nor one in another region");
	ok(!dax_model_find(&model, "dax0.00"), "nor another spelling");
	teardown();
}

static void test_add_region(void)
{
	struct dax_region like;

	setup();
	like = dynamic_region(0, 64 * DAX_GIB, DAX_GIB);
	is(dax_model_add_region(&model, &like, NULL), -EEXIST, "the id is taken");
	like = dynamic_region(100000, 64 * DAX_GIB, DAX_GIB);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "the id is too large");
	like = dynamic_region(1, 64 * DAX_GIB, 0);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "no size");
	like = dynamic_region(1, 64 * DAX_GIB, M);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "size not of 2M");
	like = dynamic_region(1, 64 * DAX_GIB + M, DAX_GIB);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "start not on 2M");
	like = dynamic_region(1, -DAX_GIB, 2 * DAX_GIB);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "end behind everything");
	like = dynamic_region(1, START + 512 * M, DAX_GIB);
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "overlap");
	like = dynamic_region(1, 64 * DAX_GIB, DAX_GIB);
	like.align = 8192;
	is(dax_model_add_region(&model, &like, NULL), -EINVAL, "align 8K");
	like = static_region(1, 64 * DAX_GIB, DAX_GIB + 4096);
	like.numa_node = 3;
	like.target_node = 4;
	like.map = DAX_MAP_DEV;
	is(dax_model_add_region(&model, &like, &region), 0,
	   "a static region of any size");
	ok(region->id == 1 && region->type == DAX_REGION_STATIC &&
		   region->map == DAX_MAP_DEV && region->start == 64 * DAX_GIB &&
		   region->size == DAX_GIB + 4096 && region->align == 2 * M &&
		   region->has_pages && region->numa_node == 3 &&
		   region->target_node == 4 && region->nd_align == 16 * M,
	   "is as it was asked for");
	ok(!region->devices && !dax_region_available(region), "and empty");
	like = static_region(3, 32 * DAX_GIB, 8 * M);
	is(dax_model_add_region(&model, &like, &region), 0, "a small one");
	is(region->nd_align, 4096, "has a small align");
	like = dynamic_region(2, 16 * DAX_GIB, 2 * M);
	like.align = 4096;
	is(dax_model_add_region(&model, &like, &region), 0, "align 4K in between");
	ok(region->next && region->next->id == 3 && model.regions->next->next == region,
	   "regions are sorted by id");
	is(region->devices->align, 4096, "its device has its align");
	teardown();
}

static void test_add_device(void)
{
	struct dax_region like = static_region(1, 64 * DAX_GIB, DAX_GIB);
	struct dax_dev dev_like;
	struct dax_dev *dev;

	setup();
	dax_model_add_region(&model, &like, &region);
	dev_like = static_device(64 * DAX_GIB, 512 * M);
	is(dax_region_add_device(region, &model, 5, &dev_like, &dev), 0, "static device");
	ok(dev->region == region && dev->id == 5 && dev->is_bound &&
		   dev->align == 2 * M && dax_dev_size(dev) == 510 * M &&
		   dev->ns_start == 64 * DAX_GIB && dev->ns_size == 512 * M &&
		   !memcmp(dev->uuid, dev_like.uuid, 16) && dev->minor == 1,
	   "is as it was asked for, bound");
	is(dax_region_add_device(region, &model, 5, &dev_like, NULL), -EEXIST,
	   "the id is taken");
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "the namespace is taken");
	dev_like = static_device(64 * DAX_GIB + 512 * M, 1024 * M);
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "the namespace leaves the region");
	dev_like = static_device(64 * DAX_GIB + 512 * M, 512 * M);
	is(dax_region_add_device(region, &model, 100000, &dev_like, NULL), -EINVAL,
	   "the id is too large");
	dev_like.align = 0;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "no align");
	dev_like.align = DAX_GIB;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "not aligned");
	dev_like.align = 2 * M;
	dev_like.nr_ranges = 2;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "two ranges");
	dev_like.nr_ranges = 1;
	dev_like.ranges[0].len = 0;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL, "no size");
	dev_like.ranges[0].len = 512 * M;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), -EINVAL,
	   "the range leaves the namespace");
	dev_like.ranges[0].len = 4 * M;
	is(dax_region_add_device(region, &model, 0, &dev_like, NULL), 0, "a second one");
	ok(region->devices->id == 0 && region->devices->next == dev,
	   "devices are sorted by id");
	teardown();
}

static void test_add_dynamic_device(void)
{
	struct dax_dev like = {.align = 2 * M, .nr_ranges = 2};
	struct dax_dev *dev;

	setup_idle();
	like.ranges[0] = (struct dax_range){START, 2 * M};
	like.ranges[1] = (struct dax_range){START + 8 * M, 2 * M};
	is(dax_region_add_device(region, &model, 3, &like, &dev), 0, "with two ranges");
	HAS_RANGES(dev, "has them", 0, 2, 8, 2);
	ok(dev->is_bound, "is bound");
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL, "in use");
	like.ranges[0].start = START + 10 * M;
	like.ranges[1].start = START + 11 * M;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL, "not on 2M");
	like.ranges[1].start = START + 10 * M;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL,
	   "overlapping itself");
	like.ranges[1].start = START + DAX_GIB;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL, "outside");
	like.ranges[1].start = START + 64 * M;
	like.ranges[1].len = 0;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL,
	   "an empty range");
	like.ranges[1].len = 2 * M;
	like.align = DAX_GIB;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL,
	   "size not of the align");
	like.align = 4096;
	like.nr_ranges = DAX_RANGES_MAX + 1;
	is(dax_region_add_device(region, &model, 4, &like, NULL), -EINVAL,
	   "too many ranges");
	like.nr_ranges = 0;
	is(dax_region_add_device(region, &model, 4, &like, &dev), 0, "with none");
	ok(!dev->is_bound, "is not bound");
	teardown();
}

static void test_no_memory(void)
{
	struct dax_region like = dynamic_region(1, 64 * DAX_GIB, DAX_GIB);

	setup_idle();
	fail_calloc_after = 0;
	is(dax_model_add_region(&model, &like, NULL), -ENOMEM, "no region");
	fail_calloc_after = 1;
	is(dax_model_add_region(&model, &like, NULL), -ENOMEM, "no first device");
	fail_calloc_after = 0;
	is(dax_region_create(&model, region, NULL), -ENOMEM, "no device");
	is(dax_dev_set_size(region->devices, 2 * M), -ENOMEM, "no growth");
	is(region->devices->nr_ranges, 0, "and nothing happened");
	ok(dax_model_check(&model), "no check");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax7.7"), -ENOMEM, "no id");
	fail_calloc_after = -1;
	teardown();
}

static void test_create(void)
{
	struct dax_dev *dev;

	setup();
	is(dax_region_create(&model, region, NULL), -ENOSPC, "the region is full");
	dax_dev_unbind(&model, region->devices);
	dax_dev_set_size(region->devices, 512 * M);
	dax_dev_set_align(region->devices, 4096);
	is(dax_region_create(&model, region, &dev), 0, "half of it is free");
	ok(dev->id == 1 && dev->minor == 1 && dev->align == 2 * M && !dev->nr_ranges &&
		   !dev->is_bound,
	   "a device without size, with the region's align");
	is(region->seed, 1, "it is the seed");
	is(region->youngest, 1, "and the youngest");
	is(create()->id, 2, "the next id");
	is(region->seed, 1, "the seed stays");
	is(region->youngest, 2, "the youngest does not");
	is(create()->id, 3, "any number of empty ones");
	is(dax_region_delete(&model, region, "dax0.1", false), 0, "the seed is deleted");
	ok(!region->has_seed, "then there is none");
	is(region->youngest, 3, "the youngest is another");
	dev = create();
	ok(dev->id == 1 && dev->minor == 1, "lowest free id and minor");
	is(region->seed, 1, "a new seed");
	is(region->youngest, 1, "the youngest is not the highest");
	is(dax_region_delete(&model, region, "dax0.2", false), 0, "another is deleted");
	ok(region->has_seed && region->has_youngest, "that changes neither");
	is(dax_region_delete(&model, region, "dax0.1", false), 0, "the youngest too");
	ok(!region->has_youngest, "it is not passed on");
	is(dax_region_delete(&model, region, "dax0.3", false), 0, "the last one");
	teardown();
}

static void test_seed(void)
{
	struct dax_dev *first;
	struct dax_dev *second;

	setup_idle();
	first = create();
	second = create();
	dax_dev_set_size(first, 2 * M);
	dax_dev_set_size(second, 2 * M);
	is(dax_dev_bind(&model, second), 0, "binding another");
	ok(region->has_seed, "leaves the seed");
	is(dax_dev_bind(&model, first), 0, "binding the seed");
	ok(!region->has_seed, "ends it");
	is(region->youngest, 2, "the youngest stays");
	dax_dev_unbind(&model, first);
	ok(!region->has_seed, "unbinding does not bring it back");
	is(create()->id, 3, "one more");
	is(region->seed, 3, "is the seed");
	teardown();
}

static void test_delete(void)
{
	struct dax_region other = dynamic_region(1, 64 * DAX_GIB, DAX_GIB);
	struct dax_dev *dev;

	setup_idle();
	dax_model_add_region(&model, &other, NULL);
	dev = create();
	dax_dev_set_size(dev, 2 * M);
	is(dax_region_delete(&model, region, "dax0.1", false), -EBUSY, "has a size");
	dax_dev_bind(&model, dev);
	is(dax_region_delete(&model, region, "dax0.1", false), -EBUSY, "is bound");
	is(dax_region_delete(&model, region, "dax0.0", false), -EBUSY, "device 0");
	is(dax_region_delete(&model, region, "dax0.7", false), -ENXIO, "unknown");
	is(dax_region_delete(&model, region, "dax0.01", false), -ENXIO, "misspelt");
	is(dax_region_delete(&model, region, "foo", false), -ENXIO, "no name");
	is(dax_region_delete(&model, region, "", false), -ENXIO, "nothing");
	is(dax_region_delete(&model, region, "dax1.0", false), -ENXIO, "elsewhere");
	dax_dev_unbind(&model, dev);
	dax_dev_set_size(dev, 0);
	is(dax_region_delete(&model, region, "dax0.1", false), 0, "of size 0");
	ok(!dax_model_find(&model, "dax0.1"), "is gone");
	teardown();
}

static void test_minors(void)
{
	uint64_t life;
	struct dax_dev *dev;
	uint32_t i;

	setup_idle();
	dev = create();
	life = dev->life;
	is(dev->minor, 1, "the first free minor");
	is(dax_region_delete(&model, region, "dax0.1", true), 0, "deleted while held");
	dev = create();
	ok(dev->id == 1 && dev->minor == 2, "same name, another minor");
	ok(dev->life > life, "another life");
	dax_model_release_minor(&model, 1);
	is(create()->minor, 1, "let go, it is used again");
	dax_model_release_minor(&model, 1);
	dax_model_release_minor(&model, 4711);
	is(create()->minor, 3, "a minor in use is not let go");
	for (i = 4; i < DAX_MINORS; i++)
		create();
	is(dax_region_create(&model, region, NULL), -ENOSPC, "all minors are in use");
	is(dax_region_delete(&model, region, "dax0.700", true), 0, "delete one, held");
	is(dax_region_create(&model, region, NULL), -ENOSPC, "still");
	dax_model_release_minor(&model, 700);
	is(create()->id, 700, "until it is let go");
	{
		struct dax_region like = dynamic_region(1, 64 * DAX_GIB, DAX_GIB);

		is(dax_model_add_region(&model, &like, NULL), -ENOSPC,
		   "no region without a minor");
	}
	teardown();
}

static void test_size_errors(void)
{
	struct dax_dev *dev;

	setup();
	dev = region->devices;
	is(dax_dev_set_size(dev, 3 * M), -EINVAL, "bound and not aligned: not aligned");
	is(dax_dev_set_size(dev, DAX_GIB), -EBUSY, "bound, the same size");
	is(dax_dev_set_size(dev, 0), -EBUSY, "bound");
	dax_dev_unbind(&model, dev);
	is(dax_dev_set_size(dev, DAX_GIB), 0, "the same size");
	is(dax_dev_set_size(dev, DAX_GIB + 2 * M), -ENOSPC, "more than there is");
	is(dax_dev_set_size(dev, UINT64_MAX - 2 * M + 1), -ENOSPC, "much more");
	dax_dev_set_align(dev, 4096);
	is(dax_dev_set_size(dev, 4096), -EINVAL, "align 4K: still multiples of 2M");
	is(dax_dev_set_size(dev, 2 * M), 0, "as this is");
	is(dax_dev_set_size(dev, 0), 0, "nothing");
	dax_dev_set_align(dev, DAX_GIB);
	is(dax_dev_set_size(dev, 512 * M), -EINVAL, "align 1G: multiples of 1G");
	is(dax_dev_set_size(dev, DAX_GIB), 0, "as this is");
	is(dax_region_available(region), 0, "and nothing is left");
	teardown();
}

static void test_growth(void)
{
	struct dax_dev *zero;
	struct dax_dev *one;
	struct dax_dev *two;

	setup_idle();
	zero = region->devices;
	one = create();
	two = create();
	dax_dev_set_size(zero, 128 * M);
	dax_dev_set_size(one, 512 * M);
	HAS_RANGES(one, "behind the first", 128, 512);
	dax_dev_set_size(zero, 0);
	/*
	 * As a real kernel does: 512M + 128M with a free [0, 128M) put mapping1 below
	 * mapping0.
	 */
	is(dax_dev_set_size(one, 640 * M), 0, "grow with a hole in front");
	HAS_RANGES(one, "the hole is a new range", 128, 512, 0, 128);
	dax_dev_set_size(one, 512 * M);
	HAS_RANGES(one, "and the first to go", 128, 512);
	dax_dev_set_size(one, 768 * M);
	HAS_RANGES(one, "not joined with a neighbour", 128, 512, 0, 128, 640, 128);
	dax_dev_set_size(one, 770 * M);
	HAS_RANGES(one, "the last range grows", 128, 512, 0, 128, 640, 130);
	dax_dev_set_size(one, 512 * M);
	dax_dev_set_size(one, 500 * M);
	is(dax_dev_set_size(two, 4 * M), 0, "another");
	HAS_RANGES(two, "takes the lowest hole", 0, 4);
	dax_dev_set_size(zero, 4 * M);
	dax_dev_set_size(two, 8 * M);
	HAS_RANGES(two, "the next hole is behind a neighbour", 0, 4, 8, 4);
	dax_dev_set_size(two, 8 * M + 116 * M + 12 * M + 2 * M);
	HAS_RANGES(two, "many holes", 0, 4, 8, 120, 628, 14);
	teardown();
}

static void test_shrinking(void)
{
	struct dax_dev *dev;

	setup_idle();
	dev = region->devices;
	dax_dev_add_mapping(dev, START + 16 * M, START + 20 * M - 1);
	dax_dev_add_mapping(dev, START + 8 * M, START + 12 * M - 1);
	dax_dev_add_mapping(dev, START, START + 4 * M - 1);
	HAS_RANGES(dev, "three ranges", 16, 4, 8, 4, 0, 4);
	dax_dev_set_size(dev, 10 * M);
	HAS_RANGES(dev, "the last is cut", 16, 4, 8, 4, 0, 2);
	dax_dev_set_size(dev, 8 * M);
	HAS_RANGES(dev, "and goes", 16, 4, 8, 4);
	dax_dev_set_size(dev, 2 * M);
	HAS_RANGES(dev, "one and a half go", 16, 2);
	dax_dev_set_size(dev, 0);
	is(dev->nr_ranges, 0, "all go");
	teardown();
}

/*
 * Every second 2M belongs to another device, so that a device gets the largest possible
 * number of ranges.
 */
static void test_range_limit(void)
{
	struct dax_dev *comb[3];
	struct dax_dev *dev;
	uint64_t generation;
	int i;

	setup_idle();
	dev = create();
	for (i = 0; i < 3; i++)
		comb[i] = create();
	for (i = 0; i < 40; i++) {
		uint64_t start = START + (uint64_t)(2 * i + 1) * 2 * M;

		dax_dev_add_mapping(comb[i / 20], start, start + 2 * M - 1);
	}
	is(dax_dev_set_size(dev, 64 * M), 0, "32 ranges");
	is(dev->nr_ranges, DAX_RANGES_MAX, "are the limit");
	generation = dev->generation;
	is(dax_dev_set_size(dev, 66 * M), -ENOSPC, "one more is refused");
	is(dax_dev_size(dev), 64 * M, "and nothing changed");
	is(dax_dev_add_mapping(dev, START + 512 * M, START + 514 * M - 1), -ENOSPC,
	   "also as a mapping");
	is(dev->generation, generation, "nor the generation");
	dax_dev_set_size(dev, 62 * M);
	is(dax_dev_set_size(dev, 66 * M), -ENOSPC, "two more too");
	is(dax_dev_size(dev), 62 * M, "not even the first");
	teardown();
}

static void test_mapping(void)
{
	struct dax_dev *dev;
	struct dax_dev *other;

	setup_idle();
	dev = region->devices;
	other = create();
	is(dax_dev_add_mapping(dev, START + 4 * M, START + 6 * M - 1), 0, "a range");
	is(dax_dev_add_mapping(dev, START + 6 * M, START + 8 * M - 1), 0,
	   "its neighbour");
	HAS_RANGES(dev, "are not joined", 4, 2, 6, 2);
	is(dax_dev_add_mapping(dev, START + 4 * M, START + 6 * M - 1), -ENOMEM, "own");
	is(dax_dev_add_mapping(other, START + 6 * M, START + 8 * M - 1), -ENOMEM,
	   "another's");
	is(dax_dev_add_mapping(other, START + 3 * M, START + 5 * M - 1), -ENOMEM, "half");
	is(dax_dev_add_mapping(other, START - 2 * M, START - 1), -ENOMEM, "below");
	is(dax_dev_add_mapping(other, START + DAX_GIB, START + DAX_GIB + 2 * M - 1),
	   -ENOMEM, "above");
	is(dax_dev_add_mapping(other, START + DAX_GIB - M, START + DAX_GIB + M - 1),
	   -ENOMEM, "over the end");
	is(dax_dev_add_mapping(other, 0, 0), -ENXIO, "one byte");
	is(dax_dev_add_mapping(other, START, START + M - 1), -ENXIO, "1M");
	is(dax_dev_add_mapping(other, START + 2 * M, START), -ENXIO, "swapped");
	is(dax_dev_add_mapping(other, START + 4 * M, START + 2 * M - 1), -ENOMEM,
	   "swapped, by a multiple of 2M");
	is(dax_dev_add_mapping(other, START + 1, START), 0, "empty, on an empty one");
	is(dax_dev_add_mapping(dev, START + 1, START), -EBUSY, "empty, on another");
	is(dax_dev_add_mapping(dev, 0, UINT64_MAX), -EBUSY, "2^64 bytes are empty too");
	is(other->nr_ranges, 0, "none of these did anything");
	dax_dev_set_align(other, DAX_GIB);
	is(dax_dev_add_mapping(other, START + 512 * M, START + 514 * M - 1), -ENXIO,
	   "2M at align 1G");
	dax_dev_set_align(other, 4096);
	is(dax_dev_add_mapping(other, START + 512 * M, START + 512 * M + 4095), -ENXIO,
	   "4K at align 4K");
	is(dax_dev_add_mapping(other, START + 512 * M + 4096, START + 514 * M + 4095), 0,
	   "start not on 2M");
	is(dax_dev_bind(&model, other), -EINVAL, "cannot be bound");
	ok(!other->is_bound, "and is not");
	is(dax_dev_bind(&model, dev), 0, "the first can");
	is(dax_dev_add_mapping(dev, START + 16 * M, START + 18 * M - 1), 0,
	   "while bound");
	HAS_RANGES(dev, "it has it", 4, 2, 6, 2, 16, 2);
	teardown();
}

/* Next to a range that does not begin on 2M, growth makes pieces that are off 2M too. */
static void test_crooked_growth(void)
{
	struct dax_dev *dev;
	struct dax_dev *other;

	setup_idle();
	dev = region->devices;
	other = create();
	dax_dev_add_mapping(other, START + M, START + 3 * M - 1);
	is(dax_dev_set_size(dev, 4 * M), 0, "grow around");
	HAS_RANGES(dev, "crooked pieces", 0, 1, 3, 3);
	is(dax_dev_bind(&model, dev), -EINVAL, "cannot be bound");
	is(dax_dev_set_align(dev, 2 * M), -EINVAL, "not even its own align");
	is(dax_dev_set_size(dev, 2 * M), 0, "shrunk");
	HAS_RANGES(dev, "crooked still", 0, 1, 3, 1);
	is(dax_dev_set_size(dev, 0), 0, "to nothing");
	teardown();
}

static void test_align(void)
{
	struct dax_dev *dev;
	uint64_t generation;

	setup();
	dev = region->devices;
	is(dax_dev_set_align(dev, 8192), -EINVAL, "bound and no align: no align");
	is(dax_dev_set_align(dev, 2 * M), -EBUSY, "bound, the same");
	dax_dev_unbind(&model, dev);
	is(dax_dev_set_align(dev, 0), -EINVAL, "0");
	is(dax_dev_set_align(dev, 1), -EINVAL, "1");
	is(dax_dev_set_align(dev, 64 * DAX_KIB), -EINVAL, "64K");
	is(dax_dev_set_align(dev, 4 * DAX_GIB), -EINVAL, "4G");
	generation = dev->generation;
	is(dax_dev_set_align(dev, 2 * M), 0, "the same");
	is(dev->generation, generation, "is no change");
	is(dax_dev_set_align(dev, 4096), 0, "4K");
	ok(dev->generation > generation, "is one");
	is(dax_dev_set_align(dev, DAX_GIB), 0, "1G of 1G");
	dax_dev_set_align(dev, 2 * M);
	dax_dev_set_size(dev, 4 * M);
	is(dax_dev_set_align(dev, DAX_GIB), -EINVAL, "1G of 4M");
	is(dev->align, 2 * M, "keeps the old");
	dax_dev_set_size(dev, 0);
	is(dax_dev_set_align(dev, DAX_GIB), 0, "1G of nothing");
	is(create()->align, 2 * M, "a new device has the region's");
	teardown();
}

/* At align 1G a size may have to be split over two ranges. */
static void test_split_at_1g(void)
{
	const struct dax_region like = dynamic_region(1, 64 * DAX_GIB, 2 * DAX_GIB);
	struct dax_dev *other;
	struct dax_dev *dev;

	setup();
	dax_model_add_region(&model, &like, &region);
	dev = region->devices;
	dax_dev_unbind(&model, dev);
	dax_dev_set_size(dev, 0);
	other = create();
	dax_dev_add_mapping(other, like.start + 512 * M, like.start + 1024 * M - 1);
	dax_dev_set_align(dev, DAX_GIB);
	is(dax_dev_set_size(dev, DAX_GIB), 0, "1G is accepted");
	ok(dev->nr_ranges == 2 && dev->ranges[0].len == 512 * M, "in two halves");
	is(dax_dev_bind(&model, dev), 0, "and can be bound");
	dax_dev_unbind(&model, dev);
	is(dax_dev_set_align(dev, DAX_GIB), -EINVAL, "writing 1G again is refused");
	is(dax_dev_set_align(dev, 2 * M), 0, "2M is not");
	teardown();
}

static void test_bind(void)
{
	struct dax_dev *dev;
	uint64_t generation;

	setup();
	dev = region->devices;
	generation = dev->generation;
	is(dax_dev_bind(&model, dev), -EBUSY, "is bound");
	is(dev->generation, generation, "nothing changed");
	is(dax_dev_unbind(&model, dev), 0, "unbound");
	ok(dev->generation > generation, "others must notice");
	generation = dev->generation;
	is(dax_dev_unbind(&model, dev), -ENODEV, "is not bound");
	is(dax_dev_bind(&model, dev), 0, "bound again");
	ok(dev->generation > generation, "others must notice");
	dax_dev_unbind(&model, dev);
	dax_dev_set_size(dev, 0);
	is(dax_dev_bind(&model, dev), -ENXIO, "size 0");
	teardown();
}

static void test_new_id(void)
{
	struct dax_dev *dev;
	struct dax_dev *empty;

	setup();
	dax_dev_unbind(&model, region->devices);
	dax_dev_set_size(region->devices, 2 * M);
	dev = create();
	empty = create();
	dax_dev_set_size(dev, 2 * M);
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "foo"), -EINVAL, "no id");
	ok(!dev->is_bound, "does nothing");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax7.7"), 0,
	   "the id of no device");
	ok(dev->is_bound && region->devices->is_bound, "binds all that can be");
	ok(!empty->is_bound, "not what cannot");
	ok(!region->has_seed, "the seed was bound");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax7.7"), 0, "once more");
	is(dax_driver_remove_id(&model, DAX_DRIVER_DEVICE, "dax7.7"), 0, "removed");
	is(dax_driver_remove_id(&model, DAX_DRIVER_DEVICE, "dax7.7"), 0, "once more");
	is(dax_driver_remove_id(&model, DAX_DRIVER_DEVICE, "dax1"), -EINVAL, "no id");
	ok(dev->is_bound, "nothing is unbound");
	teardown();
}

/* A region that the kernel keeps for kmem. */
static void test_reserved(void)
{
	struct dax_region like = dynamic_region(0, START, DAX_GIB);
	struct dax_dev *dev;

	dax_model_init(&model, 252, 246);
	model.kernel = DAX_KERNEL_6_12;
	like.is_reserved = true;
	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
	dev = region->devices;
	ok(!dev->is_bound, "its device has no driver");
	is(dax_driver_bind(&model, DAX_DRIVER_DEVICE, dev), -ENODEV,
	   "and is not matched");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax0.1"), 0,
	   "the id of another");
	ok(!dev->is_bound, "changes nothing");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax0.0"), 0, "its own");
	ok(dev->is_bound, "binds it");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax0.0"), 0, "once more");
	is(model.ids[DAX_DRIVER_DEVICE].nr, 2, "is kept once");
	is(dax_dev_unbind(&model, dev), 0, "unbound");
	is(dax_driver_bind(&model, DAX_DRIVER_DEVICE, dev), 0, "it can be bound again");
	is(dax_dev_unbind(&model, dev), 0, "unbound");
	is(dax_driver_remove_id(&model, DAX_DRIVER_DEVICE, "dax0.0"), 0,
	   "without its id");
	is(dax_driver_bind(&model, DAX_DRIVER_DEVICE, dev), -ENODEV, "it is not matched");
	is(dax_dev_bind(&model, dev), 0, "the daemon can always bind it");
	is(dax_dev_add_mapping(dev, START, START + 4095), 0,
	   "a bad mapping is no error since 6.8");
	teardown();
	setup();
	is(dax_driver_bind(&model, DAX_DRIVER_DEVICE, region->devices), -EBUSY,
	   "others are matched always");
	is(dax_dev_add_mapping(region->devices, START, START + 4095), -ENXIO,
	   "a bad mapping is one on 6.1");
	teardown();
}

static void test_static(void)
{
	struct dax_region like = static_region(1, 64 * DAX_GIB, 512 * M);
	struct dax_dev dev_like = static_device(64 * DAX_GIB, 512 * M);
	struct dax_dev *dev;

	setup();
	dax_model_add_region(&model, &like, &region);
	/* Old info blocks at 4K leave a range off 2M; the namespace's driver maps it. */
	dev_like.align = 4096;
	dev_like.ranges[0] = (struct dax_range){like.start + 8192, 512 * M - 8192};
	dax_region_add_device(region, &model, 0, &dev_like, &dev);
	is(dax_region_create(&model, region, NULL), -EINVAL, "no create");
	is(dax_region_delete(&model, region, "dax1.0", false), -EINVAL, "no delete");
	is(dax_dev_set_size(dev, 0), -EACCES, "no size");
	is(dax_dev_set_align(dev, 4096), -EACCES, "no align");
	is(dax_dev_add_mapping(dev, 0, 0), -EACCES, "no mapping");
	is(dax_region_available(region), 0, "nothing available");
	is(dax_dev_unbind(&model, dev), 0, "but unbind");
	is(dax_driver_new_id(&model, DAX_DRIVER_DEVICE, "dax1.0"), 0, "and new_id");
	ok(dev->is_bound, "which binds");
	dax_dev_unbind(&model, dev);
	is(dax_dev_bind(&model, dev), 0, "and bind");
	teardown();
}

static void test_describe(void)
{
	struct dax_device shown;
	struct dax_dev *dev;

	setup_idle();
	dev = create();
	dax_dev_set_align(dev, 4096);
	dax_dev_add_mapping(dev, START + 8 * M, START + 10 * M - 1);
	dax_dev_add_mapping(dev, START + 2 * M, START + 4 * M - 1);
	memset(&shown, 0xff, sizeof(shown));
	dax_dev_describe(&model, dev, &shown);
	ok(!strcmp(shown.name, "dax0.1") && shown.region_id == 0 && shown.id == 1,
	   "name");
	ok(shown.major == 252 && shown.minor == 1, "number");
	is(shown.flags, 0, "not alive, with pages");
	is(shown.align, 4096, "align");
	is(shown.size, 4 * M, "size");
	ok(shown.life == dev->life && shown.generation == dev->generation, "life");
	ok(shown.nr_ranges == 2 && shown.ranges[0].start == 8 * M &&
		   shown.ranges[0].len == 2 * M && shown.ranges[1].start == 2 * M &&
		   shown.ranges[1].len == 2 * M && !shown.ranges[2].len,
	   "ranges, from the region's start");
	dax_dev_bind(&model, dev);
	region->has_pages = false;
	dax_dev_describe(&model, dev, &shown);
	is(shown.flags, DAX_DEVICE_ALIVE | DAX_DEVICE_NO_PAGES, "alive, without pages");
	dax_dev_add_mapping(dev, START + 16 * M + 4096, START + 18 * M + 4095);
	dax_dev_add_mapping(dev, START + 32 * M, START + 34 * M - 1);
	dax_dev_describe(&model, dev, &shown);
	ok(shown.nr_ranges == 2 && shown.size == 4 * M,
	   "what was added crooked to a live device is not shown, nor what follows");
	dax_dev_unbind(&model, dev);
	dax_dev_describe(&model, dev, &shown);
	ok(shown.nr_ranges == 4 && shown.size == 8 * M, "unlike that of a dead one");
	teardown();
}

static void finds(const char *want)
{
	const char *why = dax_model_check(&model);

	ok(why && !strcmp(why, want), "the check says: %s (%s)", want, why ? why : "");
}

/* Run the check with one place changed, then restore it. */
#define BROKEN(place, value, want)                                                       \
	do {                                                                             \
		__typeof__(place) saved = (place);                                       \
                                                                                         \
		(place) = (value);                                                       \
		finds(want);                                                             \
		(place) = saved;                                                         \
	} while (0)

static void test_check(void)
{
	struct dax_region like = static_region(1, 64 * DAX_GIB, 512 * M);
	struct dax_dev dev_like = static_device(64 * DAX_GIB, 512 * M);
	struct dax_region *stat;
	struct dax_dev *zero;
	struct dax_dev *one;
	struct dax_dev *two;
	struct dax_dev *pmem;

	setup_idle();
	dax_model_add_region(&model, &like, &stat);
	dax_region_add_device(stat, &model, 0, &dev_like, &pmem);
	zero = region->devices;
	one = create();
	two = create();
	dax_dev_set_size(zero, 4 * M);
	dax_dev_set_size(one, 4 * M);
	ok(!dax_model_check(&model), "nothing is wrong");

	BROKEN(region->id, 100000, "region ids are not ascending");
	BROKEN(stat->id, 0, "region ids are not ascending");
	BROKEN(one->region, stat, "a device is in another region's list");
	BROKEN(one->id, 2, "device ids are not ascending");
	BROKEN(two->id, 100000, "device ids are not ascending");
	BROKEN(one->minor, 17, "a device's minor is not marked");
	BROKEN(one->minor, DAX_MINORS, "a device's minor is not marked");
	BROKEN(one->minor, 0, "two devices have the same minor");
	BROKEN(one->align, 8192, "a device's align is not possible");
	BROKEN(one->life, 0, "a device's life or generation is not possible");
	BROKEN(one->life, 99, "a device's life or generation is not possible");
	BROKEN(one->generation, 0, "a device's life or generation is not possible");
	BROKEN(one->nr_ranges, DAX_RANGES_MAX + 1, "too many ranges");
	BROKEN(two->is_bound, true, "a device without size is bound");
	BROKEN(pmem->nr_ranges, 0, "a device without size is bound");
	BROKEN(pmem->ns_size, 4 * M, "a static device is not in its namespace");
	BROKEN(one->ranges[0].len, 3 * M, "a size is not aligned");
	BROKEN(one->ranges[0].start, START + 2 * M,
	       "ranges overlap or begin before the region");
	BROKEN(zero->ranges[0].start, START - 2 * M,
	       "ranges overlap or begin before the region");
	BROKEN(one->ranges[0].len, DAX_GIB, "a range ends behind the region");
	BROKEN(one->ranges[0].len, 0, "an empty range");
	BROKEN(region->seed, 0, "the seed does not exist");
	BROKEN(region->seed, 7, "the seed does not exist");
	BROKEN(region->youngest, 7, "the youngest does not exist");
	BROKEN(region->devices, one, "device 0 is missing");
	pmem->is_bound = false;
	BROKEN(pmem->nr_ranges, 0, "a static device does not have exactly one range");
	teardown();
}

int main(void)
{
	test_initial_state();
	test_add_region();
	test_add_device();
	test_add_dynamic_device();
	test_no_memory();
	test_create();
	test_seed();
	test_delete();
	test_minors();
	test_size_errors();
	test_growth();
	test_shrinking();
	test_range_limit();
	test_mapping();
	test_crooked_growth();
	test_align();
	test_split_at_1g();
	test_bind();
	test_new_id();
	test_reserved();
	test_static();
	test_describe();
	test_check();
	return tap_done();
}
