/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Administrator's changes of the model that need several sysfs writes, or that sysfs does
 * not offer: creating and destroying devices in one step, choosing their numbers, adding,
 * extending and removing regions, and unbinding and rebinding the drivers of the nd bus.
 */
#include <errno.h>
#include <string.h>

#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_nd.h"
#include "libcore/model_provision.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define M DAX_MIB

static struct dax_model model;
static struct dax_region *region;

static struct dax_region *add_region(uint32_t id, enum dax_region_type type,
				     uint64_t start)
{
	struct dax_region like = {.id = id,
				  .type = type,
				  .start = start,
				  .size = 64 * M,
				  .align = 2 * M,
				  .has_pages = true};
	struct dax_region *added;

	if (dax_model_add_region(&model, &like, &added) < 0)
		abort();
	return added;
}

static void add_static_device(struct dax_region *to, uint32_t id)
{
	const uint64_t start = to->start + id * 16 * M;
	struct dax_dev like = {.align = 2 * M,
			       .nr_ranges = 1,
			       .ranges = {{start + 2 * M, 14 * M}},
			       .ns_start = start,
			       .ns_size = 16 * M};

	if (dax_region_add_device(to, &model, id, &like, NULL) < 0)
		abort();
}

/* Set up a dynamic region of 64 MiB whose device 0 is unbound and empty. */
static void setup_dynamic(void)
{
	dax_model_init(&model, 252, 246);
	region = add_region(0, DAX_REGION_DYNAMIC, DAX_GIB);
	if (dax_dev_unbind(&model, region->devices) < 0 ||
	    dax_dev_set_size(region->devices, 0) < 0)
		abort();
}

/* Set up a static region with devices 0 and 2, and a dynamic region next to it. */
static void setup_static(void)
{
	dax_model_init(&model, 252, 246);
	region = add_region(0, DAX_REGION_STATIC, DAX_GIB);
	add_static_device(region, 0);
	add_static_device(region, 2);
	add_region(1, DAX_REGION_DYNAMIC, 2 * DAX_GIB);
}

static void holds(void)
{
	const char *why = dax_model_check(&model);

	ok(!why, "the model holds together (%s)", why ? why : "");
}

static void teardown(void)
{
	holds();
	dax_model_done(&model);
}

static void fails(uint64_t size, uint64_t align, int error, enum dax_step want,
		  const char *what)
{
	struct dax_dev *dev = NULL;
	enum dax_step step = DAX_STEP_DELETE;
	const uint64_t left = dax_region_available(region);

	is(dax_region_provision(&model, region, size, align, &step, &dev), error, "%s",
	   what);
	is(step, want, "%s: the step is told", what);
	ok(!dev && !dax_model_find(&model, "dax0.1"), "%s: and nothing is left", what);
	is(dax_region_available(region), left, "%s: not even room taken", what);
	ok(!region->has_youngest, "%s: nor the name of the youngest", what);
	holds();
}

static void test_provision(void)
{
	struct dax_dev *dev;
	enum dax_step step;

	setup_dynamic();
	fails(2 * M, 12345, -EINVAL, DAX_STEP_ALIGN, "no such align");
	fails(3 * M, 0, -EINVAL, DAX_STEP_SIZE, "a size off the align");
	fails(128 * M, 0, -ENOSPC, DAX_STEP_SIZE, "more than there is");
	fail_calloc_after = 0;
	is(dax_region_provision(&model, region, 2 * M, 0, &step, &dev), -ENOMEM,
	   "no memory");
	is(step, DAX_STEP_CREATE, "for the device itself");
	fail_calloc_after = -1;

	is(dax_region_provision(&model, region, 4 * M, 0, &step, &dev), 0, "4 MiB");
	ok(dev->is_bound && dax_dev_size(dev) == 4 * M && dev->align == 2 * M,
	   "sized, aligned and bound");
	is(dax_region_provision(&model, region, 4096, 4096, &step, &dev), -EINVAL,
	   "less than the kernel can hot-plug");
	is(dax_region_provision(&model, region, 2 * M, 4096, &step, &dev), 0, "align 4K");
	is(dev->align, 4096, "as asked");
	is(dax_region_provision(&model, region, 0, 0, &step, &dev), 0,
	   "all that is left");
	is(dax_dev_size(dev), 58 * M, "it is");
	is(dax_region_available(region), 0, "and nothing is left");
	is(dax_region_provision(&model, region, 0, 0, &step, &dev), -ENOSPC, "one more");
	is(step, DAX_STEP_CREATE, "can't even be begun");
	ok(region->has_youngest && region->youngest == 3, "the youngest is as before");
	teardown();
}

static void test_step_text(void)
{
	ok(!strcmp(dax_step_text(DAX_STEP_CREATE, -ENOSPC),
		   "the region has no room left"),
	   "a full region is told in its own words");
	ok(!strcmp(dax_step_text(DAX_STEP_BIND, -ENXIO), "has no size"),
	   "an errno has the meaning of its step");
	ok(!dax_step_text(DAX_STEP_BIND, -ENOMEM), "a usual errno needs no words");
	ok(!dax_step_text(DAX_STEP_ALIGN, -EBUSY), "nor one that has them elsewhere");
}

static void test_destroy(void)
{
	struct dax_dev *dev;
	enum dax_step step;
	uint32_t minor;

	setup_dynamic();
	is(dax_dev_destroy(&model, region->devices), -EBUSY, "device 0 stays");
	ok(dax_region_provision(&model, region, 4 * M, 0, &step, &dev) == 0, "another");
	minor = dev->minor;
	is(dax_dev_destroy(&model, dev), 0, "goes, though it is bound and has a size");
	ok(!dax_model_find(&model, "dax0.1"), "it is gone");
	is(dax_region_available(region), 64 * M, "and has given its room back");
	is(dax_model_reserve_minor(&model, minor), -EBUSY, "but not its number");
	dax_model_release_minor(&model, minor);
	is(dax_model_reserve_minor(&model, minor), 0, "until nobody holds it");
	teardown();
	setup_static();
	is(dax_dev_destroy(&model, region->devices), -EINVAL,
	   "nor one of a static region");
	teardown();
}

static void test_minors(void)
{
	struct dax_dev *dev;

	setup_static();
	dev = region->devices;
	is(dev->minor, 0, "numbers begin at 0");
	is(dax_model_reserve_minor(&model, 0), -EBUSY, "which is in use then");
	is(dax_model_reserve_minor(&model, 77), 0, "77 is free");
	is(dax_model_reserve_minor(&model, 77), -EBUSY, "once");
	is(dax_model_reserve_minor(&model, DAX_MINORS), -EINVAL,
	   "there is no such number");
	dax_dev_set_minor(&model, dev, 77);
	is(dev->minor, 77, "a device gets the number that was kept");
	is(dax_model_reserve_minor(&model, 0), 0, "and its own is free");
	dax_model_release_minor(&model, 0);
	dax_model_release_minor(&model, DAX_MINORS);
	holds();
	dax_model_release_minor(&model, 77);
	is(dax_model_reserve_minor(&model, 77), -EBUSY, "what is in use is not released");
	teardown();
}

static void test_extend(void)
{
	setup_static();
	is(dax_region_extend(&model, region, 32 * M), -EINVAL,
	   "a region does not shrink");
	is(dax_region_extend(&model, model.regions->next, 128 * M), -EINVAL,
	   "a dynamic one does not grow");
	is(dax_region_extend(&model, region, 2 * DAX_GIB), -ENOSPC, "not into another");
	is(dax_region_extend(&model, region, DAX_GIB), 0, "up to it");
	is(region->size, DAX_GIB, "it has grown");
	teardown();
}

static void test_remove(void)
{
	struct dax_dev *dev;

	setup_dynamic();
	if (dax_region_create(&model, region, &dev) < 0)
		abort();
	ok(region->has_youngest && region->youngest == dev->id, "the youngest");
	dax_region_remove_device(region, dev);
	ok(!region->has_youngest, "is no more");
	if (dax_region_create(&model, region, &dev) < 0 ||
	    dax_region_create(&model, region, &dev) < 0)
		abort();
	dax_region_remove_device(region, dax_model_find(&model, "dax0.1"));
	ok(region->has_youngest, "another one is");
	ok(!region->has_seed || region->seed != 1, "the seed is none that is gone");
	teardown();

	setup_static();
	dax_nd_unbind(dax_nd_find(&model, 0, 2));
	add_region(2, DAX_REGION_DYNAMIC, 3 * DAX_GIB);
	dax_model_remove_region(&model, model.regions->next);
	ok(!dax_model_find_region(&model, 1) && dax_model_find_region(&model, 2),
	   "a region in the middle goes");
	dax_model_remove_region(&model, region);
	ok(!dax_model_find_region(&model, 0), "one goes with devices that are not there");
	teardown();
}

static void test_nd_find(void)
{
	setup_static();
	ok(dax_nd_find(&model, 0, 2), "a device that is there");
	ok(!dax_nd_find(&model, 0, 1), "none that never was");
	ok(!dax_nd_find(&model, 1, 0), "none of a dynamic region");
	ok(!dax_nd_find(&model, 7, 0), "none of no region");
	dax_nd_unbind(dax_nd_find(&model, 0, 0));
	ok(dax_nd_find(&model, 0, 0), "one that is away");
	ok(!dax_nd_find(&model, 0, 1), "and not another");
	teardown();
}

static void test_nd_bind(void)
{
	struct dax_dev *two;
	struct dax_dev *zero;
	uint64_t life;

	setup_static();
	zero = dax_nd_find(&model, 0, 0);
	two = dax_nd_find(&model, 0, 2);
	life = two->life;
	is(dax_nd_bind(&model, two), -EBUSY, "it has its driver");
	is(dax_nd_release(two), -EBUSY, "and does not let go of its namespace");
	is(dax_nd_unbind(two), 0, "without the driver");
	ok(!dax_model_find(&model, "dax0.2") && !two->is_bound, "there is no device");
	is(dax_nd_unbind(two), -ENODEV, "it can't go twice");
	is(dax_nd_unbind(zero), 0, "another goes");
	holds();
	is(dax_nd_bind(&model, two), 0, "they come back in the other order");
	is(dax_nd_bind(&model, zero), 0, "both of them");
	ok(region->devices == zero && zero->next == two, "and are in order");
	ok(two->life != life && two->generation == 1, "new devices of the old names");
	teardown();
}

static void test_nd_probe(void)
{
	struct dax_dev *dev;

	setup_static();
	dev = dax_nd_find(&model, 0, 0);
	is(dax_nd_probe(&model, dev), -ENXIO, "nd_pmem finds that it is claimed");
	ok(dev->is_bound, "which changes nothing");
	dax_nd_unbind(dev);
	is(dax_nd_release(dev), 0, "it lets go of its namespace");
	is(dax_nd_bind(&model, dev), -ENODEV, "then there is nothing to bind");
	dev->has_force_raw = true;
	is(dax_nd_probe(&model, dev), -EOPNOTSUPP, "no block device is made of it");
	dev->has_force_raw = false;
	is(dax_nd_probe(&model, dev), -ENXIO, "the write fails, as on the real machine");
	ok(dev->is_bound && dax_model_find(&model, "dax0.0"), "but the device is there");
	teardown();
}

/* The number of minors is limited, and a removed device that is held keeps its minor. */
static void test_nd_no_minor(void)
{
	struct dax_dev *dev;
	uint32_t i;

	setup_static();
	dev = dax_nd_find(&model, 0, 0);
	dax_nd_unbind(dev);
	for (i = 0; i < DAX_MINORS; i++)
		dax_model_reserve_minor(&model, i);
	is(dax_nd_bind(&model, dev), -ENOSPC, "no number is left");
	dax_nd_release(dev);
	is(dax_nd_probe(&model, dev), -ENOSPC, "not for nd_pmem either");
	is(dax_nd_region_unbind(region), 0, "the region's driver goes");
	is(dax_nd_region_bind(&model, region), 0, "and comes back");
	ok(!region->devices, "but no device does");
	dax_model_release_minor(&model, 0);
	is(dax_nd_probe(&model, dev), -ENXIO, "until there is a number");
	ok(dev->is_bound, "now it does");
	teardown();
}

static void test_nd_region(void)
{
	struct dax_dev *dev;

	setup_static();
	dev = dax_nd_find(&model, 0, 2);
	dax_nd_unbind(dax_nd_find(&model, 0, 0));
	is(dax_nd_region_bind(&model, region), -EBUSY, "it has its driver");
	is(dax_nd_region_unbind(region), 0, "which leaves");
	ok(!region->devices && dev->nd_state == DAX_ND_FREE, "with all devices");
	is(dax_nd_region_unbind(region), -ENODEV, "once");
	holds();
	is(dax_nd_region_bind(&model, region), 0, "and comes back");
	ok(dax_model_find(&model, "dax0.0") && dax_model_find(&model, "dax0.2"),
	   "with all of them, those that were away, too");
	teardown();
}

static void test_nd_platform(void)
{
	setup_static();
	is(dax_nd_platform_bind(&model), -EBUSY, "e820_pmem has its driver");
	is(dax_nd_platform_unbind(&model), 0, "which leaves");
	ok(!dax_model_find(&model, "dax0.0"), "with the devices of static regions");
	ok(dax_model_find(&model, "dax1.0"), "and no others");
	is(dax_nd_platform_unbind(&model), -ENODEV, "once");
	holds();
	is(dax_nd_platform_bind(&model), 0, "and comes back");
	ok(dax_model_find(&model, "dax0.0"), "with the devices");
	teardown();
}

/* A dynamic region without its driver has no devices at all (drivers/dax/hmem). */
static void test_hmem(void)
{
	struct dax_dev *dev;

	setup_dynamic();
	if (dax_region_create(&model, region, &dev) < 0)
		abort();
	is(dax_region_bind(&model, region), -EBUSY, "hmem has its driver");
	is(dax_region_unbind(region), 0, "which leaves");
	ok(!region->devices && !region->has_youngest, "with all devices");
	is(dax_region_unbind(region), -ENODEV, "once");
	holds();
	fail_calloc_after = 0;
	is(dax_region_bind(&model, region), -ENOMEM, "no memory for device 0");
	fail_calloc_after = -1;
	ok(!region->devices, "so the driver does not come back");
	is(dax_region_bind(&model, region), 0, "now it does");
	ok(dax_model_find(&model, "dax0.0") && !dax_model_find(&model, "dax0.1"),
	   "with device 0 alone");
	teardown();
}

/* The model's check finds every state that must never occur. */
static void test_check(void)
{
	struct dax_dev *dev;

	setup_static();
	dev = dax_nd_find(&model, 0, 2);
	dev->nd_state = DAX_ND_FREE;
	ok(dax_model_check(&model), "a device that is there and should not be");
	dev->nd_state = DAX_ND_DRIVEN;
	region->is_nd_disabled = true;
	ok(dax_model_check(&model), "a disabled region with devices");
	region->is_nd_disabled = false;
	dax_nd_unbind(dev);
	dev->is_bound = true;
	ok(dax_model_check(&model), "a device that is away and bound");
	dev->is_bound = false;
	dev->nd_state = DAX_ND_DRIVEN;
	ok(dax_model_check(&model), "one that is away and driven");
	dev->nd_state = DAX_ND_UNDRIVEN;
	dev->id = 0;
	ok(dax_model_check(&model), "one that is there twice");
	dev->id = 2;
	teardown();
}

int main(void)
{
	test_provision();
	test_step_text();
	test_destroy();
	test_minors();
	test_extend();
	test_remove();
	test_nd_find();
	test_nd_bind();
	test_nd_probe();
	test_nd_no_minor();
	test_nd_region();
	test_nd_platform();
	test_hmem();
	test_check();
	return tap_done();
}
