/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree against tests/data/sysfs-*.txt, and the results of writes to it. The
 * static tree there was recorded on a real kernel; the dynamic one was composed from
 * measurements on a real kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/sysfs.h"
#include "libcore/sysfs_node.h"

#include "tests/unit/tap.h"

/* Embed a file in the program, so that the test runs from any directory. */
#define INCLUDE_TEXT(name, path)                                                         \
	__asm__(".pushsection .rodata\n.globl " #name "\n.hidden " #name "\n" #name      \
		": .incbin \"" path "\"\n.byte 0\n.popsection");                         \
	extern const char name[]

INCLUDE_TEXT(static_txt, "tests/data/sysfs-static.txt");
INCLUDE_TEXT(dynamic_txt, "tests/data/sysfs-dynamic.txt");

#define M DAX_MIB

static struct dax_model model;
static struct dax_region *region;

/* Add a static region as on the recorded machine: 512M at 1G in region 0. */
static void add_static(uint32_t id, uint64_t start, uint32_t devices)
{
	static const uint8_t uuid[] = {
		0x1b, 0xb2, 0x03, 0x6d, 0xfd, 0x87, 0x43, 0x7f,
		0xab, 0xb0, 0x8c, 0x79, 0x50, 0x32, 0x42, 0x55,
	};
	struct dax_region like = {
		.id = id,
		.type = DAX_REGION_STATIC,
		.start = start,
		.size = 512 * M * devices,
		.align = 2 * M,
		.has_pages = true,
	};
	uint32_t i;

	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
	for (i = 0; i < devices; i++) {
		struct dax_dev dev = {
			.align = 2 * M,
			.ns_start = start + i * 512 * M,
			.ns_size = 512 * M,
			.nr_ranges = 1,
			.ranges = {{start + i * 512 * M + 2 * M, 510 * M}},
		};

		memcpy(dev.uuid, uuid, sizeof(uuid));
		if (dax_region_add_device(region, &model, i, &dev, NULL) < 0)
			abort();
	}
}

static void add_dynamic(uint32_t id, uint64_t start)
{
	struct dax_region like = {
		.id = id,
		.type = DAX_REGION_DYNAMIC,
		.start = start,
		.size = DAX_GIB,
		.align = 2 * M,
		.has_pages = true,
		.target_node = 1,
	};

	if (dax_model_add_region(&model, &like, &region) < 0)
		abort();
}

static void setup_empty(void)
{
	dax_model_init(&model, 252, 246);
}

static void setup_static(void)
{
	setup_empty();
	add_static(0, DAX_GIB, 1);
}

static void setup_dynamic(void)
{
	setup_empty();
	add_dynamic(0, 4 * DAX_GIB);
}

static void teardown(void)
{
	ok(!dax_model_check(&model), "the model holds together");
	dax_model_done(&model);
}

struct listing {
	char **lines;
	size_t n;
};

static void add_line(struct listing *list, const char *line, size_t len)
{
	list->lines = realloc(list->lines, (list->n + 1) * sizeof(*list->lines));
	list->lines[list->n++] = strndup(line, len);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_listing(struct listing *list)
{
	while (list->n)
		free(list->lines[--list->n]);
	free(list->lines);
}

/* Format a node as a line of tests/data/. */
static int emit_line(void *ctx, const struct dax_sysfs_node *node)
{
	char line[DAX_SYSFS_TEXT_MAX + 512];
	char *p;

	switch (node->kind) {
	case DAX_SYSFS_DIR:
		sprintf(line, "dir  %04o %s", node->mode, node->path);
		break;
	case DAX_SYSFS_LINK:
		sprintf(line, "link %s -> %s", node->path, node->text);
		break;
	case DAX_SYSFS_FILE:
		if (node->read_error)
			sprintf(line, "file %04o %s ! %s", node->mode, node->path,
				node->read_error == ENXIO ? "ENXIO"
				: node->read_error == EIO ? "EIO"
							  : "?");
		else if (!(node->mode & 0444))
			sprintf(line, "file %04o %s", node->mode, node->path);
		else
			sprintf(line, "file %04o %s = %s", node->mode, node->path,
				node->text);
		break;
	}
	for (p = line; *p; p++)
		if (*p == '\n')
			*p = '|';
	add_line(ctx, line, strlen(line));
	return 0;
}

static struct listing list_tree(void)
{
	struct listing list = {0};

	dax_sysfs_walk(&model, emit_line, &list);
	qsort(list.lines, list.n, sizeof(*list.lines), compare_lines);
	return list;
}

static struct listing list_text(const char *text)
{
	struct listing list = {0};

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (*text != '#')
			add_line(&list, text, len);
		text += len + !!text[len];
	}
	qsort(list.lines, list.n, sizeof(*list.lines), compare_lines);
	return list;
}

/* True if the recording covers the path of the line. */
static bool is_recorded(const char *line)
{
	static const char *const parts[] = {
		"devices/platform/e820_pmem",
		"bus/dax",
		"bus/nd",
		"class/nd",
		"dev/char/",
	};
	size_t skip = strncmp(line, "link", 4) ? 10 : 5;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strncmp(line + skip, parts[i], strlen(parts[i])))
			return true;
	return false;
}

/* Compare two sorted listings and print the lines that only one of them has. */
static bool is_same_listing(const struct listing *got, const struct listing *want,
			    bool is_part)
{
	bool is_same = true;
	size_t g = 0;
	size_t w = 0;

	while (g < got->n || w < want->n) {
		int order = g == got->n    ? 1
			    : w == want->n ? -1
					   : strcmp(got->lines[g], want->lines[w]);

		if (order < 0 && is_part && !is_recorded(got->lines[g])) {
			g++;
		} else if (order < 0) {
			printf("# too much: %s\n", got->lines[g++]);
			is_same = false;
		} else if (order > 0) {
			printf("# missing:  %s\n", want->lines[w++]);
			is_same = false;
		} else {
			g++;
			w++;
		}
	}
	return is_same;
}

static void test_tree(const char *text, bool is_part, const char *what)
{
	struct listing got = list_tree();
	struct listing want = list_text(text);

	ok(is_same_listing(&got, &want, is_part), "the tree of %s", what);
	free_listing(&got);
	free_listing(&want);
}

struct nodes {
	struct node {
		char *path;
		char *target;
		enum dax_sysfs_kind kind;
	} * node;
	size_t n;
};

static int emit_node(void *ctx, const struct dax_sysfs_node *node)
{
	struct nodes *nodes = ctx;

	nodes->node = realloc(nodes->node, (nodes->n + 1) * sizeof(*nodes->node));
	nodes->node[nodes->n++] = (struct node){
		.path = strdup(node->path),
		.target = node->kind == DAX_SYSFS_LINK ? strdup(node->text) : NULL,
		.kind = node->kind,
	};
	if (strlen(node->text) != node->len)
		abort();
	return 0;
}

static const struct node *find_node(const struct nodes *nodes, const char *path,
				    size_t len)
{
	size_t i;

	for (i = 0; i < nodes->n; i++)
		if (strlen(nodes->node[i].path) == len &&
		    !memcmp(nodes->node[i].path, path, len))
			return &nodes->node[i];
	return NULL;
}

/* Find the target of a link, which may contain "../" only at its beginning. */
static const struct node *follow(const struct nodes *nodes, const struct node *link)
{
	const char *target = link->target;
	char path[512];

	snprintf(path, sizeof(path), "%s", link->path);
	*strrchr(path, '/') = '\0';
	while (!strncmp(target, "../", 3)) {
		char *slash = strrchr(path, '/');

		*(slash ? slash : path) = '\0';
		target += 3;
	}
	if (*path)
		strcat(path, "/");
	strcat(path, target);
	return find_node(nodes, path, strlen(path));
}

static void test_form(const char *what)
{
	struct nodes nodes = {0};
	int orphans = 0;
	int doubles = 0;
	int broken = 0;
	size_t i;

	dax_sysfs_walk(&model, emit_node, &nodes);
	for (i = 0; i < nodes.n; i++) {
		const struct node *node = &nodes.node[i];
		const char *slash = strrchr(node->path, '/');
		const struct node *parent = NULL;

		if (slash)
			parent = find_node(&nodes, node->path,
					   (size_t)(slash - node->path));
		if (slash && (!parent || parent >= node || parent->kind != DAX_SYSFS_DIR))
			orphans++;
		if (find_node(&nodes, node->path, strlen(node->path)) != node)
			doubles++;
		if (node->target && !follow(&nodes, node)) {
			printf("# %s -> %s\n", node->path, node->target);
			broken++;
		}
	}
	is(orphans, 0, "%s: directories come before what is in them", what);
	is(doubles, 0, "%s: nothing comes twice", what);
	is(broken, 0, "%s: links lead somewhere", what);
	for (i = 0; i < nodes.n; i++) {
		free(nodes.node[i].path);
		free(nodes.node[i].target);
	}
	free(nodes.node);
}

struct wanted {
	const char *path;
	char text[DAX_SYSFS_TEXT_MAX];
	bool is_found;
};

static int emit_wanted(void *ctx, const struct dax_sysfs_node *node)
{
	struct wanted *wanted = ctx;

	if (strcmp(node->path, wanted->path))
		return 0;
	strcpy(wanted->text, node->text);
	wanted->is_found = true;
	return 42;
}

static void shows(const char *path, const char *want)
{
	struct wanted wanted = {.path = path};
	int r = dax_sysfs_walk(&model, emit_wanted, &wanted);

	if (!ok(r == 42 && !strcmp(wanted.text, want), "%s shows %s", path, want))
		printf("# got: %s\n", wanted.is_found ? wanted.text : "no such file");
}

static void absent(const char *path)
{
	struct wanted wanted = {.path = path};

	is(dax_sysfs_walk(&model, emit_wanted, &wanted), 0, "there is no %s", path);
}

static void store(const char *path, const char *text, int want)
{
	is(dax_sysfs_store(&model, path, text, strlen(text)), want, "%s <- '%s'", path,
	   text);
}

/* Write a text with its terminating NUL, as daxctl does. */
static void store_nul(const char *path, const char *text, int want)
{
	is(dax_sysfs_store(&model, path, text, strlen(text) + 1), want, "%s <- '%s', NUL",
	   path, text);
}

static void test_trees(void)
{
	struct dax_dev *dev;

	setup_empty();
	test_form("no region");
	absent("class/nd/ndctl0");
	absent("devices/platform/e820_pmem");
	shows("bus/nd/drivers_autoprobe", "1\n");
	teardown();

	setup_static();
	test_tree(static_txt, true, "a static region");
	test_form("a static region");
	teardown();

	setup_dynamic();
	dev = region->devices;
	dax_dev_unbind(&model, dev);
	dax_dev_set_size(dev, 256 * M);
	dax_region_create(&model, region, &dev);
	dax_dev_set_size(dev, 512 * M);
	dax_dev_set_size(region->devices, 512 * M);
	dax_dev_set_size(dev, 0);
	dax_dev_bind(&model, region->devices);
	test_tree(dynamic_txt, false, "a dynamic region");
	test_form("a dynamic region");
	teardown();

	setup_empty();
	add_static(1, DAX_GIB, 3);
	add_dynamic(2, 8 * DAX_GIB);
	add_static(0, 4 * DAX_GIB, 1);
	add_dynamic(99999, 16 * DAX_GIB);
	test_form("a mixture");
	shows("devices/platform/e820_pmem/ndbus0/region1/dax_seed", "dax1.3\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/init_namespaces", "3/3\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/namespace_seed",
	      "namespace1.0\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/namespace1.2/holder",
	      "dax1.2\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/namespace1.2/resource",
	      "0x80000000\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/dax1.2/namespace",
	      "namespace1.2\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/dax1.2/dax1.2/resource",
	      "0x80200000\n");
	shows("devices/platform/e820_pmem/ndbus0/region1/size", "1610612736\n");
	shows("bus/dax/devices/dax99999.0",
	      "../../../devices/platform/hmem.99999/dax99999.0");
	teardown();
}

/* Contents of single files in states that the recorded trees do not have. */
static void test_shown(void)
{
	const struct dax_region bare = {
		.type = DAX_REGION_STATIC,
		.size = 16 * M,
		.align = 4096,
	};

	setup_static();
	region->map = DAX_MAP_DEV;
	shows("devices/platform/e820_pmem/ndbus0/region0/dax0.0/mode", "pmem\n");
	region->badblocks = "4096 8\n8192 1\n";
	shows("devices/platform/e820_pmem/ndbus0/region0/badblocks", "4096 8\n8192 1\n");
	region->numa_node = -1;
	region->target_node = -1;
	shows("devices/platform/e820_pmem/ndbus0/region0/numa_node", "-1\n");
	absent("devices/platform/e820_pmem/ndbus0/region0/target_node");
	absent("devices/platform/e820_pmem/ndbus0/region0/dax0.0/dax0.0/target_node");
	teardown();

	setup_empty();
	dax_model_add_region(&model, &bare, NULL);
	test_form("a region without a device");
	shows("devices/platform/e820_pmem/ndbus0/region0/namespace_seed", "\n");
	shows("devices/platform/e820_pmem/ndbus0/region0/dax_seed", "dax0.0\n");
	shows("devices/platform/e820_pmem/ndbus0/region0/resource", "0x0\n");
	teardown();

	setup_dynamic();
	region->numa_node = -1;
	region->target_node = -1;
	absent("devices/platform/hmem.0/numa_node");
	shows("devices/platform/hmem.0/dax0.0/numa_node", "-1\n");
	absent("devices/platform/hmem.0/dax0.0/target_node");
	shows("devices/platform/hmem.0/dax_region/create", "\n");
	shows("devices/platform/hmem.0/dax_region/seed", "\n");
	teardown();
}

#define R "devices/platform/hmem.0"

static void test_create_delete(void)
{
	setup_dynamic();
	store(R "/dax_region/create", "1", -ENOSPC);
	store(R "/dax_region/create", "2", -EINVAL);
	store("bus/dax/drivers/device_dax/unbind", "dax0.0", 0);
	store(R "/dax0.0/size", "0", 0);
	store(R "/dax_region/create", "0", -EINVAL);
	store(R "/dax_region/create", "-1", -EINVAL);
	store(R "/dax_region/create", "text", -EINVAL);
	store(R "/dax_region/create", "\n", -EINVAL);
	store(R "/dax_region/create", "1 ", -EINVAL);
	store(R "/dax_region/create", "4294967297", -ERANGE);
	store(R "/dax_region/create", "1", 0);
	store(R "/dax_region/create", "01\n", 0);
	store(R "/dax_region/create", "0x1", 0);
	store_nul(R "/dax_region/create", "1", 0);
	shows(R "/dax_region/create", "dax0.4\n");
	shows(R "/dax_region/seed", "dax0.1\n");
	shows(R "/dax0.4/size", "0\n");
	store(R "/dax_region/delete", "", 0);
	store(R "/dax_region/delete", "\n", -ENXIO);
	store(R "/dax_region/delete", "foo", -ENXIO);
	store(R "/dax_region/delete", "dax0.04", -ENXIO);
	store(R "/dax_region/delete", "dax0.4\n\n", -ENXIO);
	store(R "/dax_region/delete", "dax0.0", -EBUSY);
	store(R "/dax_region/delete", "dax0.4\n", 0);
	store_nul(R "/dax_region/delete", "dax0.1", 0);
	shows(R "/dax_region/create", "\n");
	shows(R "/dax_region/seed", "\n");
	absent(R "/dax0.4");
	/*
	 * The model cannot tell whether the device is still held, so the minor stays
	 * taken.
	 */
	store(R "/dax_region/create", "1", 0);
	shows(R "/dax0.1/dev", "252:5\n");
	dax_model_release_minor(&model, 1);
	store(R "/dax_region/create", "1", 0);
	shows(R "/dax0.4/dev", "252:1\n");
	teardown();
}

static void test_size_align_mapping(void)
{
	setup_dynamic();
	store(R "/dax0.0/size", "2M", -EINVAL);
	store(R "/dax0.0/size", "4096", -EINVAL);
	store(R "/dax0.0/size", "18446744073709551616", -ERANGE);
	store(R "/dax0.0/size", "1073741824", -EBUSY);
	store(R "/dax0.0/align", "abc", -ENXIO);
	store(R "/dax0.0/align", "\n", -ENXIO);
	store(R "/dax0.0/align", "18446744073709551616", -ENXIO);
	store(R "/dax0.0/align", "8192", -EINVAL);
	store(R "/dax0.0/align", "2097152", -EBUSY);
	store("bus/dax/drivers/device_dax/unbind", "dax0.0", 0);
	store(R "/dax0.0/size", "010000000", 0);
	shows(R "/dax0.0/size", "2097152\n");
	store(R "/dax0.0/size", "", 0);
	store(R "/dax0.0/size", "-2097152", -EINVAL);
	store(R "/dax0.0/size", " 2097152", -EINVAL);
	store(R "/dax0.0/size", "0x4000000000", -ENOSPC);
	store_nul(R "/dax0.0/size", "0x400000\n", 0);
	shows(R "/dax0.0/size", "4194304\n");
	store_nul(R "/dax0.0/align", "0x1000\n", 0);
	shows(R "/dax0.0/align", "4096\n");
	store(R "/dax0.0/align", "+2097152", 0);
	store(R "/dax0.0/align", "010000", 0);
	store(R "/dax0.0/align", "1073741824", -EINVAL);
	store(R "/dax0.0/mapping", "140000000-1401fffff", -ENOMEM);
	store(R "/dax0.0/mapping", "130000000-1301fffff", 0);
	store_nul(R "/dax0.0/mapping", "0x110000000-0x1101fffff\n", 0);
	shows(R "/dax0.0/mapping2/start", "0x110000000\n");
	shows(R "/dax0.0/mapping2/end", "0x1101fffff\n");
	shows(R "/dax0.0/mapping2/page_offset", "0x600\n");
	store(R "/dax0.0/mapping", "0-0", -ENXIO);
	store(R "/dax0.0/mapping", "text", -EINVAL);
	store(R "/dax0.0/mapping", "-1", -EINVAL);
	store_nul(R "/dax0.0/size", "0\n", 0);
	absent(R "/dax0.0/mapping0");
	shows(R "/dax0.0/resource", "0x100000000\n");
	teardown();
}

static void test_driver(void)
{
	setup_dynamic();
	store("bus/dax/drivers/device_dax/bind", "dax0.0", -EBUSY);
	store("bus/dax/drivers/device_dax/bind", "dax0.1", -ENODEV);
	store("bus/dax/drivers/device_dax/unbind", "dax0.1", -ENODEV);
	/* Disable and enable as daxctl does. */
	store_nul("bus/dax/devices/dax0.0/driver/remove_id", "dax0.0", 0);
	store_nul("bus/dax/devices/dax0.0/driver/unbind", "dax0.0", 0);
	absent(R "/dax0.0/driver");
	absent("bus/dax/drivers/device_dax/dax0.0");
	shows(R "/dax0.0/uevent",
	      "MAJOR=252\nMINOR=0\nDEVNAME=dax0.0\nMODALIAS=dax:t0\n");
	store("bus/dax/drivers/device_dax/unbind", "dax0.0", -ENODEV);
	store_nul("bus/dax/drivers/device_dax/new_id", "dax0.0", 0);
	store_nul("bus/dax/drivers/device_dax/bind", "dax0.0", -EBUSY);
	store("bus/dax/drivers/device_dax/new_id", "foo", -EINVAL);
	store("bus/dax/drivers/device_dax/new_id", "dax0.0 ", -EINVAL);
	store("bus/dax/drivers/device_dax/new_id", "dax0.0\n", 0);
	store("bus/dax/drivers/device_dax/remove_id", "dax1", -EINVAL);
	store("bus/dax/drivers/device_dax/remove_id", "dax7.7\n", 0);
	store("bus/dax/drivers/device_dax/unbind", "dax0.0\n", 0);
	store("bus/dax/drivers_probe", "dax0.1", -ENODEV);
	store("bus/dax/drivers_probe", "dax0.0\n", 0);
	store("bus/dax/drivers_probe", "dax0.0", 0);
	store("bus/dax/drivers/device_dax/bind", "dax0.0\n", -EBUSY);
	store("bus/dax/drivers/device_dax/unbind", "dax0.0", 0);
	store(R "/dax0.0/size", "0", 0);
	store("bus/dax/drivers/device_dax/bind", "dax0.0", -ENXIO);
	store("bus/dax/drivers_probe", "dax0.0", 0);
	store("bus/dax/drivers_autoprobe", "0\n", 0);
	shows("bus/dax/drivers_autoprobe", "0\n");
	store("bus/dax/drivers_autoprobe", "x", 0);
	shows("bus/dax/drivers_autoprobe", "1\n");
	store("bus/platform/drivers/hmem/bind", "hmem.0", -EBUSY);
	store("bus/platform/drivers/hmem/bind", "hmem.1", -ENODEV);
	store("bus/platform/drivers/hmem/unbind", "hmem", -ENODEV);
	store(R "/driver_override", "foo\n", -EBUSY);
	store(R "/driver_override", "\n", 0);
	shows("module/kmem/initstate", "live\n");
	teardown();
}

#define E820    "devices/platform/e820_pmem"
#define REGION0 E820 "/ndbus0/region0"

static void test_static_stores(void)
{
	setup_static();
	store(REGION0 "/dax0.0/dax0.0/size", "0", -EACCES);
	store(REGION0 "/dax0.0/dax0.0/align", "4096", -EACCES);
	store(REGION0 "/dax0.0/dax0.0/resource", "0", -EACCES);
	store(REGION0 "/dax0.0/dax0.0/mapping", "0-0", -ENOENT);
	store(REGION0 "/dax0.0/dax_region/create", "1", -ENOENT);
	store(REGION0 "/dax0.0/dax_region/delete", "dax0.0", -ENOENT);
	store("bus/dax/drivers/device_dax/unbind", "dax0.0", 0);
	absent(REGION0 "/dax0.0/dax0.0/driver");
	shows(REGION0 "/dax0.0/dax0.0/size", "534773760\n");
	shows(REGION0 "/dax0.0/dax0.0/mapping0/page_offset", "0x0\n");
	store("bus/dax/drivers/device_dax/new_id", "dax0.0", 0);
	shows(REGION0 "/dax0.0/dax0.0/driver",
	      "../../../../../../../bus/dax/drivers/device_dax");

	store(REGION0 "/align", "0x200000", 0);
	shows(REGION0 "/align", "0x200000\n");
	store(REGION0 "/align", "text", -EINVAL);
	store(REGION0 "/align", "12288", -EINVAL);
	store(REGION0 "/align", "2048", -EINVAL);
	store(REGION0 "/align", "0", -EINVAL);
	store(REGION0 "/align", "1073741824", -EINVAL);
	store(REGION0 "/read_only", "1\n", 0);
	shows(REGION0 "/read_only", "1\n");
	store(REGION0 "/read_only", "maybe", -EINVAL);
	store(REGION0 "/read_only", "no", 0);
	shows(REGION0 "/read_only", "0\n");
	store(REGION0 "/namespace0.0/force_raw", "y", 0);
	shows(REGION0 "/namespace0.0/force_raw", "1\n");
	store(REGION0 "/namespace0.0/force_raw", "2", -EINVAL);
	store(REGION0 "/namespace0.0/holder_class", "pfn", -EBUSY);
	store(REGION0 "/namespace0.0/holder", "", -EACCES);
	store(REGION0 "/dax0.0/align", "4096", -EBUSY);
	store(REGION0 "/dax0.0/mode", "pmem", -EBUSY);
	store(REGION0 "/dax0.0/namespace", "\n", -EBUSY);
	store(REGION0 "/dax0.0/uuid", "x", -EBUSY);
	store(REGION0 "/dax0.1/namespace", "namespace0.0", -EBUSY);
	store(REGION0 "/pfn0.0/mode", "ram", -EBUSY);
	store(REGION0 "/btt0.0/sector_size", "512", -EBUSY);
	store(E820 "/ndbus0/provider", "x", -EACCES);
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.0", -ENXIO);
	store("bus/nd/drivers/nd_pmem/unbind", "namespace0.0", -ENODEV);
	store("bus/nd/drivers/nd_pmem/bind", "region0", -ENODEV);
	store("bus/nd/drivers/nd_pmem/bind", "nosuch", -ENODEV);
	store("bus/nd/drivers/dax_pmem/bind", "namespace0.0", -ENODEV);
	store("bus/nd/drivers/dax_pmem/bind", "dax0.0\n", -EBUSY);
	store("bus/nd/drivers/dax_pmem/bind", "dax0.1", -ENODEV);
	store("bus/nd/drivers/nd_region/bind", "region0", -EBUSY);
	store("bus/nd/drivers_probe", "dax0.0\n", 0);
	store("bus/nd/drivers_probe", "namespace0.0", 0);
	store("bus/nd/drivers_probe", "namespace0.1", -ENODEV);
	store("bus/nd/drivers_probe", "\n", -ENODEV);
	store("bus/nd/drivers_autoprobe", "0", 0);
	shows("bus/nd/drivers_autoprobe", "0\n");
	store("bus/nd/drivers_autoprobe", "1", 0);
	teardown();
}

/* Files that only some kernels have. */
static void test_kernels(void)
{
	setup_empty();
	model.kernel = DAX_KERNEL_6_12;
	add_dynamic(0, 4 * DAX_GIB);
	store("bus/platform/drivers/hmem_platform/unbind", "hmem_platform.0", -EBUSY);
	store("bus/platform/drivers/hmem_platform/bind", "hmem.0", -ENODEV);
	shows(R "/dax0.0/memmap_on_memory", "0\n");
	store(R "/dax0.0/memmap_on_memory", "x", -EINVAL);
	store(R "/dax0.0/memmap_on_memory", "1", -EOPNOTSUPP);
	store(R "/dax0.0/memmap_on_memory", "0", 0);
	teardown();
	setup_empty();
	model.kernel = DAX_KERNEL_6_1;
	add_dynamic(0, 4 * DAX_GIB);
	absent("bus/platform/drivers/hmem_platform/unbind");
	absent(R "/dax0.0/memmap_on_memory");
	teardown();
	model.kernel = DAX_KERNEL_HOST;
}

static void test_hmem_driver(void)
{
	setup_dynamic();
	store("bus/platform/drivers/hmem/unbind", "hmem.0\n", 0);
	store("bus/platform/drivers/hmem/unbind", "hmem.0", -ENODEV);
	absent("bus/dax/devices/dax0.0");
	absent(R "/dax_region");
	absent(R "/driver");
	absent("bus/platform/drivers/hmem/hmem.0");
	shows(R "/uevent", "MODALIAS=platform:hmem\n");
	is(dax_region_create(&model, model.regions, NULL), -ENODEV,
	   "no devices are made without a driver");
	ok(!dax_model_check(&model), "the model holds together");
	store("bus/platform/drivers/hmem/bind", "hmem.0", 0);
	shows(R "/dax_region/available_size", "0\n");
	shows(R "/dax_region/seed", "\n");
	shows(R "/dax0.0/driver", "../../../../bus/dax/drivers/device_dax");
	absent(R "/dax0.1");
	ok(!dax_model_check(&model), "the model holds together");
	teardown();
}

/* A namespace as in Linux 6.12 when its drivers are unbound and bound again. */
static void test_nd_drivers(void)
{
	const char *dax = "bus/dax/devices/dax0.0";

	setup_static();
	store("bus/nd/drivers/dax_pmem/unbind", "dax0.0\n", 0);
	store("bus/nd/drivers/dax_pmem/unbind", "dax0.0", -ENODEV);
	absent(dax);
	absent(REGION0 "/dax0.0/dax0.0");
	absent(REGION0 "/dax0.0/dax_region");
	absent(REGION0 "/dax0.0/driver");
	absent("dev/char/252:0");
	shows(REGION0 "/dax0.0/uevent", "DEVTYPE=nd_dax\nMODALIAS=nd:t7\n");
	shows(REGION0 "/dax0.0/namespace", "namespace0.0\n");
	shows(REGION0 "/namespace0.0/holder", "dax0.0\n");
	shows(REGION0 "/dax_seed", "dax0.1\n");
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.0", -ENXIO);
	absent(dax);
	store("bus/nd/drivers/dax_pmem/bind", "dax0.0", 0);
	store("bus/nd/drivers/dax_pmem/bind", "dax0.0", -EBUSY);
	/* The old device may still be held, so the new one gets another number. */
	shows(REGION0 "/dax0.0/dax0.0/dev", "252:1\n");
	ok(!dax_model_check(&model), "the model holds together");

	store("bus/nd/drivers/dax_pmem/unbind", "dax0.0", 0);
	store(REGION0 "/dax0.0/namespace", "namespace0.0", -EBUSY);
	store(REGION0 "/dax0.0/namespace", "\n", 0);
	absent("bus/nd/devices/dax0.0");
	shows(REGION0 "/namespace0.0/holder", "\n");
	shows(REGION0 "/namespace0.0/holder_class", "dax\n");
	shows(REGION0 "/namespace0.0/mode", "memory\n");
	store(REGION0 "/namespace0.0/holder_class", "dax", -ENXIO);
	store(REGION0 "/namespace0.0/holder_class", "x", -EINVAL);
	store("bus/nd/drivers/dax_pmem/bind", "dax0.0", -ENODEV);
	store(REGION0 "/namespace0.0/force_raw", "1", 0);
	shows(REGION0 "/namespace0.0/mode", "raw\n");
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.0", -EOPNOTSUPP);
	store(REGION0 "/namespace0.0/force_raw", "0", 0);
	ok(!dax_model_check(&model), "the model holds together");
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.0", -ENXIO);
	shows(REGION0 "/namespace0.0/mode", "dax\n");
	shows(REGION0 "/dax0.0/dax0.0/size", "534773760\n");

	store("bus/nd/drivers/nd_region/unbind", "region0", 0);
	store("bus/nd/drivers/nd_region/unbind", "region0", -ENODEV);
	absent("bus/nd/devices/namespace0.0");
	absent("bus/nd/devices/btt0.0");
	absent(REGION0 "/driver");
	shows(REGION0 "/uevent", "DEVTYPE=nd_pmem\nMODALIAS=nd:t2\n");
	shows(REGION0 "/namespace_seed", "\n");
	shows(REGION0 "/size", "536870912\n");
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.0", -ENODEV);
	ok(!dax_model_check(&model), "the model holds together");
	store("bus/nd/drivers/nd_region/bind", "region0", 0);
	shows(REGION0 "/namespace0.0/holder", "dax0.0\n");
	shows(REGION0 "/namespace0.0/holder_class", "\n");

	store("bus/platform/drivers/e820_pmem/unbind", "foo", -ENODEV);
	store("bus/platform/drivers/e820_pmem/unbind", "e820_pmem", 0);
	store("bus/platform/drivers/e820_pmem/unbind", "e820_pmem", -ENODEV);
	absent(E820 "/ndbus0");
	absent("class/nd/ndctl0");
	shows(E820 "/uevent", "MODALIAS=platform:e820_pmem\n");
	store("bus/platform/drivers/e820_pmem/bind", "e820_pmem", 0);
	store("bus/platform/drivers/e820_pmem/bind", "e820_pmem", -EBUSY);
	shows(E820 "/ndbus0/provider", "e820\n");
	shows(REGION0 "/dax0.0/dax0.0/size", "534773760\n");
	ok(!dax_model_check(&model), "the model holds together");
	teardown();
}

/* Files that exist only because daxctl or ndctl look for them. */
static void test_other_stores(void)
{
	setup_dynamic();
	store(R "/dax0.0/power/control", "on\n", 0);
	store(R "/dax0.0/power/control", "auto", 0);
	store(R "/dax0.0/power/control", "off", -EINVAL);
	store(R "/dax0.0/power/async", "enabled\n", 0);
	store(R "/dax0.0/power/async", "disabled", 0);
	store(R "/dax0.0/power/async", "1", -EINVAL);
	store(R "/dax0.0/power/autosuspend_delay_ms", "0", -EIO);
	store("devices/system/memory/auto_online_blocks", "offline\n", 0);
	store("devices/system/memory/auto_online_blocks", "online", -EINVAL);
	store("bus/dax/drivers/kmem/new_id", "foo", -EINVAL);
	store("bus/dax/drivers/kmem/bind", "dax0.0\n", -ENODEV);
	store("bus/dax/drivers/kmem/bind", "dax0.7", -ENODEV);
	absent("bus/dax/drivers/fsdev_dax");
	shows("module/fsdev_dax/initstate", "live\n");
	teardown();
	setup_static();
	store("bus/platform/drivers/e820_pmem/bind", "foo", -ENODEV);
	store("bus/nd/drivers/nd_region/bind", "region7", -ENODEV);
	store("bus/nd/drivers/nd_region/bind", "namespace0.0", -ENODEV);
	store("bus/nd/drivers/nd_region/unbind", "region00", -ENODEV);
	store("bus/nd/drivers/nd_region/unbind", "x", -ENODEV);
	store("bus/nd/drivers/dax_pmem/unbind", "region0", -ENODEV);
	store("bus/nd/drivers/dax_pmem/bind",
	      "dax0000000000000000000000000000000000000000000000000000000000000000000000."
	      "0",
	      -ENODEV);
	store("bus/nd/drivers/nd_pmem/bind", "namespace0.7", -ENODEV);
	store("bus/nd/drivers/nd_pmem/bind", "namespace", -ENODEV);
	teardown();
}

static void test_uevents(void)
{
	static const char *const paths[] = {
		"bus/dax/uevent",
		"bus/dax/drivers/device_dax/uevent",
		"bus/nd/uevent",
		"bus/nd/drivers/nd_bus/uevent",
		"bus/nd/drivers/nvdimm/uevent",
		"bus/platform/drivers/e820_pmem/uevent",
		E820 "/uevent",
		E820 "/ndbus0/uevent",
		E820 "/ndbus0/nd/ndctl0/uevent",
		REGION0 "/uevent",
		REGION0 "/namespace0.0/uevent",
		REGION0 "/btt0.0/uevent",
		REGION0 "/dax0.0/uevent",
		REGION0 "/dax0.0/dax0.0/uevent",
		REGION0 "/dax0.0/dax0.0/mapping0/uevent",
	};
	size_t i;

	setup_static();
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		store(paths[i], "change\n", 0);
		store(paths[i], "garbage", -EINVAL);
	}
	teardown();
}

static void test_paths(void)
{
	char path[600];
	char *text;

	setup_static();
	store("bus/dax/drivers/device_dax/nothing", "x", -ENOENT);
	store("nothing/at/all", "x", -ENOENT);
	store("", "x", -EISDIR);
	store("bus", "x", -EISDIR);
	store("class/nd/ndctl0", "x", -EISDIR);
	store("bus/dax/uevent/", "add", -ENOTDIR);
	store("bus/dax/uevent/x", "add", -ENOTDIR);
	store("/bus//dax/./uevent", "add", 0);
	store("bus/dax/devices/../uevent", "add", 0);
	store("../bus/dax/uevent", "add", 0);
	store("class/nd/ndctl0/device/region0/uevent", "add", 0);
	store("class/nd/ndctl0/../../uevent", "add", 0);
	store("dev/char/252:0/subsystem/uevent", "add", 0);
	store("dev/char/252:0/driver/module/refcnt", "1", -EACCES);
	strcpy(path, "class/nd/ndctl0");
	while (strlen(path) < 230)
		strcat(path, "/device/nd/ndctl0");
	strcat(path, "/uevent");
	store(path, "add", 0);
	memset(path, 'x', sizeof(path));
	path[300] = '\0';
	store(path, "x", -ENAMETOOLONG);
	path[255] = '\0';
	store(path, "x", -ENOENT);

	/* Only the beginning of a long text is examined. */
	text = malloc(3 * DAX_SYSFS_TEXT_MAX);
	memset(text, 'x', 3 * DAX_SYSFS_TEXT_MAX);
	is(dax_sysfs_store(&model, "bus/dax/uevent", text, 3 * DAX_SYSFS_TEXT_MAX),
	   -EINVAL, "a long text");
	is(dax_sysfs_store(&model, "bus/dax/drivers/device_dax/new_id", text,
			   3 * DAX_SYSFS_TEXT_MAX),
	   -EINVAL, "a long name");
	free(text);
	is(dax_sysfs_store(&model, "bus/dax/uevent", "garbage", 0), 0, "no bytes");
	is(dax_sysfs_store(&model, "bus/dax/uevent", "add\0garbage", 11), 0,
	   "bytes behind a NUL");
	teardown();
}

static void test_proc_devices(void)
{
	char buf[64];

	setup_empty();
	is(dax_sysfs_proc_devices(&model, buf, sizeof(buf)), 18, "length");
	ok(!strcmp(buf, "246 ndctl\n252 dax\n"), "both majors, ascending");
	model.ndctl_major = 253;
	dax_sysfs_proc_devices(&model, buf, sizeof(buf));
	ok(!strcmp(buf, "252 dax\n253 ndctl\n"), "the other way round");
	model.major = 10;
	is(dax_sysfs_proc_devices(&model, buf, 8), 18, "cut off");
	ok(!strcmp(buf, " 10 dax"), "and terminated");
	teardown();
}

/* An error that @emit returns stops the walk and is returned by it. */
static int emit_stop(void *ctx, const struct dax_sysfs_node *node)
{
	(void)node;
	return ++*(int *)ctx == 3 ? -EIO : 0;
}

int main(void)
{
	int n = 0;

	test_trees();
	test_shown();
	test_create_delete();
	test_size_align_mapping();
	test_driver();
	test_static_stores();
	test_kernels();
	test_hmem_driver();
	test_nd_drivers();
	test_other_stores();
	test_uevents();
	test_paths();
	test_proc_devices();
	setup_static();
	is(dax_sysfs_walk(&model, emit_stop, &n), -EIO, "a walk can be stopped");
	is(n, 3, "and ends there");
	teardown();
	return tap_done();
}
