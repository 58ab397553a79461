/* SPDX-License-Identifier: BSD-2-Clause */
/* The modes of a device: system-ram with its memory blocks, famfs, and back to devdax. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/sysfs.h"
#include "libcore/sysfs_node.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define M      DAX_MIB
#define START  (64 * DAX_GIB)
#define R      "devices/platform/hmem_platform.0/hmem.0"
#define BLOCK  "devices/system/memory/memory512"
#define KMEM   "bus/dax/drivers/kmem"
#define FSDEV  "bus/dax/drivers/fsdev_dax"
#define DEVICE "bus/dax/drivers/device_dax"

static struct dax_model model;
static struct dax_region *region;

static void setup(uint64_t size, int node)
{
	const struct dax_region like = {
		.id = 0,
		.type = DAX_REGION_DYNAMIC,
		.start = START,
		.size = size,
		.align = 2 * M,
		.has_pages = true,
		.target_node = node,
	};

	dax_model_init(&model, 252, 246);
	model.kernel = DAX_KERNEL_7_3;
	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
}

static void teardown(void)
{
	ok(!dax_model_check(&model), "the model holds together");
	dax_model_done(&model);
}

struct find {
	const char *path;
	char text[512];
};

static int match(void *ctx, const struct dax_sysfs_node *node)
{
	struct find *find = ctx;

	if (strcmp(node->path, find->path))
		return 0;
	snprintf(find->text, sizeof(find->text), "%s", node->text);
	return 1;
}

static void shows(const char *path, const char *text)
{
	struct find find = {.path = path, .text = "(nothing)"};

	dax_sysfs_walk(&model, match, &find);
	ok(!strcmp(find.text, text), "%s shows %s: %s", path, text, find.text);
}

static void absent(const char *path)
{
	shows(path, "(nothing)");
}

static void store(const char *path, const char *text, int error)
{
	is(dax_sysfs_store(&model, path, text, strlen(text)), error, "%s", path);
}

static bool is_alive(struct dax_dev *dev, uint32_t flag)
{
	struct dax_device desc;

	dax_dev_describe(&model, dev, &desc);
	return dax_device_is_alive(&desc) && (!flag || desc.flags & flag);
}

static void test_system_ram(void)
{
	struct dax_dev *dev;

	setup(DAX_GIB, 0);
	dev = region->devices;
	store(KMEM "/new_id", "dax0.0", 0);
	absent(BLOCK "/state");
	store(KMEM "/bind", "dax0.0", -EBUSY);
	store(KMEM "/unbind", "dax0.0", -ENODEV);
	store(DEVICE "/unbind", "dax0.0", 0);
	ok(!dax_memory_exists(&model), "no memory yet");
	store(KMEM "/bind", "dax0.0", 0);
	ok(dax_memory_exists(&model), "memory");
	ok(!is_alive(dev, 0), "it cannot be opened");
	is(dev->memory->nr_blocks, 8, "all of it");
	shows(R "/dax0.0/driver", "../../../../../bus/dax/drivers/kmem");
	shows(R "/dax0.0/uevent",
	      "MAJOR=252\nMINOR=0\nDEVNAME=dax0.0\nDRIVER=kmem\nMODALIAS=dax:t0\n");
	shows(R "/dax0.0/state", "offline\n");
	shows(KMEM "/dax0.0",
	      "../../../../devices/platform/hmem_platform.0/hmem.0/dax0.0");
	shows("devices/system/memory/block_size_bytes", "8000000\n");
	shows(BLOCK "/phys_index", "00000200\n");
	shows(BLOCK "/state", "offline\n");
	shows(BLOCK "/online", "0\n");
	shows(BLOCK "/valid_zones", "Normal Movable\n");
	shows(BLOCK "/node0", "../../node/node0");
	shows("devices/system/node/node0/memory512", "../../memory/memory512");
	absent("devices/system/memory/memory520/state");
	store(R "/dax0.0/size", "0", -EBUSY);
	store(R "/dax0.0/align", "4096", -EBUSY);
	store(BLOCK "/state", "online", 0);
	shows(BLOCK "/valid_zones", "Normal\n");
	store(BLOCK "/state", "online_movable", -EINVAL);
	store(BLOCK "/state", "unplugged", -EINVAL);
	store(BLOCK "/state", "foo", -EINVAL);
	store(BLOCK "/state", "offline\n", 0);
	store(BLOCK "/state", "offline", -EINVAL);
	store(BLOCK "/state", "online_movable", 0);
	shows(BLOCK "/valid_zones", "Movable\n");
	shows(BLOCK "/state", "online\n");
	shows(BLOCK "/online", "1\n");
	store(BLOCK "/online", "x", -EINVAL);
	store(BLOCK "/online", "1", 0);
	shows(BLOCK "/valid_zones", "Movable\n");
	store(BLOCK "/online", "0", 0);
	shows(BLOCK "/state", "offline\n");
	store(BLOCK "/online", "1", 0);
	shows(BLOCK "/valid_zones", "Normal\n");
	is(dax_memory_nr_online(dev), 1, "one block is online");
	store(KMEM "/unbind", "dax0.0", 0);
	shows(BLOCK "/state", "online\n");
	absent(R "/dax0.0/state");
	store(KMEM "/bind", "dax0.0", -EBUSY);
	store(DEVICE "/bind", "dax0.0", -EINVAL);
	teardown();
}

static void test_own_state(void)
{
	setup(DAX_GIB, 0);
	dax_dev_unbind(&model, region->devices);
	is(dax_dev_attach(region->devices, DAX_DRIVER_KMEM), 0, "bound");
	store(R "/dax0.0/state", "online", -EBUSY);
	store(R "/dax0.0/state", "offline", -EINVAL);
	store(R "/dax0.0/state", "foo", -EINVAL);
	store(R "/dax0.0/state", "unplugged", 0);
	store(R "/dax0.0/state", "unplugged", 0);
	shows(R "/dax0.0/state", "unplugged\n");
	absent(BLOCK "/state");
	store(R "/dax0.0/state", "online_kernel", 0);
	shows(R "/dax0.0/state", "online_kernel\n");
	shows(BLOCK "/valid_zones", "Normal\n");
	store(R "/dax0.0/state", "unplugged", 0);
	store(R "/dax0.0/state", "online_movable", 0);
	shows(BLOCK "/valid_zones", "Movable\n");
	store(R "/dax0.0/state", "unplugged", 0);
	store(KMEM "/unbind", "dax0.0", 0);
	store(DEVICE "/bind", "dax0.0", 0);
	ok(is_alive(region->devices, 0), "it can be opened again");
	teardown();
}

/* Blocks lie in one range with all their bytes. */
static void test_parts(void)
{
	struct dax_dev *dev;

	setup(DAX_GIB, 0);
	dev = region->devices;
	dax_dev_unbind(&model, dev);
	dax_dev_set_size(dev, 64 * M);
	is(dax_dev_attach(dev, DAX_DRIVER_KMEM), -EINVAL, "half a block");
	is(dax_region_create(&model, region, &dev), 0, "another");
	is(dax_dev_attach(dev, DAX_DRIVER_KMEM), -ENXIO, "without a size");
	dax_dev_set_size(dev, 320 * M);
	is(dax_dev_attach(dev, DAX_DRIVER_KMEM), 0, "two blocks and two halves");
	is(dev->memory->nr_blocks, 2, "are two blocks");
	is((long)dev->memory->blocks[0].number, 513, "the second of the region");
	is(dax_dev_attach(dev, DAX_DRIVER_KMEM), -EBUSY, "it is bound");
	teardown();
	setup(DAX_GIB, -1);
	dax_dev_unbind(&model, region->devices);
	is(dax_dev_attach(region->devices, DAX_DRIVER_KMEM), -EINVAL, "without a node");
	teardown();
	setup((DAX_MEMORY_BLOCKS_MAX + 1) * DAX_MEMORY_BLOCK, 0);
	dax_dev_unbind(&model, region->devices);
	is(dax_dev_attach(region->devices, DAX_DRIVER_KMEM), -ENOMEM, "too large");
	dax_dev_set_size(region->devices, DAX_GIB);
	fail_calloc_after = 0;
	is(dax_dev_attach(region->devices, DAX_DRIVER_KMEM), -ENOMEM, "no memory");
	fail_calloc_after = -1;
	teardown();
}

/* Two regions of one node, and what is removed while it is system RAM. */
static void test_two(void)
{
	struct dax_region like = {
		.id = 1,
		.type = DAX_REGION_DYNAMIC,
		.start = 2 * START,
		.size = DAX_GIB,
		.align = 2 * M,
	};
	struct dax_region *other;

	setup(DAX_GIB, 0);
	if (dax_model_add_region(&model, &like, &other) < 0)
		abort();
	dax_dev_unbind(&model, region->devices);
	dax_dev_unbind(&model, other->devices);
	dax_dev_attach(region->devices, DAX_DRIVER_KMEM);
	dax_dev_attach(other->devices, DAX_DRIVER_KMEM);
	shows("devices/system/node/node0/memory1024", "../../memory/memory1024");
	dax_region_unbind(other);
	absent("devices/system/node/node0/memory1024");
	dax_model_remove_region(&model, other);
	teardown();
}

static void test_famfs(void)
{
	setup(DAX_GIB, 0);
	shows("module/fsdev_dax/initstate", "live\n");
	shows(FSDEV "/module", "../../../../module/fsdev_dax");
	store(FSDEV "/bind", "dax0.0", -ENODEV);
	store(DEVICE "/unbind", "dax0.0", 0);
	store(FSDEV "/new_id", "dax0.0", 0);
	shows(R "/dax0.0/driver", "../../../../../bus/dax/drivers/fsdev_dax");
	ok(is_alive(region->devices, DAX_DEVICE_FAMFS), "it can be opened");
	absent(R "/dax0.0/state");
	store(DEVICE "/unbind", "dax0.0", -ENODEV);
	store(FSDEV "/remove_id", "dax0.0", 0);
	store(FSDEV "/unbind", "dax0.0", 0);
	store(FSDEV "/bind", "dax0.0", -ENODEV);
	store(DEVICE "/new_id", "dax0.0", 0);
	ok(is_alive(region->devices, 0) && !is_alive(region->devices, DAX_DEVICE_FAMFS),
	   "it can be opened and mapped");
	teardown();
}

int main(void)
{
	test_system_ram();
	test_own_state();
	test_parts();
	test_two();
	test_famfs();
	return tap_done();
}
