/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of regions, namespaces and devices. */
#include <string.h>

#include "libcore/address.h"
#include "libcore/infoblock.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

static void test_units(void)
{
	is(dax_address_unit(DAX_REGION_STATIC, false, DAX_PAGE), DAX_PAGE, "its align");
	is(dax_address_unit(DAX_REGION_STATIC, true, DAX_PAGE), 2 * DAX_MIB,
	   "an image comes in memory blocks");
	is(dax_address_unit(DAX_REGION_DYNAMIC, false, DAX_PAGE), 2 * DAX_MIB,
	   "a dynamic region too");
	is(dax_address_unit(DAX_REGION_DYNAMIC, false, DAX_GIB), DAX_GIB, "or its align");
}

static void test_places(void)
{
	struct dax_model model;
	struct dax_region like = {.type = DAX_REGION_DYNAMIC,
				  .start = 64 * DAX_GIB,
				  .size = 2 * DAX_MIB,
				  .align = 2 * DAX_MIB};

	dax_model_init(&model, 252, 246);
	is(dax_address_next_region(&model), 64 * DAX_GIB, "the first region");
	is(dax_model_add_region(&model, &like, NULL), 0, "a small one is there");
	is(dax_address_next_region(&model), 65 * DAX_GIB, "the next begins on 1 GiB");
	dax_model_done(&model);
	is(dax_address_next_namespace(64 * DAX_GIB + 1, 2 * DAX_MIB),
	   64 * DAX_GIB + 16 * DAX_MIB, "a namespace begins on 16 MiB");
	is(dax_address_next_namespace(64 * DAX_GIB + 1, DAX_GIB), 65 * DAX_GIB,
	   "or on the align");
}

static void test_device(void)
{
	const uint64_t start = 64 * DAX_GIB;
	struct dax_infoblock block;
	struct dax_dev dev;
	uint64_t ns_size;

	is(dax_address_block(3 * DAX_PAGE, DAX_PAGE, DAX_MAP_MEM, &block, &ns_size), 0,
	   "a small device has an info block");
	memset(block.uuid, 7, sizeof(block.uuid));
	dax_address_device(&block, start, ns_size, 3 * DAX_PAGE, DAX_PAGE, &dev);
	is(dev.ranges[0].start, start + block.start_pad + block.dataoff,
	   "it lies behind the info block");
	is(dev.ranges[0].len, 3 * DAX_PAGE, "with its size to the byte");
	ok(dev.ns_start == start && dev.ns_size == ns_size &&
		   ns_size >= block.dataoff + 2 * DAX_MIB,
	   "in a namespace of whole memory blocks");
	ok(!memcmp(dev.uuid, block.uuid, sizeof(dev.uuid)), "with the block's uuid");
}

int main(void)
{
	test_units();
	test_places();
	test_device();
	return tap_done();
}
