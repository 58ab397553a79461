/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CXL through its sysfs attributes: the tree of a region, and the writes that a real 7.3
 * was given, right and wrong, with its answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/address.h"
#include "libcore/cxl.h"
#include "libcore/cxl_poison.h"
#include "libcore/cxl_region.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/sysfs.h"

#include "tests/unit/cxl_tree.h"
#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

static void setup(uint32_t nr_memdevs, enum dax_cxl_start how)
{
	const struct dax_cxl like = {
		.major = 249,
		.start = START,
		.nr_windows = 1,
		.windows = {{.size = 4 * DAX_GIB, .ways = 1, .granularity = 256}},
		.nr_bridges = 1,
		.nr_memdevs = nr_memdevs,
		.memdev_size = MEMORY,
		.how = how,
		.align = 2 * M,
		.has_pages = true,
		.numa_node = -1,
		.target_node = 1,
	};

	dax_model_init(&model, 252, 246);
	model.kernel = DAX_KERNEL_7_3;
	if (dax_cxl_add(&model, &like) < 0)
		abort();
}

static void teardown(void)
{
	ok(!dax_model_check(&model), "the model holds together");
	dax_cxl_remove(&model);
	dax_model_done(&model);
}

static void test_set_up(void)
{
	struct dax_cxl like = {.nr_memdevs = 1,
			       .memdev_size = MEMORY,
			       .nr_windows = 1,
			       .nr_bridges = 1,
			       .windows = {
				       {.size = DAX_GIB, .ways = 1, .granularity = 256}}};

	dax_model_init(&model, 252, 246);
	like.nr_memdevs = 0;
	is(dax_cxl_add(&model, &like), -EINVAL, "no memory device");
	like.nr_memdevs = 17;
	is(dax_cxl_add(&model, &like), -EINVAL, "too many");
	like.nr_memdevs = 1;
	like.memdev_size = M;
	is(dax_cxl_add(&model, &like), -EINVAL, "not of 256M");
	like.memdev_size = MEMORY;
	fail_calloc_after = 0;
	is(dax_cxl_add(&model, &like), -ENOMEM, "no memory");
	fail_calloc_after = -1;
	dax_cxl_remove(&model);
	ok(!model.cxl, "nothing is there to remove");
	nowhere("bus/cxl");
	dax_model_done(&model);

	setup(1, DAX_CXL_START_DEVDAX);
	fail_calloc_after = 0;
	is(dax_cxl_make_region(&model, 0, 1, 256), -ENOMEM, "a region without memory");
	fail_calloc_after = -1;
	is(dax_cxl_make_region(&model, 0, 1, 1), -EINVAL, "a wrong granularity");
	teardown();

	setup(1, DAX_CXL_START_DEVDAX);
	is(dax_address_unit(DAX_REGION_CXL, false, DAX_PAGE), 256 * M, "the unit of CXL");
	is(dax_address_next_region(&model), START + 4 * DAX_GIB, "behind the window");
	fail_calloc_after = 1;
	is(dax_cxl_make_region(&model, 7, 1, 256), -ENOMEM, "no memory for dax7.0");
	fail_calloc_after = -1;
	wr("cxl_region/bind", "region7", 0);
	rd("region7/size", "0x20000000");
	teardown();
}

static void test_devdax(void)
{
	char buf[80];
	struct dax_device desc;
	struct dax_dev *dev;
	struct search all = {.path = "nothing"};

	setup(2, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 0, 2, 1024), 0, "a region at the start");
	dev = dax_model_find(&model, "dax0.0");
	ok(dev && dev->is_bound, "dax0.0 is bound");
	dax_dev_describe(&model, dev, &desc);
	is(desc.size, DAX_GIB, "of both memory devices");
	is(desc.nr_ranges, 1, "in one piece");
	is(desc.ranges[0].start, 0, "at the start of the store");
	dax_sysfs_walk(&model, find_text, &all);
	ok(all.nr_nodes > 300, "%u nodes", all.nr_nodes);
	rd("region0/commit", "1");
	rd("region0/resource", "0x1000000000");
	rd("region0/mode", "ram");
	rd("region0/uuid", "");
	rd("region0/interleave_granularity", "1024");
	rd("region0/interleave_ways", "2");
	rd("region0/target0", "decoder2.0");
	rd("region0/target1", "decoder3.0");
	rd("region0/driver", "../../../../../../bus/cxl/drivers/cxl_region");
	rd("region0/uevent", "DEVTYPE=cxl_region");
	rd("region0/dax_region0/dax0.0/size", "1073741824");
	rd("region0/dax_region0/dax0.0/numa_node", "-1");
	rd("region0/dax_region0/dax_region/id", "0");
	rd("dax_region0/modalias", "cxl:t8");
	rd("decoder2.0/size", "0x40000000");
	rd("decoder2.0/start", "0x1000000000");
	rd("decoder2.0/interleave_ways", "2");
	rd("decoder2.0/interleave_granularity", "1024");
	rd("decoder2.0/dpa_size", "0x0000000020000000");
	rd("decoder2.0/dpa_resource", "0x0");
	rd("decoder2.0/mode", "ram");
	rd("decoder2.1/dpa_resource", "0xffffffffffffffff");
	rd("decoder1.0/target_list", "0,1");
	rd("decoder1.0/region", "region0");
	rd("decoder1.0/interleave_granularity", "1024");
	rd("decoder1.1/target_list", "0");
	rd("decoder1.1/size", "0x0");
	rd("decoder0.0/create_ram_region", "region1");
	rd("decoder0.0/size", "0x100000000");
	rd("decoder0.0/start", "0x1000000000");
	rd("port1/decoders_committed", "1");
	rd("port1/uevent", "DEVTYPE=cxl_port");
	rd("endpoint3/decoders_committed", "1");
	rd("endpoint3/uport", "../../../../../pci7f00:0c/7f00:0c:01.0/7f00:0e:00.0/mem1");
	rd("mem1/serial", "0x2");
	rd("mem1/dev", "249:1");
	rd("mem1/ram/size", "0x20000000");
	rd("mem1/uevent", "MAJOR=249");
	ok(strcmp(text_of("dev/char/249:1"), "-"), "the node's link");
	ok(strcmp(text_of("module/dax_cxl/initstate"), "-"), "the modules");
	is(dax_sysfs_proc_devices(&model, buf, sizeof(buf)), 26, "/proc/devices");
	ok(!strcmp(buf, "246 ndctl\n249 cxl\n252 dax\n"), "with cxl: %s", buf);
	model.cxl->major = 240;
	dax_sysfs_proc_devices(&model, buf, sizeof(buf));
	ok(!strcmp(buf, "240 cxl\n246 ndctl\n252 dax\n"), "in order: %s", buf);
	/* The devices are those of any dynamic region. */
	is(dax_dev_unbind(&model, dev), 0, "unbind");
	is(dax_dev_set_size(dev, 512 * M), 0, "shrink");
	is(dax_region_create(&model, dev->region, NULL), 0, "create");
	is(dax_dev_set_size(dax_model_find(&model, "dax0.1"), 256 * M), 0, "resize");
	teardown();
}

static void test_create(void)
{
	setup(2, DAX_CXL_START_NONE);
	wr("decoder0.0/create_ram_region", "foo", -EINVAL);
	wr("decoder0.0/create_ram_region", "region", -EINVAL);
	wr("decoder0.0/create_ram_region", "region+0", -EINVAL);
	wr("decoder0.0/create_ram_region", "region5", -EBUSY);
	wr("decoder0.0/create_ram_region", "region-1", -EBUSY);
	wr("decoder0.0/create_ram_region", "", 0);
	fail_calloc_after = 0;
	wr("decoder0.0/create_ram_region", "region0", -ENOMEM);
	fail_calloc_after = -1;
	wr("decoder0.0/create_ram_region", "region00", 0);
	wr("decoder0.0/create_ram_region", "region0 ", -EBUSY);
	rd("decoder0.0/create_pmem_region", "region1");
	wr("decoder0.0/create_ram_region", "region1\n", 0);
	rd("region1/size", "0x0");
	rd("region1/resource", "0xffffffffffffffff");
	rd("region1/interleave_ways", "0");
	nowhere("devices/platform/ACPI0017:00/root0/decoder0.0/region1/target0");
	wr("decoder0.0/delete_region", "region0", 0);
	rd("decoder0.0/create_ram_region", "region0");
	wr("decoder0.0/delete_region", "region01", -ENODEV);
	wr("decoder0.0/delete_region", "foo", -EINVAL);
	wr("decoder0.0/delete_region", "region1\n", 0);
	wr("decoder0.0/delete_region", "region1\n", -ENODEV);
	teardown();
}

static void test_settings(void)
{
	setup(3, DAX_CXL_START_NONE);
	wr("decoder0.0/create_ram_region", "region0", 0);
	wr("region0/commit", "1", -ENXIO);
	wr("region0/commit", "0", 0);
	wr("region0/commit", "2", -EINVAL);
	wr("region0/size", "0", 0);
	wr("region0/size", "0x10000000", -ENXIO);
	wr("region0/size", "-1", -EINVAL);
	wr("region0/interleave_granularity", "128", -EINVAL);
	wr("region0/interleave_granularity", "300", -EINVAL);
	wr("region0/interleave_granularity", "32768", -EINVAL);
	wr("region0/interleave_granularity", "abc", -EINVAL);
	wr("region0/interleave_ways", "1", 0);
	wr("region0/target0", "decoder2.0", -ENODEV);
	wr("region0/interleave_granularity", "0400\n", 0);
	wr("region0/interleave_ways", "0", -EINVAL);
	wr("region0/interleave_ways", "3", -EINVAL);
	wr("region0/interleave_ways", "17", -EINVAL);
	wr("region0/interleave_ways", "abc", -EINVAL);
	wr("region0/interleave_ways", "16", 0);
	rd("region0/target15", "");
	wr("region0/interleave_ways", "2", 0);
	wr("region0/size", "0x10000000", -EINVAL);
	wr("region0/interleave_ways", "1", 0);
	wr("region0/uuid", "x", -EACCES);
	wr("region0/size", "0x200000000", -ERANGE);
	wr("region0/size", "0x100000000", 0);
	wr("region0/size", "0x20000000", -EBUSY);
	wr("region0/size", "0", 0);
	wr("region0/size", "0x20000000", 0);
	wr("region0/size", "0x20000000", 0);
	wr("region0/interleave_ways", "1", -EBUSY);
	wr("region0/interleave_granularity", "256", -EBUSY);
	wr("region0/target0", "foo", -ENODEV);
	wr("region0/target0", "decoder0.0", -EINVAL);
	wr("region0/target0", "region0", -EINVAL);
	wr("region0/target0", "decoder2.0", -ENODEV);
	wr("decoder2.0/dpa_size", "0x10000000", -EBUSY);
	wr("decoder2.0/dpa_size", "0", 0);
	wr("decoder2.0/dpa_size", "abc", -EINVAL);
	wr("decoder2.0/mode", "pmem", -EINVAL);
	wr("decoder2.0/mode", "none", -EINVAL);
	wr("decoder2.0/mode", "ram\n", 0);
	wr("decoder2.0/dpa_size", "0x10000000", 0);
	wr("region0/target0", "decoder2.0", -EINVAL);
	wr("decoder2.0/dpa_size", "0x100", -EINVAL);
	wr("decoder2.0/dpa_size", "0x40000000", -ENOSPC);
	rd("decoder2.0/dpa_size", "0x0000000000000000");
	wr("region0/target0", "decoder2.0", -ENXIO);
	wr("decoder2.1/mode", "ram", 0);
	wr("decoder2.1/dpa_size", "0x10000000", -EBUSY);
	wr("decoder2.0/dpa_size", "0x10000000", 0);
	wr("decoder2.1/dpa_size", "0x10000000", 0);
	rd("decoder2.1/dpa_resource", "0x10000000");
	wr("decoder2.0/dpa_size", "0", -EBUSY);
	wr("decoder2.1/dpa_size", "0", 0);
	wr("decoder2.0/dpa_size", "0x20000000", 0);
	wr("region0/target0", "decoder2.0", 0);
	rd("decoder2.0/region", "region0");
	wr("region0/target0", "decoder2.0", -EBUSY);
	wr("decoder2.0/dpa_size", "0", -EBUSY);
	wr("region0/size", "0", -EBUSY);
	wr("cxl_region/bind", "region0", -ENXIO);
	wr("region0/commit", "1", 0);
	wr("region0/commit", "y", 0);
	wr("decoder2.0/mode", "ram", -EBUSY);
	wr("cxl_region/bind", "region9", -ENODEV);
	wr("cxl_region/bind", "mem0", -ENODEV);
	wr("cxl_region/bind", "region0", 0);
	wr("cxl_region/bind", "region0", -EBUSY);
	ok(!dax_model_find(&model, "dax0.0")->is_bound, "the kernel keeps it for kmem");
	wr("cxl_region/unbind", "region0", 0);
	wr("cxl_region/unbind", "region0", -ENODEV);
	wr("cxl_region/unbind", "region7", -ENODEV);
	ok(!dax_model_find(&model, "dax0.0"), "dax0.0 is gone");
	wr("bus/cxl/drivers_probe", "region0", 0);
	ok(dax_model_find(&model, "dax0.0"), "and comes back");
	wr("bus/cxl/drivers_probe", "region9", -ENODEV);
	wr("region0/commit", "0", 0);
	wr("region0/commit", "0", 0);
	rd("region0/target0", "decoder2.0");
	wr("region0/target0", "\n", 0);
	wr("region0/target0", "\n", 0);
	rd("decoder2.0/region", "");
	wr("region0/size", "0", 0);
	teardown();
}

/* Make a region of one memory device up to the step before `commit`. */
static void make(const char *region, const char *decoder, const char *size)
{
	char path[64];

	wr("decoder0.0/create_ram_region", region, 0);
	snprintf(path, sizeof(path), "%s/interleave_granularity", region);
	wr(path, "256", 0);
	snprintf(path, sizeof(path), "%s/interleave_ways", region);
	wr(path, "1", 0);
	snprintf(path, sizeof(path), "%s/size", region);
	wr(path, size, 0);
	snprintf(path, sizeof(path), "%s/mode", decoder);
	wr(path, "ram", 0);
	snprintf(path, sizeof(path), "%s/dpa_size", decoder);
	wr(path, size, 0);
	snprintf(path, sizeof(path), "%s/target0", region);
}

static void test_decoders(void)
{
	setup(2, DAX_CXL_START_DEVDAX);
	make("region0", "decoder2.0", "0x10000000");
	wr("region0/target0", "decoder2.0", 0);
	make("region1", "decoder2.1", "0x10000000");
	wr("region1/target0", "decoder2.0", -EBUSY); /* another region's */
	wr("region1/target0", "decoder2.1", -EBUSY); /* decoder1.0 is reserved */
	wr("region0/commit", "1", 0);
	wr("region1/target0", "decoder2.1", 0);
	rd("region1/resource", "0x1010000000");
	wr("region0/commit", "0", 0);
	wr("region1/commit", "1", -EBUSY);
	wr("region0/commit", "1", 0);
	wr("region1/commit", "1", 0);
	rd("port1/decoders_committed", "2");
	wr("cxl_region/bind", "region1", 0);
	is(dax_model_find(&model, "dax1.0")->region->pieces[0].start, 256 * M,
	   "behind region0's bytes");
	wr("decoder0.0/delete_region", "region0", 0);
	/* decoder1.1 is committed and decoder1.0 is not. */
	wr("decoder0.0/create_ram_region", "region0", 0);
	wr("region0/interleave_ways", "1", 0);
	wr("region0/interleave_granularity", "256", 0);
	wr("region0/size", "0x10000000", 0);
	rd("region0/resource", "0x1000000000");
	wr("region0/target0", "decoder2.0", -EBUSY);
	wr("decoder0.0/delete_region", "region1", 0);
	wr("region0/target0", "decoder2.0", 0);
	/* Two decoders of one memory device are committed in their order. */
	wr("region0/target0", "\n", 0);
	wr("region0/target0", "decoder2.1", 0);
	wr("region0/commit", "1", -EBUSY);
	teardown();

	/* The host bridge's decoders are committed in their order, too. */
	setup(2, DAX_CXL_START_DEVDAX);
	make("region0", "decoder2.0", "0x10000000");
	wr("region0/target0", "decoder2.0", 0);
	wr("region0/commit", "1", 0);
	make("region1", "decoder3.0", "0x10000000");
	wr("region1/target0", "decoder3.0", 0);
	wr("region0/commit", "0", 0);
	wr("region1/commit", "1", -EBUSY);
	teardown();

	/* A host bridge with one port passes through. */
	setup(1, DAX_CXL_START_DEVDAX);
	nowhere("bus/cxl/devices/decoder1.1");
	make("region0", "decoder2.0", "0x20000000");
	wr("region0/target0", "decoder2.0", 0);
	wr("region0/commit", "1", 0);
	rd("port1/decoders_committed", "0");
	rd("endpoint2/decoders_committed", "1");
	teardown();
}

static void test_interleave(void)
{
	struct dax_device desc;

	setup(2, DAX_CXL_START_DEVDAX);
	make("region0", "decoder3.0", "0x20000000");
	wr("decoder0.0/delete_region", "region0", 0);
	make("region0", "decoder2.0", "0x20000000");
	wr("region0/size", "0", 0);
	wr("region0/interleave_ways", "2", 0);
	wr("region0/size", "0x40000000", 0);
	wr("region0/target0", "decoder3.0", 0);
	rd("decoder3.0/size", "0x40000000");
	wr("region0/interleave_ways", "1", -EBUSY);
	wr("region0/target0", "decoder2.0", -EBUSY);
	wr("region0/target1", "decoder3.0", -EBUSY);
	wr("region0/commit", "1", -ENXIO);
	wr("region0/target1", "decoder2.0", 0);
	rd("decoder1.0/target_list", "1,0");
	wr("region0/commit", "1", 0);
	wr("cxl_region/bind", "region0", 0);
	dax_dev_describe(&model, dax_model_find(&model, "dax0.0"), &desc);
	is(desc.nr_ranges, 2, "two pieces of the store");
	is(desc.ranges[0].start, MEMORY, "mem1's first");
	is(desc.ranges[1].start, 0, "then mem0's");
	is(desc.size, DAX_GIB, "together 1G");
	wr("cxl_mem/unbind", "mem0", 0);
	rd("region0/target1", "");
	rd("region0/commit", "0");
	nowhere("bus/cxl/devices/endpoint2");
	ok(!dax_model_find(&model, "dax0.0"), "no device without its memory");
	rd("mem0/size", "-");
	wr("cxl_mem/bind", "mem0", 0);
	wr("cxl_region/bind", "region0", -ENXIO);
	rd("endpoint2/modalias", "cxl:t3");
	teardown();
}

static void test_pmem(void)
{
	setup(1, DAX_CXL_START_NONE);
	wr("decoder0.0/create_pmem_region", "foo", -EINVAL);
	wr("decoder0.0/create_pmem_region", "region0", 0);
	wr("decoder0.0/create_pmem_region", "region1", 0);
	rd("region0/mode", "pmem");
	rd("region0/uuid", "00000000-0000-0000-0000-000000000000");
	wr("region0/interleave_ways", "1", 0);
	wr("region0/interleave_granularity", "256", 0);
	wr("region0/size", "0x10000000", -ENXIO);
	wr("region0/uuid", "foo", -EINVAL);
	wr("region0/uuid", "11111111-2222-3333-4444-5555555555ab", -EINVAL);
	is(dax_sysfs_store(&model,
			   "devices/platform/ACPI0017:00/root0/decoder0.0/region0/uuid",
			   "x\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 37),
	   -EINVAL, "a zero byte inside");
	wr("region0/uuid", "00000000-0000-0000-0000-000000000000\n", -EINVAL);
	wr("region0/uuid", "11111111x2222-3333-4444-555555555555\n", -EINVAL);
	wr("region0/uuid", "1111111g-2222-3333-4444-555555555555\n", -EINVAL);
	wr("region0/uuid", "11111111-2222-3333-4444-5555555555AB\n", 0);
	wr("region0/uuid", "11111111-2222-3333-4444-5555555555ab\n", 0);
	rd("region0/uuid", "11111111-2222-3333-4444-5555555555ab");
	wr("region1/uuid", "11111111-2222-3333-4444-5555555555ab\n", -EBUSY);
	wr("region0/size", "0x10000000", 0);
	wr("decoder2.0/mode", "ram", 0);
	wr("decoder2.0/dpa_size", "0x10000000", 0);
	wr("region0/target0", "decoder2.0", -EINVAL);
	teardown();

	/* The uuid of a region with all its targets stays; so it is made by hand. */
	setup(1, DAX_CXL_START_NONE);
	make("region0", "decoder2.0", "0x10000000");
	wr("region0/target0", "decoder2.0", 0);
	is(dax_cxl_region_set_uuid(&model, dax_cxl_region_find(&model, 0),
				   (const uint8_t[DAX_UUID_LEN]){1}),
	   -EBUSY, "all targets are present");
	teardown();
}

static void test_drivers(void)
{
	setup(2, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 0, 2, 256), 0, "a region");
	wr("cxl_mem/bind", "mem0", -EBUSY);
	wr("cxl_mem/bind", "port1", -ENODEV);
	wr("cxl_mem/unbind", "mem7", -ENODEV);
	wr("cxl_port/bind", "endpoint2", -EBUSY);
	wr("cxl_port/unbind", "endpoint2", 0);
	rd("port1/decoders_committed", "0");
	wr("cxl_mem/unbind", "mem0", -ENODEV);
	wr("cxl_port/bind", "port1", -EBUSY);
	wr("cxl_port/unbind", "port1", 0);
	wr("cxl_port/unbind", "port1", -ENODEV);
	nowhere("bus/cxl/devices/decoder1.0");
	nowhere("bus/cxl/devices/endpoint3");
	rd("region0/target1", "");
	wr("cxl_mem/bind", "mem0", -ENXIO);
	wr("cxl_port/bind", "port1", 0);
	wr("cxl_mem/bind", "mem1", 0);
	wr("cxl_mem/bind", "mem0", 0);
	rd("endpoint2/uport", "../../../../../pci7f00:0c/7f00:0c:01.0/7f00:0e:00.0/mem1");
	wr("bus/cxl/flush", "1\n", 0);
	wr("bus/cxl/flush", "0", -EINVAL);
	wr("bus/cxl/drivers_probe", "root0", 0);
	wr("mem0/trigger_poison_list", "1", 0);
	wr("mem0/trigger_poison_list", "0", -EINVAL);
	wr("mem0/trigger_poison_list", "x", -EINVAL);
	wr("bus/cxl/drivers_probe", "decoder1.0", 0);
	wr("bus/cxl/drivers_probe", "port1", 0);
	wr("bus/cxl/drivers_probe", "decoder2.3", 0);
	wr("bus/cxl/drivers_probe", "endpoint2", 0);
	is(dax_cxl_make_region(&model, 0, 1, 256), 0, "a region again");
	wr("bus/cxl/drivers_probe", "dax_region0", 0);
	teardown();
}

static void test_kept_for_kmem(void)
{
	setup(1, DAX_CXL_START_KERNEL);
	is(dax_cxl_make_region(&model, 0, 1, 256), 0, "a region");
	ok(!dax_model_find(&model, "dax0.0")->is_bound, "dax0.0 has no driver");
	wr("bus/dax/drivers/device_dax/bind", "dax0.0", -ENODEV);
	wr("bus/dax/drivers/device_dax/new_id", "dax0.0", 0);
	ok(dax_model_find(&model, "dax0.0")->is_bound, "the driver knows its name");
	wr("cxl_region/unbind", "region0", 0);
	wr("cxl_region/bind", "region0", 0);
	ok(dax_model_find(&model, "dax0.0")->is_bound, "and still knows it");
	wr("bus/dax/drivers/device_dax/remove_id", "dax0.0", 0);
	wr("cxl_region/unbind", "region0", 0);
	wr("cxl_region/bind", "region0", 0);
	ok(!dax_model_find(&model, "dax0.0")->is_bound, "not any more");
	teardown();
}

#define POISON "kernel/debug/cxl/"

/* True if the last write has left this order, which is taken. */
static bool has_left(enum dax_cxl_poison_kind kind, const struct dax_dev *dev,
		     uint64_t off)
{
	const struct dax_cxl_poison order = dax_cxl_poison_take(&model);

	return order.kind == kind && order.life == dev->life && order.off == off;
}

static bool has_left_nothing(void)
{
	return dax_cxl_poison_take(&model).kind == DAX_CXL_POISON_NONE;
}

static void test_poison(void)
{
	static const char *const wrong[] = {"\n",         "x",
					    "32",         "0x41",
					    "0x20000000", "-64",
					    "0x40 ",      "18446744073709551552"};
	const struct dax_dev *dev;
	size_t i;

	dax_model_init(&model, 252, 246);
	ok(has_left_nothing(), "no CXL, no order");
	dax_model_done(&model);

	setup(2, DAX_CXL_START_DEVDAX);
	wr(POISON "mem0/inject_poison", "0x40", -ENXIO);
	wr(POISON "mem0/clear_poison", "0x40", 0);
	ok(has_left_nothing(), "no device has it");
	is(dax_cxl_make_region(&model, 0, 2, 256), 0, "a region");
	dev = dax_model_find_region(&model, 0)->devices;
	wr(POISON "mem0/inject_poison", "64\n", 0);
	ok(has_left(DAX_CXL_POISON_INJECT, dev, 64), "the first target");
	ok(has_left_nothing(), "once");
	wr(POISON "mem1/inject_poison", "0x1fffffc0", 0);
	ok(has_left(DAX_CXL_POISON_INJECT, dev, 2 * MEMORY - 64), "the second one");
	wr(POISON "mem1/clear_poison", "0", 0);
	ok(has_left(DAX_CXL_POISON_CLEAR, dev, 256), "clear");
	wr(POISON "region0/inject_poison", "0x3fffffc0", 0);
	ok(has_left(DAX_CXL_POISON_INJECT, dev, 2 * MEMORY - 64),
	   "by the region's offset");
	wr(POISON "region0/clear_poison", "64", 0);
	ok(has_left(DAX_CXL_POISON_CLEAR, dev, 64), "cleared by the region's offset");
	wr(POISON "region0/inject_poison", "0x40000000", -EINVAL);
	wr(POISON "region0/clear_poison", "0x40000000", -EINVAL);
	ok(!strcmp(text_of(POISON "mem1/dpamem"), "00000000-1fffffff : ram"), "dpamem");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		wr(POISON "mem1/inject_poison", wrong[i], -EINVAL);
		wr(POISON "mem1/clear_poison", wrong[i], -EINVAL);
		if (strcmp(wrong[i], "0x20000000"))
			wr(POISON "region0/inject_poison", wrong[i], -EINVAL);
	}
	ok(has_left_nothing(), "nothing is ordered by mistake");
	wr("mem1/trigger_poison_list", "1", 0);
	wr("mem1/trigger_poison_list", "0", -EINVAL);
	wr("cxl_mem/unbind", "mem1", 0);
	wr("mem1/trigger_poison_list", "1", -EINVAL);
	nowhere(POISON "mem1");
	nowhere(POISON "region0");
	wr(POISON "mem0/inject_poison", "64", -ENXIO);
	teardown();
}

static void test_poison_of_a_part(void)
{
	static const struct dax_region like = {.id = 1,
					       .type = DAX_REGION_DYNAMIC,
					       .start = 4 * DAX_GIB,
					       .size = MEMORY,
					       .align = 2 * M,
					       .has_pages = true};
	const struct dax_dev *dev;

	setup(2, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 3, 1, 256), 0, "a region of the first");
	is(dax_model_add_region(&model, &like, NULL), 0, "one that is not of CXL");
	wr(POISON "mem1/inject_poison", "0", -ENXIO);
	dev = dax_model_find_region(&model, 3)->devices;
	wr(POISON "mem0/inject_poison", "0", 0);
	ok(has_left(DAX_CXL_POISON_INJECT, dev, 0), "it has the other");
	teardown();
}

/* The answers of Linux 6.12 that are others. */
static void test_older_kernel(void)
{
	setup(1, DAX_CXL_START_DEVDAX);
	model.kernel = DAX_KERNEL_6_12;
	wr("decoder0.0/delete_region", "foo", -ENODEV);
	wr("decoder2.0/dpa_size", "0x10000000", -EINVAL);
	wr("decoder2.0/mode", "pmem", -ENXIO);
	wr("decoder0.0/create_ram_region", "region0", 0);
	nowhere("devices/platform/ACPI0017:00/root0/decoder0.0/region0/locked");
	wr("region0/interleave_granularity", "256", 0);
	wr("region0/interleave_ways", "1", 0);
	wr("region0/size", "0x10000000", 0);
	wr("region0/target0", "decoder2.0", -EINVAL);
	/* The decoders of a port come with its driver. */
	wr("cxl_port/unbind", "port1", 0);
	wr("cxl_port/bind", "port1", 0);
	rd("decoder1.0/interleave_ways", "1");
	wr("decoder0.0/delete_region", "region0", 0);
	wr("cxl_mem/bind", "mem0", 0);
	is(dax_cxl_make_region(&model, 0, 1, 256), 0, "a region");
	nowhere(POISON "region0");
	teardown();
}

int main(void)
{
	test_older_kernel();
	test_set_up();
	test_devdax();
	test_create();
	test_settings();
	test_decoders();
	test_interleave();
	test_pmem();
	test_drivers();
	test_kept_for_kmem();
	test_poison();
	test_poison_of_a_part();
	return tap_done();
}
