/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of the config file: parse and print their values. */
#include "cuse-daxd/config/keys.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "libcore/cxl.h"
#include "libcore/driver.h"
#include "libcore/kernel.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/config/window.h"

struct word {
	const char *name;
	int value;
};

static const struct word frontend_words[] = {
	{"auto", DAXD_FRONTEND_AUTO},
	{"cuse", DAXD_FRONTEND_CUSE},
	{"none", DAXD_FRONTEND_NONE},
	{0},
};

static const struct word backing_words[] = {
	{"memory", DAXD_MEMORY},       {"memfd", DAXD_MEMORY}, {"hugetlb", DAXD_HUGETLB},
	{"hugetlbfs", DAXD_HUGETLBFS}, {"pmem", DAXD_PMEM},    {0},
};

static const struct word type_words[] = {
	{"static", DAX_REGION_STATIC},
	{"dynamic", DAX_REGION_DYNAMIC},
	{"cxl", DAX_REGION_CXL},
	{0},
};

static const struct word partition_words[] = {
	{"ram", DAX_CXL_RAM},
	{"pmem", DAX_CXL_PMEM},
	{0},
};

static const struct word ways_words[] = {
	{"1", 1}, {"2", 2}, {"4", 4}, {"8", 8}, {"16", 16}, {0},
};

static const struct word bridges_words[] = {
	{"1", 1},
	{"2", 2},
	{"4", 4},
	{0},
};

static const struct word granularity_words[] = {
	{"256", 256}, {"512", 512}, {"1K", 1024},   {"2K", 2048},
	{"4K", 4096}, {"8K", 8192}, {"16K", 16384}, {0},
};

static const struct word start_words[] = {
	{"devdax", DAX_CXL_START_DEVDAX},
	{"kernel", DAX_CXL_START_KERNEL},
	{"none", DAX_CXL_START_NONE},
	{0},
};

static const struct word driver_words[] = {
	{"devdax", DAX_DRIVER_DEVICE},
	{"system-ram", DAX_DRIVER_KMEM},
	{"famfs", DAX_DRIVER_FSDEV},
	{0},
};

static const struct word map_words[] = {
	{"mem", DAX_MAP_MEM},
	{"dev", DAX_MAP_DEV},
	{0},
};

static const struct word bool_words[] = {
	{"yes", true},
	{"no", false},
	{0},
};

static const struct word align_words[] = {
	{"4K", 4096},
	{"2M", 2 << 20},
	{"1G", 1 << 30},
	{0},
};

static const char *word_of(const struct word *words, int value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return "?";
}

static int parse_word(const struct word *words, const char *value, int *ret,
		      struct daxd_why *why)
{
	g_autoptr(GString) all = g_string_new(NULL);
	const struct word *w;

	for (w = words; w->name; w++) {
		if (!strcmp(w->name, value)) {
			*ret = w->value;
			return 0;
		}
		g_string_append_printf(all, "%s%s", all->len ? ", " : "", w->name);
	}
	return daxd_fail(why, EINVAL, "'%s' is not one of %s", value, all->str);
}

static int parse_frontend(const char *value, void *field, struct daxd_why *why)
{
	int word;
	int r;

	r = parse_word(frontend_words, value, &word, why);
	if (r == 0)
		*(enum daxd_frontend_kind *)field = (enum daxd_frontend_kind)word;
	return r;
}

static char *print_frontend(const void *field)
{
	return g_strdup(
		word_of(frontend_words, (int)*(const enum daxd_frontend_kind *)field));
}

static int parse_kernel(const char *value, void *field, struct daxd_why *why)
{
	char mistake[DAX_KERNEL_MISTAKE_LEN];

	if (dax_kernel_parse(value, field) < 0)
		return daxd_fail(why, EINVAL, "%s", dax_kernel_mistake(value, mistake));
	return 0;
}

static char *print_kernel(const void *field)
{
	return g_strdup(dax_kernel_name(*(const enum dax_kernel *)field));
}

static int check_path(const char *value, struct daxd_why *why)
{
	if (value[0] != '/')
		return daxd_fail(why, EINVAL,
				 "'%s' is not an absolute path (begin it with /)", value);
	if (strlen(value) > DAXD_PATH_MAX)
		return daxd_fail(why, ENAMETOOLONG,
				 "the path is longer than %d bytes (shorten it)",
				 DAXD_PATH_MAX);
	return 0;
}

static int parse_dir(const char *value, void *field, struct daxd_why *why)
{
	char **path = field;
	int r;

	r = check_path(value, why);
	if (r < 0)
		return r;
	g_free(*path);
	*path = g_strdup(value);
	return 0;
}

static char *print_dir(const void *field)
{
	return g_strdup(*(char *const *)field);
}

static int parse_log(const char *value, void *field, struct daxd_why *why)
{
	char **where = field;

	if (!*value)
		return daxd_fail(why, EINVAL,
				 "is empty (give a file or the number of a descriptor)");
	g_free(*where);
	*where = g_strdup(value);
	return 0;
}

/* True if the config names a file for this kind of backing store. */
static bool has_path(enum daxd_backing backing)
{
	return backing == DAXD_HUGETLBFS || backing == DAXD_PMEM;
}

/* KIND or KIND:PATH. It sets two fields, so @field is the region. */
static int parse_backing(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	const char *colon = strchr(value, ':');
	g_autofree char *kind =
		g_strndup(value, colon ? (size_t)(colon - value) : strlen(value));
	enum daxd_backing backing;
	int word;
	int r;

	if (parse_word(backing_words, kind, &word, why) < 0)
		return daxd_fail(
			why, EINVAL,
			"'%s' is not one of memory (or memfd), hugetlb, hugetlbfs:PATH, "
			"pmem:PATH",
			value);
	backing = (enum daxd_backing)word;
	if (has_path(backing) != !!colon)
		return daxd_fail(why, EINVAL,
				 colon ? "%s has no path (write %s)"
				       : "%s needs a path (write %s:PATH)",
				 kind, kind);
	if (colon) {
		r = check_path(colon + 1, why);
		if (r < 0)
			return r;
	}
	region->backing = backing;
	region->is_memfd = !strcmp(kind, "memfd");
	g_free(region->path);
	region->path = colon ? g_strdup(colon + 1) : NULL;
	return 0;
}

static char *print_backing(const void *field)
{
	const struct daxd_region_cfg *region = field;
	const char *name = daxd_keys_backing_word(region);

	return region->path ? g_strdup_printf("%s:%s", name, region->path)
			    : g_strdup(name);
}

static int parse_size(const char *value, void *field, struct daxd_why *why)
{
	int r = dax_size_parse(value, field);

	if (r == -ERANGE)
		return daxd_fail(why, ERANGE, "'%s' is too large (64T is the maximum)",
				 value);
	if (r < 0)
		return daxd_fail(why, EINVAL,
				 "'%s' is not a size (try 4096, 0x200000, 2M or 1G)",
				 value);
	return 0;
}

static char *print_size(const void *field)
{
	char buf[DAX_SIZE_STRLEN];

	return g_strdup(dax_size_format(*(const uint64_t *)field, buf));
}

static int parse_align(const char *value, void *field, struct daxd_why *why)
{
	uint64_t align;

	if (dax_size_parse(value, &align) < 0 || !dax_is_align(align))
		return daxd_fail(why, EINVAL, "'%s' is not one of 4K, 2M, 1G", value);
	*(uint64_t *)field = align;
	return 0;
}

static char *print_align(const void *field)
{
	return g_strdup(word_of(align_words, (int)*(const uint64_t *)field));
}

static int parse_type(const char *value, void *field, struct daxd_why *why)
{
	int word;
	int r;

	r = parse_word(type_words, value, &word, why);
	if (r == 0)
		*(enum dax_region_type *)field = (enum dax_region_type)word;
	return r;
}

static char *print_type(const void *field)
{
	return g_strdup(word_of(type_words, (int)*(const enum dax_region_type *)field));
}

static int parse_map(const char *value, void *field, struct daxd_why *why)
{
	int word;
	int r;

	r = parse_word(map_words, value, &word, why);
	if (r == 0)
		*(enum dax_region_map *)field = (enum dax_region_map)word;
	return r;
}

static char *print_map(const void *field)
{
	return g_strdup(word_of(map_words, (int)*(const enum dax_region_map *)field));
}

static int parse_bool(const char *value, void *field, struct daxd_why *why)
{
	int word;
	int r;

	r = parse_word(bool_words, value, &word, why);
	if (r == 0)
		*(bool *)field = word;
	return r;
}

static char *print_bool(const void *field)
{
	return g_strdup(word_of(bool_words, *(const bool *)field));
}

/* Digits only: no sign, no blanks. */
static bool parse_number(const char *value, unsigned int base, uint64_t max,
			 uint64_t *ret)
{
	return g_ascii_string_to_unsigned(value, base, 0, max, ret, NULL);
}

static int parse_node(const char *value, void *field, struct daxd_why *why)
{
	uint64_t node;

	if (!strcmp(value, "-1"))
		*(int *)field = -1;
	else if (parse_number(value, 10, DAXD_NODE_MAX, &node))
		*(int *)field = (int)node;
	else
		return daxd_fail(why, EINVAL,
				 "'%s' is not a node (0 to %d, or -1 for none)", value,
				 DAXD_NODE_MAX);
	return 0;
}

static char *print_node(const void *field)
{
	return g_strdup_printf("%d", *(const int *)field);
}

/* Parse part of a device number, or "auto". */
static int parse_up_to(const char *value, uint64_t least, uint64_t most, void *field,
		       struct daxd_why *why)
{
	uint64_t number;

	if (!strcmp(value, "auto"))
		*(int *)field = -1;
	else if (parse_number(value, 10, most, &number) && number >= least)
		*(int *)field = (int)number;
	else
		return daxd_fail(why, EINVAL,
				 "'%s' is not a number from %u to %u, or auto", value,
				 (unsigned int)least, (unsigned int)most);
	return 0;
}

static int parse_major(const char *value, void *field, struct daxd_why *why)
{
	return parse_up_to(value, 1, DAXD_MAJOR_MAX, field, why);
}

static int parse_minor(const char *value, void *field, struct daxd_why *why)
{
	return parse_up_to(value, 0, DAX_MINORS - 1, field, why);
}

/* "auto" is not printed. */
static char *print_auto(const void *field)
{
	const int number = *(const int *)field;

	return number < 0 ? NULL : g_strdup_printf("%d", number);
}

/* Parse the permissions of a node, or the mode of a device. */
static int parse_mode(const char *value, uint32_t *perms, enum dax_driver *driver,
		      struct daxd_why *why)
{
	struct daxd_why ignored;
	uint64_t number;
	int word = DAX_DRIVER_DEVICE;

	if (parse_number(value, 8, 0777, &number))
		*perms = (uint32_t)number;
	else if (parse_word(driver_words, value, &word, &ignored) < 0)
		return daxd_fail(why, EINVAL,
				 "'%s' is not a mode (octal, 0000 to 0777; or devdax, "
				 "system-ram, famfs)",
				 value);
	*driver = (enum dax_driver)word;
	return 0;
}

static char *print_mode(uint32_t perms, enum dax_driver driver)
{
	if (driver != DAX_DRIVER_DEVICE)
		return g_strdup(word_of(driver_words, (int)driver));
	return g_strdup_printf("%04o", perms);
}

static int parse_region_mode(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;

	return parse_mode(value, &region->perms.mode, &region->driver, why);
}

static char *print_region_mode(const void *field)
{
	const struct daxd_region_cfg *region = field;

	return print_mode(region->perms.mode, region->driver);
}

static int parse_device_mode(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_device_cfg *dev = field;

	return parse_mode(value, &dev->perms.mode, &dev->driver, why);
}

static char *print_device_mode(const void *field)
{
	const struct daxd_device_cfg *dev = field;

	return print_mode(dev->perms.mode, dev->driver);
}

static int parse_owner(const char *value, void *field, struct daxd_why *why)
{
	const struct passwd *pw;
	uint64_t id;

	if (parse_number(value, 10, UINT32_MAX - 1, &id)) {
		*(uid_t *)field = (uid_t)id;
		return 0;
	}
	pw = getpwnam(value);
	if (!pw)
		return daxd_fail(why, ENOENT,
				 "there is no user '%s' (useradd, or give a number)",
				 value);
	*(uid_t *)field = pw->pw_uid;
	return 0;
}

static int parse_group(const char *value, void *field, struct daxd_why *why)
{
	const struct group *gr;
	uint64_t id;

	if (parse_number(value, 10, UINT32_MAX - 1, &id)) {
		*(gid_t *)field = (gid_t)id;
		return 0;
	}
	gr = getgrnam(value);
	if (!gr)
		return daxd_fail(why, ENOENT,
				 "there is no group '%s' (groupadd, or give a number)",
				 value);
	*(gid_t *)field = gr->gr_gid;
	return 0;
}

static char *print_id(const void *field)
{
	return g_strdup_printf("%u", *(const uint32_t *)field);
}

/* The keys of CXL regions get the region itself, since only those print them. */
static char *print_cxl(const struct daxd_region_cfg *region, const char *value)
{
	return region->type == DAX_REGION_CXL ? g_strdup(value) : NULL;
}

static int parse_memdevs(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	uint64_t number;

	if (!parse_number(value, 10, DAX_CXL_MEMDEVS, &number) || !number)
		return daxd_fail(why, EINVAL, "'%s' is not a number from 1 to %d", value,
				 DAX_CXL_MEMDEVS);
	region->cxl.nr_memdevs = (uint32_t)number;
	return 0;
}

static char *print_memdevs(const void *field)
{
	const struct daxd_region_cfg *region = field;
	g_autofree char *value = g_strdup_printf("%u", region->cxl.nr_memdevs);

	return print_cxl(region, value);
}

static int parse_partition(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	int word;
	int r;

	r = parse_word(partition_words, value, &word, why);
	if (r == 0)
		region->cxl.partition = (enum dax_cxl_mode)word;
	return r;
}

static char *print_partition(const void *field)
{
	const struct daxd_region_cfg *region = field;

	return print_cxl(region, word_of(partition_words, (int)region->cxl.partition));
}

static int parse_interleave(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	int ways;
	int r;

	r = parse_word(ways_words, value, &ways, why);
	if (r == 0)
		region->cxl.ways = (uint32_t)ways;
	return r;
}

static char *print_interleave(const void *field)
{
	const struct daxd_region_cfg *region = field;

	return print_cxl(region, word_of(ways_words, (int)region->cxl.ways));
}

static int parse_granularity(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	const struct word *w;
	uint64_t bytes;
	int word;

	/* Any way to write the size will do. */
	if (dax_size_parse(value, &bytes) == 0)
		for (w = granularity_words; w->name; w++)
			if ((uint64_t)w->value == bytes)
				value = w->name;
	if (parse_word(granularity_words, value, &word, why) < 0)
		return -EINVAL;
	region->cxl.granularity = (uint32_t)word;
	return 0;
}

static char *print_granularity(const void *field)
{
	const struct daxd_region_cfg *region = field;

	return print_cxl(region,
			 word_of(granularity_words, (int)region->cxl.granularity));
}

static int parse_bridges(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	int nr;
	int r;

	r = parse_word(bridges_words, value, &nr, why);
	if (r == 0)
		region->cxl.nr_bridges = (uint32_t)nr;
	return r;
}

static char *print_bridges(const void *field)
{
	const struct daxd_region_cfg *region = field;

	return print_cxl(region, word_of(bridges_words, (int)region->cxl.nr_bridges));
}

static int parse_window(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;

	return daxd_windows_parse(value, &region->cxl, why);
}

static char *print_window(const void *field)
{
	const struct daxd_region_cfg *region = field;
	g_autofree char *value = daxd_windows_print(&region->cxl);

	return print_cxl(region, value);
}

static int parse_start(const char *value, void *field, struct daxd_why *why)
{
	struct daxd_region_cfg *region = field;
	int word;
	int r;

	r = parse_word(start_words, value, &word, why);
	if (r == 0)
		region->cxl.start = (enum dax_cxl_start)word;
	return r;
}

static char *print_start(const void *field)
{
	const struct daxd_region_cfg *region = field;

	if (region->type == DAX_REGION_STATIC)
		return NULL;
	return g_strdup(word_of(start_words, (int)region->cxl.start));
}

#define DAEMON(f) offsetof(struct daxd_config, f)
#define REGION(f) offsetof(struct daxd_region_cfg, f)
#define DEVICE(f) offsetof(struct daxd_device_cfg, f)

const struct daxd_key daxd_keys_daemon[] = {
	{"frontend", DAEMON(frontend), 0, parse_frontend, print_frontend},
	{"kernel", DAEMON(kernel), 0, parse_kernel, print_kernel},
	{"runtime-dir", DAEMON(runtime_dir), 0, parse_dir, print_dir},
	{"major", DAEMON(major), 0, parse_major, print_auto},
	{"fault-log", DAEMON(fault_log), 0, parse_log, print_dir},
	{0},
};

const struct daxd_key daxd_keys_region[] = {
	{"backing", 0, 0, parse_backing, print_backing},
	{"size", REGION(size), DAXD_GIVEN_SIZE, parse_size, print_size},
	{"align", REGION(align), DAXD_GIVEN_ALIGN, parse_align, print_align},
	{"type", REGION(type), 0, parse_type, print_type},
	{"map", REGION(map), DAXD_GIVEN_MAP, parse_map, print_map},
	{"pages", REGION(has_pages), 0, parse_bool, print_bool},
	{"numa-node", REGION(numa_node), DAXD_GIVEN_NUMA_NODE, parse_node, print_node},
	{"target-node", REGION(target_node), DAXD_GIVEN_TARGET_NODE, parse_node,
	 print_node},
	{"memdevs", 0, 0, parse_memdevs, print_memdevs},
	{"partition", 0, 0, parse_partition, print_partition},
	{"interleave", 0, 0, parse_interleave, print_interleave},
	{"granularity", 0, 0, parse_granularity, print_granularity},
	{"bridges", 0, 0, parse_bridges, print_bridges},
	{"window", 0, 0, parse_window, print_window},
	{"start", 0, 0, parse_start, print_start},
	{"mode", 0, DAXD_GIVEN_MODE, parse_region_mode, print_region_mode},
	{"owner", REGION(perms.uid), DAXD_GIVEN_OWNER, parse_owner, print_id},
	{"group", REGION(perms.gid), DAXD_GIVEN_GROUP, parse_group, print_id},
	{0},
};

const struct daxd_key daxd_keys_device[] = {
	{"size", DEVICE(size), DAXD_GIVEN_SIZE, parse_size, print_size},
	{"mode", 0, DAXD_GIVEN_MODE, parse_device_mode, print_device_mode},
	{"owner", DEVICE(perms.uid), DAXD_GIVEN_OWNER, parse_owner, print_id},
	{"group", DEVICE(perms.gid), DAXD_GIVEN_GROUP, parse_group, print_id},
	{"minor", DEVICE(minor), 0, parse_minor, print_auto},
	{0},
};

/**
 * daxd_keys_parse_frontend() - look up a front end by its name
 * @name:	"auto", "cuse", "none"
 * @ret:	receives the front end
 *
 * Return: 0 or -EINVAL.
 */
int daxd_keys_parse_frontend(const char *name, enum daxd_frontend_kind *ret)
{
	struct daxd_why why;

	return parse_frontend(name, ret, &why);
}

/**
 * daxd_keys_backing_word() - get the word for a region's kind of backing store
 * @region:	the region
 *
 * Return: the word that the config uses, or the name if it uses none; a constant.
 */
const char *daxd_keys_backing_word(const struct daxd_region_cfg *region)
{
	return region->is_memfd ? "memfd" : daxd_keys_backing_name(region->backing);
}

/**
 * daxd_keys_type_word() - get the word for a type of region
 * @type:	the type
 *
 * Return: the word that the config uses, a constant.
 */
const char *daxd_keys_type_word(enum dax_region_type type)
{
	return word_of(type_words, (int)type);
}

/**
 * daxd_keys_backing_name() - get the name of a kind of backing store
 * @backing:	the kind
 *
 * Return: the name, a constant.
 */
const char *daxd_keys_backing_name(enum daxd_backing backing)
{
	return word_of(backing_words, (int)backing);
}
