/* SPDX-License-Identifier: BSD-2-Clause */
/* CXL regions of persistent memory: the nd bus, and the namespace that labels describe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/cxl_region.h"
#include "libcore/infoblock.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/size.h"
#include "libcore/sysfs.h"

#include "tests/unit/cxl_tree.h"
#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define BUS "devices/platform/ACPI0017:00/root0/nvdimm-bridge0/ndbus0/"

static void setup(uint64_t align, enum dax_cxl_start how)
{
	struct dax_cxl like = {
		.major = 249,
		.start = START,
		.nr_windows = 1,
		.windows = {{.size = 4 * DAX_GIB, .ways = 1, .granularity = 256}},
		.nr_bridges = 1,
		.nr_memdevs = 2,
		.memdev_size = MEMORY,
		.partition = DAX_CXL_PMEM,
		.how = how,
		.align = align,
		.has_pages = true,
		.target_node = 1,
		.region_uuid = {1},
		.labels = {.uuid = {2}, .dax_uuid = {3}},
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

static void shows(const char *path, const char *want)
{
	const char *got = text_of(path);

	ok(!strcmp(got, want), "%s = '%s' (want '%s')", path, got, want);
}

static void test_namespace(void)
{
	setup(2 * M, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 0, 2, 256), 0, "a region");
	rd("region0/uuid", "01000000-0000-0000-0000-000000000000");
	shows(BUS "provider", "CXL");
	shows(BUS "commands", "");
	shows(BUS "region0/mapping1", "nmem1,0,536870912,1");
	shows(BUS "region0/mappings", "2");
	/* Start and serial number of each, in words: 0 0 1 0 0 0 2 0. */
	shows(BUS "region0/set_cookie", "0xa00000003");
	shows(BUS "region0/available_size", "0");
	shows(BUS "region0/namespace_seed", "namespace0.1");
	shows(BUS "region0/namespace0.0/uuid", "02000000-0000-0000-0000-000000000000");
	shows(BUS "region0/namespace0.0/modalias", "nd:t5");
	shows(BUS "region0/namespace0.1/mode", "raw");
	shows(BUS "region0/dax0.0/uuid", "03000000-0000-0000-0000-000000000000");
	shows(BUS "region0/dax0.0/dax0.0/size", "1071644672");
	shows(BUS "nmem1/available_slots", "4088");
	shows("module/libnvdimm/refcnt", "4");
	shows("module/nd_e820/initstate", "-");
	wr(BUS "region0/namespace0.0/size", "0", -EBUSY);
	wr(BUS "nmem0/security", "freeze", -EOPNOTSUPP);
	wr("bus/cxl/drivers_probe", "nvdimm-bridge0", 0);
	wr("bus/cxl/drivers_probe", "pmem1", 0);
	wr("bus/cxl/drivers_probe", "pmem_region0", 0);
	wr("bus/nd/drivers/dax_pmem/unbind", "dax0.0", 0);
	shows(BUS "nmem1/available_slots", "4088");
	nowhere(BUS "region0/dax0.0/dax0.0/size");
	wr("bus/nd/drivers/nd_region/unbind", "region0", 0);
	shows(BUS "region0/namespace_seed", "");
	wr("bus/nd/drivers/nd_region/bind", "region0", 0);
	shows(BUS "region0/dax0.0/dax0.0/size", "1071644672");
	wr("cxl_mem/unbind", "mem1", 0);
	nowhere(BUS "region0/size");
	nowhere(BUS "nmem1/state");
	shows(BUS "nmem0/state", "idle");
	shows(BUS "nmem0/available_slots", "4089");
	teardown();
}

/* The namespace belongs to the memory, in its order. */
static void test_labels(void)
{
	const uint8_t uuid[DAX_UUID_LEN] = {7};
	struct dax_cxl_region *region;

	setup(2 * M, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 0, 1, 256), 0, "a region");
	wr("decoder0.0/delete_region", "region0", 0);
	wr("decoder0.0/create_pmem_region", "region0", 0);
	region = dax_cxl_region_find(&model, 0);
	is(dax_cxl_region_set_uuid(&model, region, uuid), 0, "another uuid");
	wr("region0/interleave_granularity", "256", 0);
	wr("region0/interleave_ways", "1", 0);
	wr("region0/size", "0x20000000", 0);
	wr("decoder3.0/mode", "pmem", 0);
	wr("decoder3.0/dpa_size", "0x20000000", 0);
	wr("region0/target0", "decoder3.0", 0);
	wr("region0/commit", "1", 0);
	wr("cxl_region/bind", "region0", 0);
	shows(BUS "region0/namespace_seed", "namespace0.0");
	shows(BUS "region0/available_size", "536870912");
	shows(BUS "region0/init_namespaces", "1/1");
	nowhere(BUS "region0/dax0.0/dax0.0/size");
	wr("region0/target0", "\n", 0);
	wr("region0/target0", "decoder2.0", 0);
	wr("region0/commit", "1", 0);
	fail_calloc_after = 1;
	wr("cxl_region/bind", "region0", -ENOMEM);
	fail_calloc_after = -1;
	nowhere(BUS "region0/size");
	wr("cxl_region/bind", "region0", 0);
	shows(BUS "region0/dax0.0/dax0.0/size", "534773760");
	teardown();
}

/* A device whose align does not suit the address of its namespace does not appear. */
static void test_no_device(void)
{
	setup(DAX_GIB, DAX_CXL_START_DEVDAX);
	is(dax_cxl_make_region(&model, 0, 2, 256), 0, "a region that is too small");
	shows(BUS "region0/size", "1073741824");
	ok(!dax_model_find_region(&model, 0)->devices, "no device");
	teardown();

	setup(2 * M, DAX_CXL_START_KERNEL);
	is(dax_cxl_make_region(&model, 0, 2, 256), 0, "a region without a namespace");
	ok(!dax_model_find_region(&model, 0)->devices, "no device");
	teardown();
}

static void test_fill(void)
{
	struct dax_infoblock block;

	is(dax_infoblock_fill(512 * M, 2 * M, DAX_MAP_MEM, &block), 510 * M, "in RAM");
	is(block.dataoff, 2 * M, "reserve");
	is(dax_infoblock_fill(512 * M, 2 * M, DAX_MAP_DEV, &block), 502 * M,
	   "page structs on the media");
	is(dax_infoblock_fill(512 * M, DAX_GIB, DAX_MAP_MEM, &block), 0, "too small");
	is(dax_infoblock_fill(DAX_GIB + 2 * M, DAX_GIB, DAX_MAP_MEM, &block), 0,
	   "only the reserve");
}

int main(void)
{
	test_namespace();
	test_labels();
	test_no_device();
	test_fill();
	return tap_done();
}
