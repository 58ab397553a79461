/* SPDX-License-Identifier: BSD-2-Clause */
/* Print what libndctl and libdaxctl report about the machine, one fact per line. */
// LIBS: -lndctl -ldaxctl
#include <daxctl/libdaxctl.h>
#include <inttypes.h>
#include <ndctl/libndctl.h>
#include <limits.h>
#include <stdio.h>

/* Subject of the next lines; the libraries enumerate subjects in a random order. */
static char who[64];

#define OF(kind, name)    snprintf(who, sizeof(who), "%s %s", kind, name)
#define INT(what, value)  printf("%s: %s %lld\n", who, what, (long long)(value))
#define WORD(what, value) printf("%s: %s %s\n", who, what, (value) ? (value) : "(null)")
/* A value that differs from machine to machine: print only whether there is one. */
#define PLACE(what, value) WORD(what, (value) == ULLONG_MAX ? "none" : "a place")

static void daxctl_device(struct daxctl_dev *dev)
{
	struct daxctl_mapping *mapping;

	OF("daxctl device", daxctl_dev_get_devname(dev));
	INT("id", daxctl_dev_get_id(dev));
	INT("size", daxctl_dev_get_size(dev));
	INT("align", daxctl_dev_get_align(dev));
	INT("target_node", daxctl_dev_get_target_node(dev));
	INT("enabled", daxctl_dev_is_enabled(dev));
	INT("memory", daxctl_dev_get_memory(dev) != NULL);
	INT("major", daxctl_dev_get_major(dev) > 0);
	PLACE("resource", daxctl_dev_get_resource(dev));
	daxctl_mapping_foreach(dev, mapping)
	{
		INT("mapping size", daxctl_mapping_get_size(mapping));
		INT("mapping offset", daxctl_mapping_get_offset(mapping));
		INT("mapping length",
		    daxctl_mapping_get_end(mapping) - daxctl_mapping_get_start(mapping));
	}
}

static void daxctl_regions(struct daxctl_ctx *ctx)
{
	struct daxctl_region *region;
	struct daxctl_dev *dev;

	daxctl_region_foreach(ctx, region)
	{
		OF("daxctl region", daxctl_region_get_devname(region));
		INT("id", daxctl_region_get_id(region));
		INT("size", daxctl_region_get_size(region));
		INT("align", daxctl_region_get_align(region));
		INT("available", daxctl_region_get_available_size(region));
		INT("seed", daxctl_region_get_dev_seed(region) != NULL);
		WORD("path", daxctl_region_get_path(region));
		daxctl_dev_foreach(region, dev) daxctl_device(dev);
	}
}

static void nd_dax(struct ndctl_dax *dax)
{
	int i;

	OF("dax", ndctl_dax_get_devname(dax));
	INT("valid", ndctl_dax_is_valid(dax));
	INT("enabled", ndctl_dax_is_enabled(dax));
	INT("configured", ndctl_dax_is_configured(dax));
	INT("size", ndctl_dax_get_size(dax));
	INT("has align", ndctl_dax_has_align(dax));
	INT("align", ndctl_dax_get_align(dax));
	INT("location", ndctl_dax_get_location(dax));
	PLACE("resource", ndctl_dax_get_resource(dax));
	for (i = 0; i < ndctl_dax_get_num_alignments(dax); i++)
		INT("supported", ndctl_dax_get_supported_alignment(dax, i));
	WORD("namespace",
	     ndctl_dax_get_namespace(dax)
		     ? ndctl_namespace_get_devname(ndctl_dax_get_namespace(dax))
		     : NULL);
	INT("daxctl region", ndctl_dax_get_daxctl_region(dax) != NULL);
}

static void nd_namespace(struct ndctl_namespace *ns)
{
	int i;

	OF("namespace", ndctl_namespace_get_devname(ns));
	INT("id", ndctl_namespace_get_id(ns));
	INT("type", ndctl_namespace_get_type(ns));
	WORD("type name", ndctl_namespace_get_type_name(ns));
	INT("mode", ndctl_namespace_get_mode(ns));
	INT("enforce", ndctl_namespace_get_enforce_mode(ns));
	INT("size", ndctl_namespace_get_size(ns));
	INT("enabled", ndctl_namespace_is_enabled(ns));
	INT("valid", ndctl_namespace_is_valid(ns));
	INT("configured", ndctl_namespace_is_configured(ns));
	INT("active", ndctl_namespace_is_active(ns));
	INT("raw", ndctl_namespace_get_raw_mode(ns));
	INT("numa_node", ndctl_namespace_get_numa_node(ns));
	INT("target_node", ndctl_namespace_get_target_node(ns));
	WORD("alt name", ndctl_namespace_get_alt_name(ns));
	WORD("block device", ndctl_namespace_get_block_device(ns));
	INT("sector size", ndctl_namespace_get_sector_size(ns));
	for (i = 0; i < ndctl_namespace_get_num_sector_sizes(ns); i++)
		INT("supported", ndctl_namespace_get_supported_sector_size(ns, i));
	INT("badblock", ndctl_namespace_get_first_badblock(ns) != NULL);
	INT("dax", ndctl_namespace_get_dax(ns) != NULL);
	INT("pfn", ndctl_namespace_get_pfn(ns) != NULL);
	INT("btt", ndctl_namespace_get_btt(ns) != NULL);
}

static void nd_region(struct ndctl_region *region)
{
	struct ndctl_namespace *ns;
	struct ndctl_dax *dax;
	struct ndctl_pfn *pfn;
	struct ndctl_btt *btt;

	OF("region", ndctl_region_get_devname(region));
	INT("id", ndctl_region_get_id(region));
	INT("type", ndctl_region_get_type(region));
	WORD("type name", ndctl_region_get_type_name(region));
	INT("nstype", ndctl_region_get_nstype(region));
	INT("size", ndctl_region_get_size(region));
	INT("align", ndctl_region_get_align(region));
	INT("available", ndctl_region_get_available_size(region));
	INT("max extent", ndctl_region_get_max_available_extent(region));
	INT("mappings", ndctl_region_get_mappings(region));
	INT("interleave", ndctl_region_get_interleave_ways(region));
	INT("range index", ndctl_region_get_range_index(region));
	INT("numa_node", ndctl_region_get_numa_node(region));
	INT("target_node", ndctl_region_get_target_node(region));
	INT("read only", ndctl_region_get_ro(region));
	INT("enabled", ndctl_region_is_enabled(region));
	INT("persistence", ndctl_region_get_persistence_domain(region));
	INT("deep flush", ndctl_region_deep_flush(region));
	INT("badblock", ndctl_region_get_first_badblock(region) != NULL);
	PLACE("resource", ndctl_region_get_resource(region));
	ndctl_namespace_foreach(region, ns) nd_namespace(ns);
	ndctl_dax_foreach(region, dax) nd_dax(dax);
	ndctl_pfn_foreach(region, pfn)
		printf("pfn %s size %lld align %lu\n", ndctl_pfn_get_devname(pfn),
		       (long long)ndctl_pfn_get_size(pfn), ndctl_pfn_get_align(pfn));
	ndctl_btt_foreach(region, btt)
		printf("btt %s sector %u\n", ndctl_btt_get_devname(btt),
		       ndctl_btt_get_sector_size(btt));
}

int main(void)
{
	struct daxctl_ctx *daxctl;
	struct ndctl_region *region;
	struct ndctl_dimm *dimm;
	struct ndctl_ctx *ctx;
	struct ndctl_bus *bus;

	if (ndctl_new(&ctx) || daxctl_new(&daxctl))
		return 1;
	ndctl_bus_foreach(ctx, bus)
	{
		OF("bus", ndctl_bus_get_devname(bus));
		WORD("provider", ndctl_bus_get_provider(bus));
		INT("nfit", ndctl_bus_has_nfit(bus));
		INT("of_node", ndctl_bus_has_of_node(bus));
		INT("papr", ndctl_bus_is_papr_scm(bus));
		INT("revision", ndctl_bus_get_revision(bus));
		INT("wait_probe", ndctl_bus_wait_probe(bus));
		INT("persistence", ndctl_bus_get_persistence_domain(bus));
		INT("ars", ndctl_bus_is_cmd_supported(bus, 1 /* ARS_CAP */));
		INT("major", ndctl_bus_get_major(bus) > 0);
		INT("scrub", ndctl_bus_get_scrub_state(bus));
		ndctl_dimm_foreach(bus, dimm)
			printf("dimm %s\n", ndctl_dimm_get_devname(dimm));
		ndctl_region_foreach(bus, region) nd_region(region);
	}
	daxctl_regions(daxctl);
	daxctl_unref(daxctl);
	ndctl_unref(ctx);
	return 0;
}
