/* SPDX-License-Identifier: BSD-2-Clause */
/* CXL with several windows and host bridges: order of addresses, interleave, ids. */
#include <errno.h>
#include <stdlib.h>

#include "libcore/cxl.h"
#include "libcore/cxl_poison.h"
#include "libcore/model_check.h"

#include "tests/unit/cxl_tree.h"

static const struct dax_cxl plain = {
	.major = 249,
	.start = START,
	.nr_windows = 3,
	.windows =
		{{.size = 2 * DAX_GIB, .ways = 2, .granularity = 4096, .bridges = {0, 1}},
		 {.size = 4 * DAX_GIB, .ways = 1, .granularity = 256, .bridges = {1}},
		 {.size = 4 * DAX_GIB, .ways = 1, .granularity = 256}},
	.nr_bridges = 2,
	.nr_memdevs = 7, /* four below the first host bridge, three below the second */
	.memdev_size = MEMORY,
	.align = 2 * M,
	.has_pages = true,
	.numa_node = -1,
	.target_node = 1,
};

static void setup(const struct dax_cxl *like)
{
	dax_model_init(&model, 252, 246);
	model.kernel = DAX_KERNEL_7_3;
	if (dax_cxl_add(&model, like) < 0)
		abort();
}

static void teardown(void)
{
	ok(!dax_model_check(&model), "the model holds together");
	dax_cxl_remove(&model);
	dax_model_done(&model);
}

static void refuse(const struct dax_cxl *like, const char *why)
{
	is(dax_cxl_add(&model, like), -EINVAL, "%s", why);
}

static void test_wrong_numbers(void)
{
	struct dax_cxl like = plain;

	dax_model_init(&model, 252, 246);
	like.nr_windows = 0;
	refuse(&like, "no window");
	like.nr_windows = DAX_CXL_WINDOWS + 1;
	refuse(&like, "too many windows");
	like = plain;
	like.nr_bridges = 0;
	refuse(&like, "no host bridge");
	like.nr_bridges = DAX_CXL_BRIDGES + 1;
	refuse(&like, "too many host bridges");
	like = plain;
	like.nr_memdevs = 1;
	refuse(&like, "a host bridge without a memory device");
	like = plain;
	like.windows[0].size = 0;
	refuse(&like, "an empty window");
	like.windows[0].size = M;
	refuse(&like, "a window not of 256M");
	like = plain;
	like.windows[0].ways = 0;
	refuse(&like, "a window of no host bridge");
	like.windows[0].ways = 8;
	refuse(&like, "a window of too many");
	like.windows[0].ways = 3;
	refuse(&like, "a window of three");
	like = plain;
	like.windows[2].bridges[0] = 2;
	refuse(&like, "a host bridge that does not exist");
	like = plain;
	like.windows[0].bridges[1] = 0;
	refuse(&like, "one twice");
	dax_model_done(&model);
}

/* Give a decoder memory, of a size as text. */
static void feed(const char *decoder, const char *size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/mode", decoder);
	wr(path, "ram", 0);
	snprintf(path, sizeof(path), "%s/dpa_size", decoder);
	wr(path, size, 0);
}

/* Make a region with addresses. */
static void make(const char *window, const char *region, const char *granularity,
		 const char *ways, const char *size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/create_ram_region", window);
	wr(path, region, 0);
	snprintf(path, sizeof(path), "%s/interleave_granularity", region);
	wr(path, granularity, 0);
	snprintf(path, sizeof(path), "%s/interleave_ways", region);
	wr(path, ways, 0);
	snprintf(path, sizeof(path), "%s/size", region);
	wr(path, size, 0);
}

static void test_two_bridges(void)
{
	struct dax_cxl_poison order;

	setup(&plain);
	rd("decoder0.0/target_list", "12,222");
	rd("decoder0.1/target_list", "222");
	wr("bus/cxl/drivers_autoprobe", "0", -EINVAL);
	wr("bus/cxl/drivers_autoprobe", "1", 0);
	wr("mem0/firmware/mem0/loading", "1", -EBUSY);
	wr("mem0/firmware/mem0/data", "x", -ENODEV);
	rd("decoder0.0/create_ram_region", "region0");
	rd("decoder0.1/create_ram_region", "region1");
	rd("decoder0.2/create_ram_region", "region2");
	wr("decoder0.0/create_ram_region", "region1", -EBUSY);
	wr("decoder0.0/create_ram_region", "region-1", -EBUSY);
	wr("decoder0.0/create_ram_region", "region+1", -EINVAL);
	wr("decoder0.0/create_ram_region", "region 4294967296", 0);
	rd("decoder0.0/create_ram_region", "region3");
	wr("decoder0.1/delete_region", "region0", -ENODEV);
	wr("decoder0.1/delete_region", "region0000000000000000000000000000", -ENODEV);
	wr("region0/interleave_ways", "1", -EINVAL);
	wr("region0/interleave_ways", "4294967296", -ERANGE);
	wr("region0/interleave_granularity", "2147483648", -ERANGE);
	wr("region0/interleave_granularity", "256", -EINVAL);
	wr("region0/interleave_granularity", "4096", 0);
	wr("region0/interleave_ways", "2", 0);
	wr("region0/size", "0x20000000", 0);
	feed("decoder3.0", "0x10000000"); /* mem0 */
	feed("decoder4.0", "0x10000000"); /* mem1 */
	wr("region0/target1", "decoder3.0", -ENXIO);
	wr("region0/target0", "decoder3.0", 0);
	rd("decoder3.0/size", "0x20000000");
	rd("decoder1.0/size", "0x0");
	wr("region0/target1", "decoder4.0", 0);
	rd("decoder1.0/size", "0x20000000");
	rd("decoder1.0/interleave_granularity", "8192");
	wr("region0/commit", "1", 0);
	rd("port2/decoders_committed", "1");
	wr("cxl_region/bind", "region0", 0);
	wr("kernel/debug/cxl/mem1/inject_poison", "0x1040", 0);
	order = dax_cxl_poison_take(&model);
	is(order.off, 0x3040, "offset in the interleave");
	/* Of the part that a device gave back. */
	wr("bus/dax/drivers/device_dax/unbind", "dax0.0", 0);
	wr("bus/dax/devices/dax0.0/size", "0x10000000", 0);
	wr("kernel/debug/cxl/mem1/inject_poison", "0xf000040", -ENXIO);
	/* The host bridge of the target that goes first keeps its addresses. */
	wr("region0/target0", "\n", 0);
	rd("decoder1.0/size", "0x20000000");
	rd("decoder1.0/region", "");
	rd("decoder2.0/size", "0x0");
	rd("decoder2.0/region", "region0");
	rd("decoder2.0/interleave_granularity", "8192");
	wr("cxl_port/unbind", "port1", 0);
	wr("cxl_port/bind", "port1", 0);
	nowhere("bus/cxl/devices/decoder1.0");
	/* The first memory device behind it brings the decoders back; registers keep. */
	wr("cxl_mem/bind", "mem2", 0);
	rd("decoder1.0/size", "0x0");
	rd("decoder1.0/interleave_granularity", "8192");
	rd("decoder1.0/target_list", "");
	wr("cxl_mem/bind", "mem0", 0);
	rd("decoder1.0/target_list", "0");
	rd("decoder5.0/interleave_ways", "2");
	rd("decoder1.0/interleave_granularity", "8192");
	/* Its other window has a node of its own. */
	wr("decoder0.0/delete_region", "region0", 0);
	make("decoder0.1", "region1", "256", "1", "0x10000000");
	wr("region1/target0", "decoder4.0", 0);
	wr("region1/commit", "1", 0);
	wr("cxl_region/bind", "region1", 0);
	is(dax_model_find_region(&model, 1)->target_node, 2, "of the second window");
	ok(!strcmp(text_of("devices/platform/ACPI0017:00/root0/decoder0.1/region1/"
			   "dax_region1/dax1.0/target_node"),
		   "2"),
	   "below the second window");
	teardown();
}

static void test_order_of_addresses(void)
{
	setup(&plain);
	make("decoder0.1", "region1", "256", "1", "0x10000000");
	feed("decoder4.0", "0x10000000"); /* mem1 */
	feed("decoder4.1", "0x10000000");
	wr("region1/target0", "decoder4.1", 0);
	/* A region below it comes too late at the endpoint and at the host bridge. */
	make("decoder0.0", "region0", "4096", "2", "0x20000000");
	wr("region0/target1", "decoder4.0", -EBUSY);
	feed("decoder6.0", "0x10000000"); /* mem3 */
	wr("region0/target1", "decoder6.0", -EBUSY);
	/* One without addresses is not in the way, but the decoder is. */
	wr("region1/target0", "\n", 0);
	make("decoder0.2", "region2", "256", "2", "0x20000000");
	feed("decoder3.0", "0x10000000");
	wr("region2/target1", "decoder3.0", 0);
	wr("region2/size", "0", 0);
	wr("region2/target0", "decoder3.0", -ENXIO);
	wr("region0/target0", "decoder3.0", -EBUSY);
	feed("decoder5.0", "0x10000000");
	wr("region0/target0", "decoder5.0", -EBUSY);
	/* Fewer ways than targets. */
	wr("region2/interleave_ways", "1", 0);
	wr("region2/size", "0x10000000", 0);
	wr("region2/target0", "decoder5.0", -EINVAL);
	wr("decoder0.2/delete_region", "region2", 0);
	/* A host bridge has no more than four decoders, for regions of four devices. */
	wr("decoder0.0/delete_region", "region0", 0);
	wr("decoder0.1/delete_region", "region1", 0);
	make("decoder0.2", "region2", "256", "1", "0x10000000");
	wr("region2/target0", "decoder3.0", 0);
	wr("region2/commit", "1", 0);
	make("decoder0.2", "region3", "256", "1", "0x10000000");
	wr("region3/target0", "decoder5.0", 0);
	wr("region3/commit", "1", 0);
	make("decoder0.2", "region4", "256", "1", "0x10000000");
	feed("decoder7.0", "0x10000000");
	wr("region4/target0", "decoder7.0", 0);
	wr("region4/commit", "1", 0);
	make("decoder0.2", "region5", "256", "1", "0x10000000");
	feed("decoder9.0", "0x10000000");
	wr("region5/target0", "decoder9.0", 0);
	wr("region5/commit", "1", 0);
	make("decoder0.2", "region6", "256", "1", "0x10000000");
	feed("decoder9.1", "0x10000000");
	wr("region6/target0", "decoder9.1", -EBUSY);
	/* A lower decoder was given back out of order. */
	wr("decoder0.2/delete_region", "region6", 0);
	wr("decoder0.2/delete_region", "region5", 0);
	wr("decoder0.2/delete_region", "region2", 0);
	wr("decoder9.1/dpa_size", "0", 0);
	wr("decoder9.0/dpa_size", "0x20000000", 0);
	make("decoder0.2", "region2", "256", "1", "0x20000000");
	wr("region2/target0", "decoder9.0", -EBUSY);
	teardown();
}

static void test_limits_of_interleave(void)
{
	struct dax_cxl like = plain;

	like.nr_memdevs = 16;
	like.nr_bridges = 1;
	like.windows[0].ways = 1;
	like.windows[1].bridges[0] = 0;
	setup(&like);
	/* Address bits 8 to 14 select the target. */
	make("decoder0.0", "region0", "16384", "4", "0x40000000");
	feed("decoder2.0", "0x10000000");
	wr("region0/target0", "decoder2.0", -ENXIO);
	wr("decoder0.0/delete_region", "region0", 0);
	/* The ninth target of a decoder of a host bridge. */
	make("decoder0.1", "region1", "256", "16", "0x100000000");
	wr("region1/target15", "decoder2.0", 0);
	feed("decoder3.0", "0x10000000");
	wr("region1/target14", "decoder3.0", 0);
	feed("decoder4.0", "0x10000000");
	wr("region1/target13", "decoder4.0", 0);
	feed("decoder5.0", "0x10000000");
	wr("region1/target12", "decoder5.0", 0);
	feed("decoder6.0", "0x10000000");
	wr("region1/target11", "decoder6.0", 0);
	feed("decoder7.0", "0x10000000");
	wr("region1/target10", "decoder7.0", 0);
	feed("decoder8.0", "0x10000000");
	wr("region1/target9", "decoder8.0", 0);
	feed("decoder9.0", "0x10000000");
	wr("region1/target8", "decoder9.0", 0);
	feed("decoder10.0", "0x10000000");
	wr("region1/target7", "decoder10.0", -ENXIO);
	/* A region that would be complete but for a target behind its last way. */
	wr("region1/size", "0", 0);
	wr("region1/interleave_ways", "16", 0);
	teardown();

	like = plain;
	like.windows[0].granularity = 16384;
	setup(&like);
	/* The host bridges would need 32K. */
	make("decoder0.0", "region0", "16384", "2", "0x20000000");
	feed("decoder3.0", "0x10000000");
	feed("decoder4.0", "0x10000000");
	wr("region0/target0", "decoder3.0", 0);
	wr("region0/target1", "decoder4.0", -EINVAL);
	rd("region0/target1", "decoder4.0");
	rd("decoder4.0/size", "0x0");
	wr("region0/commit", "1", -ENXIO);
	teardown();

	like = plain;
	like.windows[0].granularity = 8192;
	setup(&like);
	/* Two targets of 16K below each of them; the last one is refused. */
	make("decoder0.0", "region0", "8192", "4", "0x40000000");
	feed("decoder3.0", "0x10000000");
	feed("decoder4.0", "0x10000000");
	feed("decoder5.0", "0x10000000");
	feed("decoder6.0", "0x10000000");
	wr("region0/target0", "decoder3.0", 0);
	wr("region0/target1", "decoder4.0", 0);
	wr("region0/target2", "decoder5.0", 0);
	wr("region0/target3", "decoder6.0", 0);
	rd("decoder1.0/target_list", "0,1");
	wr("region0/commit", "1", 0);
	teardown();

	like = plain;
	like.windows[0].size = 4 * DAX_GIB;
	setup(&like);
	is(dax_cxl_make_region(&model, 0, 8, 4096), -ENXIO, "too few memory devices");
	wr("decoder0.0/delete_region", "region0", 0);
	make("decoder0.2", "region2", "256", "4", "0x40000000");
	wr("region2/size", "0", 0);
	wr("region2/interleave_ways", "8", 0);
	wr("region2/size", "0x80000000", 0);
	feed("decoder7.0", "0x10000000"); /* mem4 */
	wr("region2/target7", "decoder7.0", 0);
	wr("region2/size", "0", 0);
	wr("region2/interleave_ways", "2", 0);
	wr("region2/size", "0x20000000", 0);
	feed("decoder5.0", "0x10000000"); /* mem2 */
	wr("region2/target0", "decoder5.0", -EINVAL);
	teardown();
}

static void test_target_replaced(void)
{
	setup(&plain);
	/* mem0 and mem2 are below the second window's host bridge. */
	make("decoder0.2", "region2", "256", "2", "0x20000000");
	feed("decoder3.0", "0x10000000");
	feed("decoder5.0", "0x10000000");
	feed("decoder7.0", "0x10000000");
	wr("region2/target0", "decoder3.0", 0);
	wr("region2/target1", "decoder5.0", 0);
	wr("region2/commit", "1", 0);
	/* The host bridge counts three targets, as the first one was never alone there. */
	wr("region2/target1", "\n", 0);
	wr("region2/target1", "decoder5.0", -EINVAL);
	rd("region2/target1", "decoder5.0");
	rd("decoder5.0/region", "region2");
	rd("decoder5.0/size", "0x0");
	wr("region2/commit", "1", -ENXIO);
	wr("region2/target0", "decoder7.0", -EINVAL);
	/* With four, the kernel would crash at the commit. */
	wr("region2/target1", "\n", 0);
	wr("region2/target1", "decoder5.0", -EINVAL);
	rd("region2/target1", "");
	/* Without any target the count begins anew. */
	wr("region2/target0", "\n", 0);
	wr("region2/target1", "decoder5.0", 0);
	wr("region2/target0", "decoder3.0", 0);
	wr("region2/commit", "1", 0);
	teardown();
}

int main(void)
{
	test_wrong_numbers();
	test_two_bridges();
	test_order_of_addresses();
	test_limits_of_interleave();
	test_target_replaced();
	return tap_done();
}
