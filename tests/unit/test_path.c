/* SPDX-License-Identifier: BSD-2-Clause */
/* Recognizing the paths that the emulator answers. */
#include <string.h>

#include "libcore/path.h"

#include "tests/unit/tap.h"

static const struct dax_path_names names = {.major = 252, .ndctl_major = 251};

/*
 * Roots of emulated trees. Each contains one of the words that the fast check looks for.
 */
static const char *const roots[] = {
	"/dev/dax0.0",
	"/dev/dax12.345",
	"/dev/dax9999999999.9999999999",
	"/dev/ndctl0",
	"/dev/ndctl12",
	"/sys/dev/char/252:0",
	"/sys/dev/char/252:17",
	"/sys/dev/char/251:0",
	"/dev/cxl",
	"/sys/bus/cxl",
	"/sys/bus/dax",
	"/sys/bus/nd",
	"/sys/bus/platform/devices/e820_pmem",
	"/sys/bus/platform/devices/hmem.0",
	"/sys/bus/platform/drivers/e820_pmem",
	"/sys/bus/platform/drivers/hmem",
	"/sys/class/nd",
	"/sys/devices/pci7f00:0c",
	"/sys/devices/platform/ACPI0017:00",
	"/sys/devices/platform/e820_pmem",
	"/sys/devices/platform/hmem.0",
	"/sys/devices/platform/hmem.12",
	"/sys/kernel/debug/cxl",
	"/sys/module/cxl_core",
	"/sys/module/dax_cxl",
	"/sys/module/dax_hmem",
	"/sys/module/dax_pmem",
	"/sys/module/device_dax",
	"/sys/module/fsdev_dax",
	"/sys/module/kmem",
	"/sys/module/libnvdimm",
	"/sys/module/nd_e820",
	"/sys/module/nd_pmem",
	"/proc/devices",
	"/sys/devices/system/memory/auto_online_blocks",
};

/* Paths that look similar but belong to the real system. */
static const char *const others[] = {
	"",
	"/",
	"/dev",
	"/dev/",
	"/dev/dax",
	"/dev/dax0",
	"/dev/dax0.",
	"/dev/dax.0",
	"/dev/daxx.0",
	"/dev/dax0x0",
	"/dev/dax0.0x",
	"/dev/dax0.x",
	"/dev/dax0.0.0",
	"/dev/dax00000000000.0",
	"/dev/dax0.00000000000",
	"/dev/Dax0.0",
	"/dev/dbx0.00",
	"/dev/dax0.0/x",
	"/dev/sub/dax0.0",
	"/devdax0.0",
	"/dev/ndctl",
	"/dev/ndctlx",
	"/dev/ndctl0x",
	"/dev/nvdimm0",
	"/sys/dev/char/252",
	"/sys/dev/char/252:",
	"/sys/dev/char/:0",
	"/sys/dev/char/252:x",
	"/sys/dev/char/252x0",
	"/sys/dev/char/253:0",
	"/sys/dev/char/1:3",
	"/sys/dev/char/99999999999:0",
	"/sys/dev/block/252:0",
	"/sys/devices/platform/hmem",
	"/sys/devices/platform/hmem.",
	"/sys/devices/platform/hmem.x",
	"/sys/devices/platform/e820_pmem0",
	"/sys/bus/dax/devices",
	"/sys/bus",
	"/sys/module/nd_btt",
	"/proc/device",
	"/proc/devices/x",
};

static void test_roots(void)
{
	const struct dax_path_names cuse = {.major = 252, .has_real_nodes = true};
	size_t i;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const size_t len = strlen(roots[i]);
		char below[128];

		ok(dax_path_is_root(&names, roots[i], len), "%s is ours", roots[i]);
		ok(dax_path_has_word(roots[i]), "%s shows it at a glance", roots[i]);
		snprintf(below, sizeof(below), "%s/x", roots[i]);
		ok(!dax_path_is_root(&names, below, len + 2), "%s is no root", below);
		ok(dax_path_is_root(&names, below, len), "but its start is");
		ok(dax_path_has_word(below), "%s shows it, too", below);
		ok(!dax_path_is_above_root(roots[i], len), "%s is not above itself",
		   roots[i]);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ok(!dax_path_is_root(&names, others[i], strlen(others[i])),
		   "'%s' is not ours", others[i]);
	ok(!dax_path_is_root(&cuse, "/dev/dax0.0", 11), "with CUSE the node is real");
	ok(dax_path_is_root(&cuse, "/dev/ndctl0", 11), "but not /dev/ndctl0");
}

static void test_above(void)
{
	static const char *const shared[] = {"/dev",
					     "/sys/bus",
					     "/sys/bus/platform/devices",
					     "/sys/bus/platform/drivers",
					     "/sys/class",
					     "/sys/dev/char",
					     "/sys/module",
					     "/sys/devices/platform",
					     "/sys/devices/system/memory",
					     "/sys/devices/system/node/node0"};
	static const char *const above[] = {"",
					    "/sys",
					    "/sys/bus/platform",
					    "/sys/dev",
					    "/sys/devices",
					    "/sys/devices/system",
					    "/sys/devices/system/node",
					    "/sys/kernel",
					    "/sys/kernel/debug",
					    "/proc"};
	static const char *const neither[] = {"/de",       "/devx",        "/sys/block",
					      "/sys/bu",   "/sys/bus/pci", "/home",
					      "/proc/self"};
	size_t i;

	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		const size_t len = strlen(shared[i]);

		ok(dax_path_is_shared_dir(shared[i], len), "%s has entries of ours",
		   shared[i]);
		ok(dax_path_is_above_root(shared[i], len), "and so is above a root");
	}
	for (i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		const size_t len = strlen(above[i]);

		ok(!dax_path_is_shared_dir(above[i], len), "'%s' has none", above[i]);
		ok(dax_path_is_above_root(above[i], len), "but is above one that has");
	}
	for (i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
		ok(!dax_path_is_above_root(neither[i], strlen(neither[i])),
		   "%s has nothing to do with us", neither[i]);
}

/* The fast check may pass a foreign path but must never reject an emulated one. */
static void test_words(void)
{
	static const char *const with[] = {
		"dax0.0",
		"./dax0.0",
		"dax",
		"dax_x",
		"nd",
		"nd/x",
		"nd_x",
		"ndctl0",
		"252:0",
		"hmem.0/x",
		"drivers/hmem",
		"x/y//dax0.0",
		"a/252:0/b",
		"e820_pmem",
		"kmem/x",
		"libnvdimm",
		"device_dax",
		"/proc/devices",
		"/proc/devices/..",
		"../nd",
		"auto_online_blocks",
		"block_size_bytes",
		"fsdev_dax",
		"memory/memory32/state",
	};
	static const char *const without[] = {
		"",           "/",
		"///",        "/usr/lib/x",
		"da",         "daxx",
		"d",          "n",
		"nda",        "ndct",
		"device",     "device_daxx",
		"e820",       "e820_pmemx",
		"hmem0",      "kmemx",
		"k",          "libnvdimm0",
		"lib",        "1",
		"12/34",      "1:",
		"1:x",        "a:1",
		"auto",       "auto_online_blocksx",
		"fsdev",      "fsdev_daxx",
		"memory",     "memoryx",
		"block_size", "block_size_bytesx",
		"/proc/self", "devices",
		"x/y/z/",
	};
	size_t i;

	for (i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		ok(dax_path_has_word(with[i]), "'%s' may be ours", with[i]);
	for (i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		ok(!dax_path_has_word(without[i]), "'%s' is not", without[i]);
}

/* Memory blocks are the machine's own, unless devices have any. */
static void test_blocks(void)
{
	static const char *const blocks[] = {
		"/sys/devices/system/memory/memory0",
		"/sys/devices/system/memory/memory12",
		"/sys/devices/system/memory/block_size_bytes",
		"/sys/devices/system/node/node0/memory32",
		"/sys/devices/system/node/node12/memory0",
	};
	static const char *const no_blocks[] = {
		"/sys/devices/system/memory",
		"/sys/devices/system/memory/memory",
		"/sys/devices/system/memory/memoryx",
		"/sys/devices/system/memory/probe",
		"/sys/devices/system/node/node0/meminfo",
		"/sys/devices/system/node/nodex/memory1",
		"/sys/devices/system/node/memory1",
		"/sys/bus/memory/devices/memory1",
		"memory1",
		"",
	};
	const struct dax_path_names without = {.major = 252};
	const struct dax_path_names with = {.major = 252, .has_memory = true};
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		const size_t len = strlen(blocks[i]);

		ok(dax_path_has_word(blocks[i]), "%s may be ours", blocks[i]);
		ok(!dax_path_is_root(&without, blocks[i], len), "but is not");
		ok(dax_path_is_root(&with, blocks[i], len), "until a device has some");
	}
	for (i = 0; i < sizeof(no_blocks) / sizeof(no_blocks[0]); i++)
		ok(!dax_path_is_root(&with, no_blocks[i], strlen(no_blocks[i])),
		   "%s is never ours", no_blocks[i]);
	ok(dax_path_has_blocks("/sys/devices/system/memory", 26), "the folder of all");
	ok(dax_path_has_blocks("/sys/devices/system/node/node3", 30), "that of a node");
	ok(!dax_path_has_blocks("/sys/devices/system/node", 24), "not that of nodes");
}

static void test_copies(void)
{
	char target[DAX_PATH_COPY_LEN + 1];
	size_t len;

	dax_path_write_copy("dax12.3", target);
	len = strlen(target);
	ok(len == DAX_PATH_COPY_LEN, "all targets are of one length");
	ok(!strncmp(target, "/dev/", 5) && !strcmp(strrchr(target, '/'), "/dax12.3"),
	   "and lead to the device");
	ok(dax_path_is_copy(target, len), "they are known");
	ok(!dax_path_is_copy(target, len - 1), "the length counts");
	ok(!dax_path_is_copy("/dev/dax12.3", 12),
	   "a link of the program's own is another");
	target[len - 2] = 'x';
	ok(!dax_path_is_copy(target, len), "so is one to no device");
	memset(target + 4, '/', len - 4);
	ok(!dax_path_is_copy(target, len), "or to /dev");
	dax_path_write_copy("dax12.3", target);
	target[1] = 'D';
	ok(!dax_path_is_copy(target, len), "or to another directory");
}

int main(void)
{
	test_copies();
	test_blocks();
	test_roots();
	test_above();
	test_words();
	return tap_done();
}
