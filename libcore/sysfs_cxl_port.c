/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes of CXL root, windows, host bridges' ports, endpoints and their decoders
 * (drivers/cxl/core/port.c, Linux 7.3).
 */
#include "libcore/sysfs_cxl_port.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/cxl_decoder.h"
#include "libcore/cxl_region.h"
#include "libcore/kstr.h"
#include "libcore/sysfs_cxl_object.h"

static const struct dax_cxl_window *window_of(const struct sysfs_obj *obj)
{
	return &obj->model->cxl->windows[obj->n];
}

static const struct dax_cxl_switch *switch_of(const struct sysfs_obj *obj)
{
	return &obj->model->cxl->bridges[obj->n / DAX_CXL_DECODERS]
			.decoders[obj->n % DAX_CXL_DECODERS];
}

static struct dax_cxl_decoder *decoder_of(const struct sysfs_obj *obj)
{
	return dax_cxl_decoder_get(obj->model->cxl, obj->n);
}

static int show_hex(uint64_t value, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", value);
}

static int show_u32(uint32_t value, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", value);
}

static int show_region_name(const struct dax_cxl_region *region, char *buf)
{
	if (!region)
		return sprintf(buf, "\n");
	return sprintf(buf, "region%" PRIu32 "\n", region->id);
}

static int show_window_start(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(window_of(obj)->start, buf);
}

static int show_window_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(window_of(obj)->size, buf);
}

static int show_window_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(window_of(obj)->ways, buf);
}

static int show_window_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(window_of(obj)->granularity, buf);
}

static int show_window_targets(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_window *window = window_of(obj);
	int len = 0;
	uint32_t i;

	for (i = 0; i < window->ways; i++)
		len += sprintf(buf + len, "%s%" PRIu32, i ? "," : "",
			       dax_cxl_host_bus(window->bridges[i]));
	return len + sprintf(buf + len, "\n");
}

static int show_next_region(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "region%" PRIu32 "\n",
		       dax_cxl_region_next_id(obj->model, obj->n));
}

/*
 * Scan "region%d" as the kernel's sscanf does: blanks before the number and all behind it do
 * not matter, and a number too large is cut to 32 bits.
 */
static int scan_region(const char *text, uint32_t *ret_id)
{
	const char *p = text;
	bool is_negative;
	uint64_t id = 0;

	if (strncmp(p, "region", strlen("region")))
		return -EINVAL;
	p += strlen("region");
	p += strspn(p, " \t\n\v\f\r");
	is_negative = *p == '-';
	p += is_negative;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		id = id * 10 + (uint64_t)(*p - '0');
	*ret_id = (uint32_t)(is_negative ? -id : id);
	return 0;
}

static int create_region(const struct sysfs_at *at, const char *text,
			 enum dax_cxl_mode mode)
{
	uint32_t id;
	int r;

	r = scan_region(text, &id);
	return r < 0 ? r : dax_cxl_region_create(at->model, at->n, id, mode, NULL);
}

static int store_create_ram(const struct sysfs_at *at, char *text)
{
	return create_region(at, text, DAX_CXL_RAM);
}

static int store_create_pmem(const struct sysfs_at *at, char *text)
{
	return create_region(at, text, DAX_CXL_PMEM);
}

static int store_delete_region(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_object object;
	struct dax_cxl_region *region;
	uint32_t id;
	int r;

	r = scan_region(text, &id);
	if (r < 0 && dax_kernel_has(at->model->kernel, DAX_RULE_CXL_LOCKED))
		return r;
	if (!dax_cxl_object_find(at->model, text, &object) ||
	    object.kind != DAX_CXL_REGION)
		return -ENODEV;
	region = dax_cxl_object_region(at->model, object.n);
	if (region->window != at->n)
		return -ENODEV;
	dax_cxl_region_delete(at->model, region);
	return 0;
}

const struct sysfs_attr dax_sysfs_cxl_window_attrs[] = {
	{.name = "cap_pmem", .mode = 0444, .text = "1\n"},
	{.name = "cap_ram", .mode = 0444, .text = "1\n"},
	{.name = "cap_type2", .mode = 0444, .text = "1\n"},
	{.name = "cap_type3", .mode = 0444, .text = "1\n"},
	{.name = "create_pmem_region",
	 .mode = 0644,
	 .show = show_next_region,
	 .store = store_create_pmem},
	{.name = "create_ram_region",
	 .mode = 0644,
	 .show = show_next_region,
	 .store = store_create_ram},
	{.name = "delete_region", .mode = 0200, .store = store_delete_region},
	{.name = "devtype", .mode = 0444, .text = "cxl_decoder_root\n"},
	{.name = "interleave_granularity", .mode = 0444, .show = show_window_granularity},
	{.name = "interleave_ways", .mode = 0444, .show = show_window_ways},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t0\n"},
	{.name = "qos_class", .mode = 0444, .text = "0\n"},
	{.name = "size", .mode = 0444, .show = show_window_size},
	{.name = "start", .mode = 0400, .show = show_window_start},
	{.name = "target_list", .mode = 0444, .show = show_window_targets},
	SYSFS_UEVENT("DEVTYPE=cxl_decoder_root\nMODALIAS=cxl:t0\n"),
	{0},
};

const struct sysfs_attr dax_sysfs_cxl_root_attrs[] = {
	{.name = "decoders_committed", .mode = 0444, .text = "0\n"},
	{.name = "devtype", .mode = 0444, .text = "cxl_port\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t4\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_port\nMODALIAS=cxl:t4\n"),
	{0},
};

static int show_port_committed(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(dax_cxl_decoder_port_committed(&obj->model->cxl->bridges[obj->n]),
			buf);
}

static int show_port_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=cxl_port\n%sMODALIAS=cxl:t3\n",
		       obj->model->cxl->bridges[obj->n].is_gone ? ""
								: "DRIVER=cxl_port\n");
}

const struct sysfs_attr dax_sysfs_cxl_port_attrs[] = {
	{.name = "decoders_committed", .mode = 0444, .show = show_port_committed},
	{.name = "devtype", .mode = 0444, .text = "cxl_port\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t3\n"},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_port_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static int show_switch_region(const struct sysfs_obj *obj, char *buf)
{
	return show_region_name(switch_of(obj)->region, buf);
}

static int show_switch_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(switch_of(obj)->decode.granularity, buf);
}

static int show_switch_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(switch_of(obj)->decode.ways, buf);
}

static int show_switch_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(switch_of(obj)->decode.size, buf);
}

static int show_switch_start(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(switch_of(obj)->decode.start, buf);
}

/* The list ends at a target whose port has not been found again (port.c). */
static int show_target_list(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_bridge *bridge =
		&obj->model->cxl->bridges[obj->n / DAX_CXL_DECODERS];
	const struct dax_cxl_switch *decoder = switch_of(obj);
	int len = 0;
	uint32_t i;

	for (i = 0; i < decoder->decode.ways && bridge->dports >> decoder->slots[i] & 1;
	     i++)
		len += sprintf(buf + len, "%s%" PRIu32, i ? "," : "", decoder->slots[i]);
	return len + sprintf(buf + len, "\n");
}

const struct sysfs_attr dax_sysfs_cxl_switch_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_decoder_switch\n"},
	{.name = "interleave_granularity", .mode = 0444, .show = show_switch_granularity},
	{.name = "interleave_ways", .mode = 0444, .show = show_switch_ways},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t0\n"},
	{.name = "region", .mode = 0444, .show = show_switch_region},
	{.name = "size", .mode = 0444, .show = show_switch_size},
	{.name = "start", .mode = 0400, .show = show_switch_start},
	{.name = "target_list", .mode = 0444, .show = show_target_list},
	{.name = "target_type", .mode = 0444, .text = "expander\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_decoder_switch\nMODALIAS=cxl:t0\n"),
	{0},
};

static int show_endpoint_committed(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(dax_cxl_decoder_committed(&obj->model->cxl->memdevs[obj->n]),
			buf);
}

const struct sysfs_attr dax_sysfs_cxl_endpoint_attrs[] = {
	{.name = "decoders_committed", .mode = 0444, .show = show_endpoint_committed},
	{.name = "devtype", .mode = 0444, .text = "cxl_port\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t3\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_port\nDRIVER=cxl_port\nMODALIAS=cxl:t3\n"),
	{0},
};

static int show_dpa_resource(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_decoder *decoder = decoder_of(obj);

	return show_hex(decoder->dpa_size ? decoder->dpa : UINT64_MAX, buf);
}

static int show_dpa_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%016" PRIx64 "\n", decoder_of(obj)->dpa_size);
}

static int store_dpa_size(const struct sysfs_at *at, char *text)
{
	struct dax_cxl *cxl = at->model->cxl;
	uint64_t size;
	int r;

	r = dax_kstr_u64(text, 0, &size);
	return r < 0 ? r
		     : dax_cxl_decoder_set_size(at->model,
						dax_cxl_decoder_get(cxl, at->n), size);
}

static int show_mode(const struct sysfs_obj *obj, char *buf)
{
	static const char *const modes[] = {
		[DAX_CXL_NONE] = "none",
		[DAX_CXL_RAM] = "ram",
		[DAX_CXL_PMEM] = "pmem",
	};

	return sprintf(buf, "%s\n", modes[decoder_of(obj)->mode]);
}

static int store_mode(const struct sysfs_at *at, char *text)
{
	struct dax_cxl *cxl = at->model->cxl;
	const char *mode = dax_kstr_chomp(text);

	if (strcmp(mode, "ram") && strcmp(mode, "pmem"))
		return -EINVAL;
	return dax_cxl_decoder_set_mode(at->model, dax_cxl_decoder_get(cxl, at->n),
					*mode == 'r' ? DAX_CXL_RAM : DAX_CXL_PMEM);
}

static int show_endpoint_region(const struct sysfs_obj *obj, char *buf)
{
	return show_region_name(decoder_of(obj)->region, buf);
}

static int show_endpoint_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(decoder_of(obj)->decode.granularity, buf);
}

static int show_endpoint_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_u32(decoder_of(obj)->decode.ways, buf);
}

static int show_endpoint_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(decoder_of(obj)->decode.size, buf);
}

static int show_endpoint_start(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(decoder_of(obj)->decode.start, buf);
}

const struct sysfs_attr dax_sysfs_cxl_decoder_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_decoder_endpoint\n"},
	{.name = "dpa_resource", .mode = 0444, .show = show_dpa_resource},
	{.name = "dpa_size",
	 .mode = 0644,
	 .show = show_dpa_size,
	 .store = store_dpa_size},
	{.name = "interleave_granularity",
	 .mode = 0444,
	 .show = show_endpoint_granularity},
	{.name = "interleave_ways", .mode = 0444, .show = show_endpoint_ways},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t0\n"},
	{.name = "mode", .mode = 0644, .show = show_mode, .store = store_mode},
	{.name = "region", .mode = 0444, .show = show_endpoint_region},
	{.name = "size", .mode = 0444, .show = show_endpoint_size},
	{.name = "start", .mode = 0400, .show = show_endpoint_start},
	{.name = "target_type", .mode = 0444, .text = "expander\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_decoder_endpoint\nMODALIAS=cxl:t0\n"),
	{0},
};
