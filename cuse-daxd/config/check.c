/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Check that settings are compatible, and compute all sizes.
 *
 * Sizes are usable bytes. The size of a region is set in the config, or else the sum of
 * its devices' sizes, or the size of its backing file, or 1G; one device may take what
 * the others leave. Where a file decides, region->size is 0 until the file is opened.
 */
#include "cuse-daxd/config/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/address.h"
#include "libcore/cxl.h"
#include "libcore/driver.h"
#include "libcore/infoblock.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/config/config.h"
#include "cuse-daxd/config/keys.h"
#include "cuse-daxd/config/same_file.h"
#include "cuse-daxd/config/window.h"

static bool has_size(const struct daxd_device_cfg *dev)
{
	return dev->given & DAXD_GIVEN_SIZE;
}

static void check_size(const struct daxd_config *cfg, int line, GPtrArray *problems,
		       const char *group, uint64_t size, uint64_t unit)
{
	char is[DAX_SIZE_STRLEN];
	char of[DAX_SIZE_STRLEN];
	char lower[DAX_SIZE_STRLEN];
	char upper[DAX_SIZE_STRLEN];

	dax_size_format(size, is);
	dax_size_format(unit, of);
	/* That of CXL is a multiple of the number of memory devices. */
	dax_size_format(size / unit * unit, lower);
	dax_size_format((size + unit - 1) / unit * unit, upper);
	if (!size)
		daxd_config_problem(cfg, line, problems,
				    "[%s] size=0 is too small (the smallest size is %s)",
				    group, of);
	else if (size < unit)
		daxd_config_problem(cfg, line, problems,
				    "[%s] size=%s is not a multiple of %s (try %s)",
				    group, is, of, upper);
	else if (size % unit)
		daxd_config_problem(cfg, line, problems,
				    "[%s] size=%s is not a multiple of %s (try %s or %s)",
				    group, is, of, lower, upper);
}

static void check_sizes(const struct daxd_config *cfg,
			const struct daxd_region_cfg *region, GPtrArray *problems)
{
	uint64_t unit = dax_address_unit(region->type, region->backing == DAXD_PMEM,
					 region->align);
	const struct daxd_device_cfg *dev;
	g_autofree char *name = g_strdup_printf("region %u", region->id);

	if (region->type == DAX_REGION_CXL)
		unit *= region->cxl.nr_memdevs;
	if (region->given & DAXD_GIVEN_SIZE)
		check_size(cfg, region->line, problems, name, region->size, unit);
	for (dev = region->devices; dev; dev = dev->next) {
		g_autofree char *group = NULL;

		if (!has_size(dev) || (!dev->size && region->type == DAX_REGION_DYNAMIC))
			continue;
		group = g_strdup_printf("device %u.%u", region->id, dev->id);
		check_size(cfg, dev->line, problems, group, dev->size, unit);
	}
}

static struct daxd_device_cfg *find_rest(const struct daxd_region_cfg *region)
{
	struct daxd_device_cfg *dev;

	for (dev = region->devices; dev; dev = dev->next)
		if (!has_size(dev))
			return dev;
	return NULL;
}

static uint64_t sum_of(const struct daxd_region_cfg *region)
{
	const struct daxd_device_cfg *dev;
	uint64_t sum = 0;

	for (dev = region->devices; dev; dev = dev->next)
		if (has_size(dev))
			sum += dev->size;
	return sum;
}

/**
 * daxd_check_settle() - set the size of a region once it is known
 * @cfg:	the configuration
 * @region:	the region
 * @size:	usable bytes of the region; 0: unknown, use the default
 * @problems:	receives a sentence if the devices do not fit
 *
 * Gives the rest to the device that has no size of its own. May be called again with the
 * resulting size.
 */
void daxd_check_settle(const struct daxd_config *cfg, struct daxd_region_cfg *region,
		       uint64_t size, GPtrArray *problems)
{
	struct daxd_device_cfg *rest = find_rest(region);
	uint64_t sum = sum_of(region);
	char is[DAX_SIZE_STRLEN];
	char has[DAX_SIZE_STRLEN];

	if (!size && rest && sum) {
		daxd_config_problem(cfg, rest->line, problems,
				    "[device %u.%u] has no size, and the size of its "
				    "region is unknown (set its size, or that of "
				    "[region %u])",
				    region->id, rest->id, region->id);
		return;
	}
	if (!size)
		size = rest || !sum ? DAXD_DEFAULT_SIZE : sum;
	dax_size_format(size, is);
	dax_size_format(sum, has);
	if (sum > size || (rest && sum == size))
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] has %s, but its devices take %s%s "
				    "(make the region larger or a device smaller)",
				    region->id, is, has,
				    rest ? " and leave nothing for the one without size"
					 : "");
	else if (!rest && sum < size && region->type == DAX_REGION_STATIC)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] has %s, but its devices take only %s "
				    "(leave out the size of the region or of one device)",
				    region->id, is, has);
	region->size = size;
	if (rest)
		rest->size = size - sum;
}

static void settle(const struct daxd_config *cfg, struct daxd_region_cfg *region,
		   GPtrArray *problems)
{
	struct daxd_device_cfg *rest = find_rest(region);
	struct daxd_device_cfg *dev;

	for (dev = rest ? rest->next : NULL; dev; dev = dev->next) {
		if (has_size(dev))
			continue;
		daxd_config_problem(cfg, dev->line, problems,
				    "[device %u.%u] has no size, and neither has [device "
				    "%u.%u]; only one can take the rest (set its size)",
				    region->id, dev->id, region->id, rest->id);
		return;
	}
	if (region->given & DAXD_GIVEN_SIZE)
		daxd_check_settle(cfg, region, region->size, problems);
	else if (!region->path || (!rest && region->type == DAX_REGION_STATIC))
		daxd_check_settle(cfg, region, 0, problems);
}

static void inherit_perms(struct daxd_region_cfg *region, struct daxd_device_cfg *dev)
{
	/* mode= is either permissions or a driver; the other is the region's. */
	if (!(dev->given & DAXD_GIVEN_MODE) || dev->driver != DAX_DRIVER_DEVICE)
		dev->perms.mode = region->perms.mode;
	if (!(dev->given & DAXD_GIVEN_MODE))
		dev->driver = region->driver;
	if (!(dev->given & DAXD_GIVEN_OWNER))
		dev->perms.uid = region->perms.uid;
	if (!(dev->given & DAXD_GIVEN_GROUP))
		dev->perms.gid = region->perms.gid;
}

static bool is_same_perms(const struct daxd_perms *a, const struct daxd_perms *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

/* A client that gets a descriptor of a shared store can access the whole region. */
static void check_perms(const struct daxd_config *cfg,
			const struct daxd_region_cfg *region, GPtrArray *problems)
{
	bool is_dynamic = region->type != DAX_REGION_STATIC;
	const struct daxd_device_cfg *dev;

	if (!daxd_config_is_shared(region) || !region->devices)
		return;
	for (dev = region->devices; dev; dev = dev->next) {
		/* Devices created later have the region's permissions. */
		if (is_same_perms(&dev->perms,
				  is_dynamic ? &region->perms : &region->devices->perms))
			continue;
		daxd_config_problem(cfg, dev->line, problems,
				    "[device %u.%u] differs in mode, owner or group from "
				    "its region's other devices, but shares its "
				    "memory with them (set them in [region %u]%s)",
				    region->id, dev->id, region->id,
				    is_dynamic ? ""
					       : ", or use backing=memory or hugetlb");
	}
}

static void check_backing(const struct daxd_config *cfg,
			  const struct daxd_region_cfg *region, GPtrArray *problems)
{
	if ((region->backing == DAXD_HUGETLB || region->backing == DAXD_HUGETLBFS) &&
	    region->align < 2 * DAX_MIB)
		daxd_config_problem(
			cfg, region->line, problems,
			"[region %u] align=4K is not possible on %s, whose "
			"pages are mapped whole (align=2M, or backing=memory)",
			region->id, daxd_keys_backing_name(region->backing));
}

/*
 * The text that a reload compares: the settings in the file, before defaults and backing
 * files complete them. Where each device has a store of its own, a reload compares the
 * devices one by one.
 */
static char *identity_of(const struct daxd_region_cfg *region)
{
	const uint32_t given =
		region->given & (DAXD_GIVEN_SIZE | DAXD_GIVEN_ALIGN | DAXD_GIVEN_MAP);
	g_autoptr(GString) text = g_string_new(NULL);
	const struct daxd_device_cfg *dev;

	g_string_printf(text, "%s:%s align=%ju type=%d map=%d pages=%d node=%d,%d",
			daxd_keys_backing_name(region->backing),
			region->path ? region->path : "", (uintmax_t)region->align,
			(int)region->type, (int)region->map, region->has_pages,
			region->numa_node, region->target_node);
	if (region->type == DAX_REGION_CXL) {
		g_autofree char *windows = daxd_windows_print(&region->cxl);

		g_string_append_printf(text, " cxl=%u,%d,%u,%u,%u,%s,%d",
				       region->cxl.nr_memdevs, (int)region->cxl.partition,
				       region->cxl.ways, region->cxl.granularity,
				       region->cxl.nr_bridges, windows,
				       (int)region->cxl.start);
	}
	if (region->type == DAX_REGION_DYNAMIC &&
	    region->cxl.start == DAX_CXL_START_KERNEL)
		g_string_append(text, " start=kernel");
	for (dev = region->devices; dev; dev = dev->next)
		if (dev->driver != DAX_DRIVER_DEVICE)
			g_string_append_printf(text, " %u=%s", dev->id,
					       dax_driver_name(dev->driver));
	if (!daxd_config_is_shared(region))
		return g_string_free(g_steal_pointer(&text), FALSE);
	g_string_append_printf(text, " given=%u size=%ju", given,
			       (uintmax_t)region->size);
	for (dev = region->devices; dev; dev = dev->next)
		g_string_append_printf(text, " %u:%d:%ju", dev->id, has_size(dev),
				       (uintmax_t)dev->size);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The number of targets of the region at the start, which must be a power of two. */
static uint32_t most_ways(uint32_t nr_memdevs)
{
	uint32_t ways = 1;

	while (ways * 2 <= nr_memdevs)
		ways *= 2;
	return ways;
}

/* True if the keys of CXL regions have their defaults, which other types ignore. */
static bool is_plain_cxl(const struct daxd_cxl_cfg *cxl)
{
	return cxl->nr_memdevs == 1 && cxl->partition == DAX_CXL_RAM && cxl->ways <= 1 &&
	       cxl->granularity == 256 && cxl->nr_bridges == 1 && cxl->nr_windows == 1 &&
	       !cxl->windows[0].size && !cxl->windows[0].ways;
}

/* True if a region can begin as `start=` says. */
static bool is_start_possible(const struct daxd_region_cfg *region)
{
	return region->type == DAX_REGION_CXL ||
	       region->cxl.start == DAX_CXL_START_DEVDAX ||
	       (region->type == DAX_REGION_DYNAMIC &&
		region->cxl.start == DAX_CXL_START_KERNEL);
}

/* The defaults of a CXL region: those of other types do not fit. */
static void complete_cxl(struct daxd_region_cfg *region)
{
	const uint64_t unit = DAX_CXL_UNIT * region->cxl.nr_memdevs;

	/* core/region.c: cxl_pmem_region's node is that of its addresses. */
	if (!(region->given & DAXD_GIVEN_NUMA_NODE))
		region->numa_node = region->cxl.partition == DAX_CXL_PMEM ? 0 : -1;
	if (!(region->given & DAXD_GIVEN_TARGET_NODE))
		region->target_node = 1;
	if (!region->cxl.ways)
		region->cxl.ways = most_ways(region->cxl.nr_memdevs);
	if (!(region->given & DAXD_GIVEN_SIZE) && !sum_of(region)) {
		region->given |= DAXD_GIVEN_SIZE;
		region->size = (DAXD_DEFAULT_SIZE + unit - 1) / unit * unit;
	}
}

/* There is one nd bus: that of CXL, or that of the static regions. */
static void check_nd_bus(const struct daxd_config *cfg,
			 const struct daxd_region_cfg *region, GPtrArray *problems)
{
	const struct daxd_region_cfg *other;

	if (region->cxl.partition != DAX_CXL_PMEM)
		return;
	for (other = cfg->regions; other; other = other->next)
		if (other->type == DAX_REGION_STATIC)
			daxd_config_problem(cfg, region->line, problems,
					    "[region %u] partition=pmem is not possible "
					    "beside [region %u] of type=static (use "
					    "type=dynamic there)",
					    region->id, other->id);
}

/* True if the namespace at the start has room for a device. */
static bool has_room_for_device(const struct daxd_region_cfg *region)
{
	const uint64_t size = region->size / region->cxl.nr_memdevs * region->cxl.ways;
	struct dax_infoblock block;

	return region->cxl.partition == DAX_CXL_RAM ||
	       region->cxl.start != DAX_CXL_START_DEVDAX ||
	       dax_infoblock_fill(size, region->align, region->map, &block);
}

static void check_cxl(const struct daxd_config *cfg, const struct daxd_region_cfg *region,
		      GPtrArray *problems)
{
	const struct daxd_region_cfg *other;

	check_nd_bus(cfg, region, problems);
	for (other = cfg->regions; other != region; other = other->next)
		if (other->type == DAX_REGION_CXL)
			daxd_config_problem(cfg, region->line, problems,
					    "[region %u] type=cxl is that of [region %u] "
					    "as well (make one region of both, with "
					    "memdevs=)",
					    region->id, other->id);
	if (region->backing == DAXD_PMEM)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] backing=pmem is not possible with "
				    "type=cxl (use memory, hugetlb or hugetlbfs)",
				    region->id);
	if (region->devices->id || region->devices->next)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] type=cxl has one device at the start, "
				    "dax%u.0 (make others with daxctl create-device)",
				    region->id, region->id);
	if (region->cxl.ways > region->cxl.nr_memdevs)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] interleave=%u is more than memdevs=%u "
				    "(make interleave smaller or memdevs larger)",
				    region->id, region->cxl.ways, region->cxl.nr_memdevs);
	if (region->cxl.nr_bridges > region->cxl.nr_memdevs)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] bridges=%u is more than memdevs=%u "
				    "(make bridges smaller or memdevs larger)",
				    region->id, region->cxl.nr_bridges,
				    region->cxl.nr_memdevs);
}

/* The first window must have room for all memory devices and for the region in it. */
static void settle_windows(const struct daxd_config *cfg, struct daxd_region_cfg *region,
			   GPtrArray *problems)
{
	const struct dax_cxl_window *first = &region->cxl.windows[0];
	const char *wrong = daxd_windows_complete(&region->cxl, region->size);
	char least[DAX_SIZE_STRLEN];

	if (has_size(region->devices) && region->devices->size != region->size)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] and [device %u.0] have different sizes "
				    "(leave one of them out)",
				    region->id, region->id);
	if (!has_room_for_device(region))
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] size= is too small for a namespace with "
				    "this align (make size larger or align smaller)",
				    region->id);
	if (wrong)
		daxd_config_problem(cfg, region->line, problems, "[region %u] %s",
				    region->id, wrong);
	else if (first->size < region->size)
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] window= must have room for all memory "
				    "devices (try %s)",
				    region->id, dax_size_format(region->size, least));
	else if (region->cxl.start != DAX_CXL_START_NONE &&
		 !daxd_windows_has_region(&region->cxl))
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] interleave=%u does not fit the host "
				    "bridges of the first window (use start=none, or a "
				    "multiple of %u with as many memory devices below "
				    "each)",
				    region->id, region->cxl.ways, first->ways);
}

static void check_region(const struct daxd_config *cfg, struct daxd_region_cfg *region,
			 GPtrArray *problems)
{
	guint before = problems->len;
	struct daxd_device_cfg *dev;

	if (!region->devices) {
		daxd_config_add_device(region, 0, region->line);
	} else if (region->type == DAX_REGION_DYNAMIC && region->devices->id) {
		/* The kernel creates daxN.0 with the region and never removes it. */
		dev = daxd_config_add_device(region, 0, region->line);
		dev->given |= DAXD_GIVEN_SIZE;
	}
	for (dev = region->devices; dev; dev = dev->next)
		inherit_perms(region, dev);
	if (region->type == DAX_REGION_CXL)
		complete_cxl(region);
	else if (!is_plain_cxl(&region->cxl))
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] memdevs=, partition=, interleave=, "
				    "granularity=, bridges= and window= need type=cxl",
				    region->id);
	if (!is_start_possible(region))
		daxd_config_problem(cfg, region->line, problems,
				    "[region %u] start=kernel needs type=dynamic or cxl, "
				    "start=none type=cxl",
				    region->id);
	region->identity = identity_of(region);
	if (region->type == DAX_REGION_CXL)
		check_cxl(cfg, region, problems);
	check_backing(cfg, region, problems);
	check_perms(cfg, region, problems);
	check_sizes(cfg, region, problems);
	if (problems->len == before)
		settle(cfg, region, problems);
	if (problems->len == before && region->type == DAX_REGION_CXL)
		settle_windows(cfg, region, problems);
}

static void check_totals(const struct daxd_config *cfg, GPtrArray *problems)
{
	const struct daxd_region_cfg *region;
	const struct daxd_device_cfg *dev;
	unsigned int count = 0;
	uint64_t size = 0;

	for (region = cfg->regions; region; region = region->next) {
		size += region->size;
		for (dev = region->devices; dev; dev = dev->next)
			count++;
	}
	if (count > DAXD_DEVICES_MAX)
		daxd_config_problem(cfg, 0, problems,
				    "there are %u devices, more than %d (remove some)",
				    count, DAXD_DEVICES_MAX);
	if (size > DAX_SIZE_MAX)
		daxd_config_problem(cfg, 0, problems,
				    "all regions together are larger than 64T (make "
				    "some smaller)");
}

/* No two devices may have the same number. */
static void check_minors(const struct daxd_config *cfg, GPtrArray *problems)
{
	const struct daxd_device_cfg *owner[DAX_MINORS] = {NULL};
	uint32_t owner_region[DAX_MINORS] = {0};
	const struct daxd_region_cfg *region;
	const struct daxd_device_cfg *dev;

	for (region = cfg->regions; region; region = region->next) {
		for (dev = region->devices; dev; dev = dev->next) {
			if (dev->minor < 0)
				continue;
			if (owner[dev->minor])
				daxd_config_problem(cfg, dev->line, problems,
						    "[device %u.%u] minor=%d is used by "
						    "[device %u.%u] as well (choose "
						    "another)",
						    region->id, dev->id, dev->minor,
						    owner_region[dev->minor],
						    owner[dev->minor]->id);
			owner[dev->minor] = dev;
			owner_region[dev->minor] = region->id;
		}
	}
}

/**
 * daxd_check_config() - fill in the defaults and check that the settings are compatible
 * @cfg:	as read; complete afterwards, except sizes that a backing file decides
 * @problems:	receives a sentence for each problem
 */
void daxd_check_config(struct daxd_config *cfg, GPtrArray *problems)
{
	struct daxd_region_cfg *region;

	if (!cfg->regions)
		daxd_config_add_region(cfg, 0, 0);
	for (region = cfg->regions; region; region = region->next)
		check_region(cfg, region, problems);
	check_minors(cfg, problems);
	daxd_same_file_check(cfg, problems);
	check_totals(cfg, problems);
}
