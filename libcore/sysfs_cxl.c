/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CXL bus in sysfs: the window, the host bridge, memory devices, their endpoints and
 * decoders, regions, the drivers (drivers/cxl, Linux 7.3).
 *
 * Of an object, `n` is the number of a memory device or of an endpoint decoder
 * (dax_cxl_decoder_get()); of a region, its id times DAX_CXL_WAYS plus the position of a target.
 */
#include "libcore/sysfs_cxl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/cxl_decoder.h"
#include "libcore/cxl_poison.h"
#include "libcore/cxl_region.h"
#include "libcore/kstr.h"
#include "libcore/model.h"
#include "libcore/sysfs_node.h"

/* PCI segment, host bridge and buses that no machine has. */
#define HOST "devices/pci7f00:0c"
#define PORT SYSFS_CXL_ROOT "/port1"
#define BUS  12 /* number of the host bridge's bus */

#define DRIVERS "bus/cxl/drivers"

enum kind {
	OTHER, /* no driver can be bound to it or unbound from it */
	PORT1,
	ENDPOINT,
	DECODER, /* of an endpoint */
	MEMDEV,
	REGION,
};

/* A device of the CXL bus. */
struct object {
	const struct dax_model *model;
	enum kind kind;
	uint32_t n;
	char name[32];
	char dir[DAX_SYSFS_PATH_MAX];
};

typedef bool (*object_fn)(void *ctx, const struct object *object);

/* Call @fn for an object. Return: what @fn returns, true to stop. */
__attribute__((format(printf, 4, 5))) static bool
visit_object(const struct object *like, object_fn fn, void *ctx, const char *dir, ...)
{
	struct object object = *like;
	va_list ap;

	va_start(ap, dir);
	vsnprintf(object.dir, sizeof(object.dir), dir, ap);
	va_end(ap);
	snprintf(object.name, sizeof(object.name), "%s", strrchr(object.dir, '/') + 1);
	return fn(ctx, &object);
}

static bool visit_endpoint(const struct dax_model *model, uint32_t n, object_fn fn,
			   void *ctx)
{
	const uint32_t port = model->cxl->memdevs[n].endpoint;
	struct object like = {.model = model, .kind = ENDPOINT, .n = n};
	uint32_t i;

	if (visit_object(&like, fn, ctx, PORT "/endpoint%" PRIu32, port))
		return true;
	like.kind = DECODER;
	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		like.n = n * DAX_CXL_DECODERS + i;
		if (visit_object(&like, fn, ctx,
				 PORT "/endpoint%" PRIu32 "/decoder%" PRIu32 ".%" PRIu32,
				 port, port, i))
			return true;
	}
	return false;
}

static uint32_t nr_port_decoders(const struct dax_cxl *cxl)
{
	if (cxl->is_port_gone)
		return 0;
	return cxl->nr_memdevs > 1 ? DAX_CXL_DECODERS : 1;
}

static bool visit_ports(const struct dax_model *model, object_fn fn, void *ctx)
{
	struct object like = {.model = model};
	uint32_t i;

	if (visit_object(&like, fn, ctx, SYSFS_CXL_ROOT) ||
	    visit_object(&like, fn, ctx, SYSFS_CXL_WINDOW))
		return true;
	like.kind = PORT1;
	if (visit_object(&like, fn, ctx, PORT))
		return true;
	like.kind = OTHER;
	for (i = 0; i < nr_port_decoders(model->cxl); i++)
		if (visit_object(&like, fn, ctx, PORT "/decoder1.%" PRIu32, i))
			return true;
	return false;
}

static const char *memdev_dir(uint32_t n, char *buf)
{
	snprintf(buf, DAX_SYSFS_PATH_MAX,
		 HOST "/7f00:0c:%02" PRIx32 ".0/7f00:%02" PRIx32 ":00.0/mem%" PRIu32, n,
		 BUS + 1 + n, n);
	return buf;
}

static bool visit_memdevs(const struct dax_model *model, object_fn fn, void *ctx)
{
	struct object like = {.model = model, .kind = MEMDEV};
	char dir[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	for (i = 0; i < model->cxl->nr_memdevs; i++) {
		like.n = i;
		if (visit_object(&like, fn, ctx, "%s", memdev_dir(i, dir)) ||
		    (model->cxl->memdevs[i].is_bound &&
		     visit_endpoint(model, i, fn, ctx)))
			return true;
	}
	return false;
}

static bool visit_regions(const struct dax_model *model, object_fn fn, void *ctx)
{
	const struct dax_cxl_region *region;

	dax_cxl_for_each_region(region, model->cxl)
	{
		struct object like = {.model = model, .kind = REGION, .n = region->id};

		if (visit_object(&like, fn, ctx, SYSFS_CXL_WINDOW "/region%" PRIu32,
				 region->id))
			return true;
		like.kind = OTHER;
		if (region->is_bound &&
		    visit_object(&like, fn, ctx,
				 SYSFS_CXL_WINDOW "/region%" PRIu32 "/dax_region%" PRIu32,
				 region->id, region->id))
			return true;
	}
	return false;
}

/* Call @fn for the devices of the bus until it returns true. */
static bool visit_objects(const struct dax_model *model, object_fn fn, void *ctx)
{
	return visit_ports(model, fn, ctx) || visit_memdevs(model, fn, ctx) ||
	       visit_regions(model, fn, ctx);
}

static bool is_wanted(void *ctx, const struct object *object)
{
	struct object *wanted = ctx;

	if (strcmp(object->name, wanted->name))
		return false;
	*wanted = *object;
	return true;
}

/* Find the device of a name, which may end with a newline. Return: true if it exists. */
static bool find_object(const struct dax_model *model, char *text, struct object *ret)
{
	*ret = (struct object){.model = model};
	snprintf(ret->name, sizeof(ret->name), "%s", dax_kstr_chomp(text));
	return visit_objects(model, is_wanted, ret);
}

static struct dax_cxl_decoder *decoder_of(const struct sysfs_obj *obj)
{
	return dax_cxl_decoder_get(obj->model->cxl, obj->n);
}

static struct dax_cxl_region *region_of(const struct dax_model *model, uint32_t n)
{
	return dax_cxl_region_find(model, n / DAX_CXL_WAYS);
}

/* The region that a decoder shows, if it decodes its addresses already. */
static const struct dax_cxl_region *decoded_by(const struct dax_cxl_region *region)
{
	return region && dax_cxl_region_is_active(region) ? region : NULL;
}

static int show_region_name(const struct dax_cxl_region *region, char *buf)
{
	if (!region)
		return sprintf(buf, "\n");
	return sprintf(buf, "region%" PRIu32 "\n", region->id);
}

static int show_hex(uint64_t value, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", value);
}

static int show_window_start(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(obj->model->cxl->start, buf);
}

static int show_window_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(obj->model->cxl->size, buf);
}

static int show_next_region(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "region%" PRIu32 "\n", dax_cxl_region_next_id(obj->model));
}

/* Scan "region%d" as the kernel's sscanf does: what follows the number does not matter. */
static int scan_region(const char *text, uint32_t *ret_id)
{
	const char *p = text;
	char *end;
	long id;

	if (strncmp(p, "region", strlen("region")))
		return -EINVAL;
	p += strlen("region");
	if (*p == '+')
		return -EINVAL;
	id = strtol(p, &end, 10);
	if (end == p)
		return -EINVAL;
	*ret_id = id < 0 || id > DAX_ID_MAX ? UINT32_MAX : (uint32_t)id;
	return 0;
}

static int create_region(const struct sysfs_at *at, const char *text,
			 enum dax_cxl_mode mode)
{
	uint32_t id;
	int r;

	r = scan_region(text, &id);
	return r < 0 ? r : dax_cxl_region_create(at->model, id, mode, NULL);
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
	struct object object;
	uint32_t id;
	int r;

	r = scan_region(text, &id);
	if (r < 0)
		return r;
	if (!find_object(at->model, text, &object) || object.kind != REGION)
		return -ENODEV;
	dax_cxl_region_delete(at->model, dax_cxl_region_find(at->model, object.n));
	return 0;
}

static const struct sysfs_attr window_attrs[] = {
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
	{.name = "interleave_granularity", .mode = 0444, .text = "256\n"},
	{.name = "interleave_ways", .mode = 0444, .text = "1\n"},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t0\n"},
	{.name = "qos_class", .mode = 0444, .text = "0\n"},
	{.name = "size", .mode = 0444, .show = show_window_size},
	{.name = "start", .mode = 0400, .show = show_window_start},
	{.name = "target_list", .mode = 0444, .text = "12\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_decoder_root\nMODALIAS=cxl:t0\n"),
	{0},
};

static const struct sysfs_attr root_attrs[] = {
	{.name = "decoders_committed", .mode = 0444, .text = "0\n"},
	{.name = "devtype", .mode = 0444, .text = "cxl_port\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t4\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_port\nMODALIAS=cxl:t4\n"),
	{0},
};

static int show_port_committed(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n",
		       dax_cxl_decoder_port_committed(obj->model->cxl));
}

static int show_port_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=cxl_port\n%sMODALIAS=cxl:t3\n",
		       obj->model->cxl->is_port_gone ? "" : "DRIVER=cxl_port\n");
}

static const struct sysfs_attr port_attrs[] = {
	{.name = "decoders_committed", .mode = 0444, .show = show_port_committed},
	{.name = "devtype", .mode = 0444, .text = "cxl_port\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t3\n"},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_port_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static const struct dax_cxl_region *port_decoded_by(const struct sysfs_obj *obj)
{
	return decoded_by(obj->model->cxl->decoders[obj->n].region);
}

static const struct dax_cxl_region *endpoint_decoded_by(const struct sysfs_obj *obj)
{
	return decoded_by(decoder_of(obj)->region);
}

static int show_granularity(const struct dax_cxl_region *region, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", region ? region->granularity : 256);
}

static int show_ways(const struct dax_cxl_region *region, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", region ? region->ways : 1);
}

static int show_port_region(const struct sysfs_obj *obj, char *buf)
{
	return show_region_name(obj->model->cxl->decoders[obj->n].region, buf);
}

static int show_port_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_granularity(port_decoded_by(obj), buf);
}

static int show_port_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_ways(port_decoded_by(obj), buf);
}

static int show_port_size(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = port_decoded_by(obj);

	return show_hex(region ? region->size : 0, buf);
}

static int show_port_start(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = port_decoded_by(obj);

	return show_hex(region ? region->start : 0, buf);
}

/* The numbers of the root ports, which are those of the memory devices. */
static int show_target_list(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = port_decoded_by(obj);
	int len = 0;
	uint32_t i;

	if (!region)
		return sprintf(buf, "0\n");
	for (i = 0; i < region->ways; i++)
		len += sprintf(buf + len, "%s%" PRIu32, i ? "," : "",
			       dax_cxl_decoder_memdev(obj->model->cxl,
						      region->targets[i]));
	return len + sprintf(buf + len, "\n");
}

static const struct sysfs_attr port_decoder_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_decoder_switch\n"},
	{.name = "interleave_granularity", .mode = 0444, .show = show_port_granularity},
	{.name = "interleave_ways", .mode = 0444, .show = show_port_ways},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t0\n"},
	{.name = "region", .mode = 0444, .show = show_port_region},
	{.name = "size", .mode = 0444, .show = show_port_size},
	{.name = "start", .mode = 0400, .show = show_port_start},
	{.name = "target_list", .mode = 0444, .show = show_target_list},
	{.name = "target_type", .mode = 0444, .text = "expander\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_decoder_switch\nMODALIAS=cxl:t0\n"),
	{0},
};

static int show_endpoint_committed(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_memdev *memdev = &obj->model->cxl->memdevs[obj->n];

	return sprintf(buf, "%" PRIu32 "\n", dax_cxl_decoder_committed(memdev));
}

static const struct sysfs_attr endpoint_attrs[] = {
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
		     : dax_cxl_decoder_set_size(cxl, dax_cxl_decoder_get(cxl, at->n),
						size);
}

static int show_mode(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n",
		       decoder_of(obj)->mode == DAX_CXL_RAM ? "ram" : "none");
}

static int store_mode(const struct sysfs_at *at, char *text)
{
	const char *mode = dax_kstr_chomp(text);

	if (strcmp(mode, "ram") && strcmp(mode, "pmem"))
		return -EINVAL;
	return dax_cxl_decoder_set_mode(dax_cxl_decoder_get(at->model->cxl, at->n),
					*mode == 'r' ? DAX_CXL_RAM : DAX_CXL_PMEM);
}

static int show_endpoint_region(const struct sysfs_obj *obj, char *buf)
{
	return show_region_name(decoder_of(obj)->region, buf);
}

static int show_endpoint_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_granularity(endpoint_decoded_by(obj), buf);
}

static int show_endpoint_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_ways(endpoint_decoded_by(obj), buf);
}

static int show_endpoint_size(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = endpoint_decoded_by(obj);

	return show_hex(region ? region->size : 0, buf);
}

static int show_endpoint_start(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = endpoint_decoded_by(obj);

	return show_hex(region ? region->start : 0, buf);
}

static const struct sysfs_attr endpoint_decoder_attrs[] = {
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

static int show_memdev_dev(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 ":%" PRIu32 "\n", obj->model->cxl->major, obj->n);
}

static int show_memdev_uevent(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;

	return sprintf(buf,
		       "MAJOR=%" PRIu32 "\nMINOR=%" PRIu32 "\nDEVNAME=cxl/mem%" PRIu32
		       "\nDEVTYPE=cxl_memdev\n%sMODALIAS=cxl:t5\n",
		       cxl->major, obj->n, obj->n,
		       cxl->memdevs[obj->n].is_bound ? "DRIVER=cxl_mem\n" : "");
}

static int show_serial(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(obj->n + 1, buf);
}

static int show_label_storage_size(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	return sprintf(buf, "%ju\n", (uintmax_t)DAX_CXL_LABELS);
}

static int show_payload_max(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	return sprintf(buf, "%d\n", DAX_CXL_PAYLOAD_MAX);
}

static int show_ram_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(obj->model->cxl->memdev_size, buf);
}

/* Succeeds with "true" only. */
static int store_true(const struct sysfs_at *at, char *text)
{
	bool is_on;

	(void)at;
	return dax_kstr_bool(text, &is_on) < 0 || !is_on ? -EINVAL : 0;
}

/* The list goes to tracefs, which does not exist (core/memdev.c). */
static int store_trigger_poison_list(const struct sysfs_at *at, char *text)
{
	return at->model->cxl->memdevs[at->n].is_bound ? store_true(at, text) : -EINVAL;
}

static const struct sysfs_attr memdev_attrs[] = {
	{.name = "dev", .mode = 0444, .show = show_memdev_dev},
	{.name = "firmware_version", .mode = 0444, .text = DAX_CXL_FIRMWARE "\n"},
	{.name = "label_storage_size", .mode = 0444, .show = show_label_storage_size},
	{.name = "numa_node", .mode = 0444, .text = "-1\n"},
	{.name = "payload_max", .mode = 0444, .show = show_payload_max},
	{.name = "serial", .mode = 0444, .show = show_serial},
	{.name = "trigger_poison_list", .mode = 0200, .store = store_trigger_poison_list},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_memdev_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static const struct sysfs_attr memdev_pmem_attrs[] = {
	{.name = "size", .mode = 0444, .text = "0x0\n"},
	{0},
};

static const struct sysfs_attr memdev_ram_attrs[] = {
	{.name = "size", .mode = 0444, .show = show_ram_size},
	{0},
};

static const struct sysfs_attr memdev_security_attrs[] = {
	{.name = "state", .mode = 0444, .text = "disabled\n"},
	{0},
};

static int show_commit(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", region_of(obj->model, obj->n)->is_committed);
}

static int store_commit(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_region *region = region_of(at->model, at->n);
	bool is_on;
	int r;

	r = dax_kstr_bool(text, &is_on);
	if (r < 0)
		return r;
	if (is_on)
		return dax_cxl_region_commit(at->model, region);
	dax_cxl_region_reset(at->model, region);
	return 0;
}

static int show_region_granularity(const struct sysfs_obj *obj, char *buf)
{
	return show_granularity(region_of(obj->model, obj->n), buf);
}

static int store_region_granularity(const struct sysfs_at *at, char *text)
{
	uint64_t value;
	int r;

	r = dax_kstr_u64(text, 0, &value);
	if (r < 0)
		return r;
	return dax_cxl_region_set_granularity(region_of(at->model, at->n), value);
}

static int show_region_ways(const struct sysfs_obj *obj, char *buf)
{
	return show_ways(region_of(obj->model, obj->n), buf);
}

static int store_region_ways(const struct sysfs_at *at, char *text)
{
	uint64_t value;
	int r;

	r = dax_kstr_u64(text, 0, &value);
	return r < 0 ? r : dax_cxl_region_set_ways(region_of(at->model, at->n), value);
}

static int show_region_mode(const struct sysfs_obj *obj, char *buf)
{
	const bool is_ram = region_of(obj->model, obj->n)->mode == DAX_CXL_RAM;

	return sprintf(buf, "%s\n", is_ram ? "ram" : "pmem");
}

static int show_region_resource(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = region_of(obj->model, obj->n);

	return show_hex(region->size ? region->start : UINT64_MAX, buf);
}

static int show_region_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(region_of(obj->model, obj->n)->size, buf);
}

static int store_region_size(const struct sysfs_at *at, char *text)
{
	uint64_t size;
	int r;

	r = dax_kstr_u64(text, 0, &size);
	if (r < 0)
		return r;
	return dax_cxl_region_set_size(at->model, region_of(at->model, at->n), size);
}

static int show_region_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=cxl_region\n%sMODALIAS=cxl:t6\n",
		       region_of(obj->model, obj->n)->is_bound ? "DRIVER=cxl_region\n"
							       : "");
}

static bool is_pmem(const struct sysfs_obj *obj)
{
	return region_of(obj->model, obj->n)->mode == DAX_CXL_PMEM;
}

static bool is_ram(const struct sysfs_obj *obj)
{
	return !is_pmem(obj);
}

static bool is_uuid_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int show_region_uuid(const struct sysfs_obj *obj, char *buf)
{
	const uint8_t *uuid = region_of(obj->model, obj->n)->uuid;
	int len = 0;

	while (len < 36)
		if (is_uuid_dash((size_t)len))
			buf[len++] = '-';
		else
			len += sprintf(buf + len, "%02x", *uuid++);
	return len + sprintf(buf + len, "\n");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;
	int value = p ? (int)(p - digits) : -1;

	return value > 15 ? value - 6 : value;
}

/* core/region.c: uuid_store(); the newline is a part of it. */
static int store_region_uuid(const struct sysfs_at *at, char *text)
{
	uint8_t uuid[DAX_UUID_LEN] = {0};
	size_t digits = 0;
	size_t i;

	if (strlen(text) != 37)
		return -EINVAL;
	for (i = 0; i < 36; i++) {
		int digit = hex_digit(text[i]);

		if (is_uuid_dash(i) ? text[i] != '-' : digit < 0)
			return -EINVAL;
		if (is_uuid_dash(i))
			continue;
		uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | digit);
		digits++;
	}
	return dax_cxl_region_set_uuid(at->model, region_of(at->model, at->n), uuid);
}

static const struct sysfs_attr region_attrs[] = {
	{.name = "commit", .mode = 0644, .show = show_commit, .store = store_commit},
	{.name = "devtype", .mode = 0444, .text = "cxl_region\n"},
	{.name = "interleave_granularity",
	 .mode = 0644,
	 .show = show_region_granularity,
	 .store = store_region_granularity},
	{.name = "interleave_ways",
	 .mode = 0644,
	 .show = show_region_ways,
	 .store = store_region_ways},
	{.name = "locked", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t6\n"},
	{.name = "mode", .mode = 0444, .show = show_region_mode},
	{.name = "resource", .mode = 0444, .show = show_region_resource},
	{.name = "size",
	 .mode = 0644,
	 .show = show_region_size,
	 .store = store_region_size},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_region_uevent,
	 .store = dax_sysfs_store_uevent},
	{.name = "uuid", .mode = 0444, .text = "\n", .is_visible = is_ram},
	{.name = "uuid",
	 .mode = 0644,
	 .show = show_region_uuid,
	 .store = store_region_uuid,
	 .is_visible = is_pmem},
	{0},
};

static int show_target(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	const struct dax_cxl_decoder *decoder =
		region_of(obj->model, obj->n)->targets[obj->n % DAX_CXL_WAYS];

	if (!decoder)
		return sprintf(buf, "\n");
	return sprintf(buf, "decoder%" PRIu32 ".%" PRIu32 "\n",
		       cxl->memdevs[dax_cxl_decoder_memdev(cxl, decoder)].endpoint,
		       dax_cxl_decoder_id(cxl, decoder));
}

static int store_target(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_region *region = region_of(at->model, at->n);
	struct object object;

	if (!*dax_kstr_chomp(text)) {
		dax_cxl_region_detach(at->model, region, at->n % DAX_CXL_WAYS);
		return 0;
	}
	if (!find_object(at->model, text, &object))
		return -ENODEV;
	if (object.kind != DECODER)
		return -EINVAL;
	return dax_cxl_region_attach(at->model, region, at->n % DAX_CXL_WAYS,
				     dax_cxl_decoder_get(at->model->cxl, object.n));
}

#define TARGET(i)                                                                        \
	{                                                                                \
		.name = "target" #i, .mode = 0644, .show = show_target,                  \
		.store = store_target                                                    \
	}

static const struct sysfs_attr target_attrs[DAX_CXL_WAYS] = {
	TARGET(0),  TARGET(1),  TARGET(2),  TARGET(3), TARGET(4),  TARGET(5),
	TARGET(6),  TARGET(7),  TARGET(8),  TARGET(9), TARGET(10), TARGET(11),
	TARGET(12), TARGET(13), TARGET(14), TARGET(15)};

static const struct sysfs_attr dax_region_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_dax_region\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t8\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_dax_region\nDRIVER=cxl_dax_region\nMODALIAS=cxl:t8\n"),
	{0},
};

static void walk_device(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			const struct sysfs_attr *attrs, const char *driver,
			const char *dir)
{
	char target[DAX_SYSFS_PATH_MAX];

	dax_sysfs_dir(walk, obj, attrs, "%s", dir);
	dax_sysfs_link(walk, "bus/cxl", "%s/subsystem", dir);
	if (!driver)
		return;
	snprintf(target, sizeof(target), DRIVERS "/%s", driver);
	dax_sysfs_link(walk, target, "%s/driver", dir);
}

static void walk_hosts(struct sysfs_walk *walk, const struct dax_cxl *cxl)
{
	char dir[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	dax_sysfs_dir(walk, NULL, NULL, "devices/platform/ACPI0017:00");
	dax_sysfs_dir(walk, NULL, NULL, HOST);
	/* cxl prints the name of the ACPI object as an alias. */
	dax_sysfs_dir(walk, NULL, NULL, HOST "/ACPI0016:00");
	dax_sysfs_link(walk, HOST "/ACPI0016:00", HOST "/firmware_node");
	for (i = 0; i < cxl->nr_memdevs; i++) {
		memdev_dir(i, dir);
		*strrchr(dir, '/') = '\0';
		dax_sysfs_dir(walk, NULL, NULL, HOST "/7f00:0c:%02" PRIx32 ".0", i);
		dax_sysfs_dir(walk, NULL, NULL, "%s", dir);
	}
}

static void walk_ports(struct sysfs_walk *walk, struct sysfs_obj *obj)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	char dir[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	walk_device(walk, obj, root_attrs, NULL, SYSFS_CXL_ROOT);
	dax_sysfs_link(walk, "devices/platform/ACPI0017:00", SYSFS_CXL_ROOT "/uport");
	dax_sysfs_link(walk, HOST, SYSFS_CXL_ROOT "/dport12");
	walk_device(walk, obj, window_attrs, NULL, SYSFS_CXL_WINDOW);
	walk_device(walk, obj, port_attrs, cxl->is_port_gone ? NULL : "cxl_port", PORT);
	dax_sysfs_link(walk, HOST, PORT "/uport");
	dax_sysfs_link(walk, HOST, PORT "/parent_dport");
	for (i = 0; i < cxl->nr_memdevs; i++) {
		snprintf(dir, sizeof(dir), HOST "/7f00:0c:%02" PRIx32 ".0", i);
		dax_sysfs_link(walk, dir, PORT "/dport%" PRIu32, i);
	}
	for (i = 0; i < nr_port_decoders(cxl); i++) {
		obj->n = i;
		snprintf(dir, sizeof(dir), PORT "/decoder1.%" PRIu32, i);
		walk_device(walk, obj, port_decoder_attrs, NULL, dir);
	}
}

static void walk_endpoint(struct sysfs_walk *walk, struct sysfs_obj *obj, uint32_t n,
			  const char *memdev)
{
	const uint32_t port = obj->model->cxl->memdevs[n].endpoint;
	char dir[DAX_SYSFS_PATH_MAX];
	char target[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	obj->n = n;
	snprintf(dir, sizeof(dir), PORT "/endpoint%" PRIu32, port);
	walk_device(walk, obj, endpoint_attrs, "cxl_port", dir);
	dax_sysfs_link(walk, memdev, "%s/uport", dir);
	snprintf(target, sizeof(target), HOST "/7f00:0c:%02" PRIx32 ".0", n);
	dax_sysfs_link(walk, target, "%s/parent_dport", dir);
	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		obj->n = n * DAX_CXL_DECODERS + i;
		snprintf(dir, sizeof(dir),
			 PORT "/endpoint%" PRIu32 "/decoder%" PRIu32 ".%" PRIu32, port,
			 port, i);
		walk_device(walk, obj, endpoint_decoder_attrs, NULL, dir);
	}
}

static void walk_memdev(struct sysfs_walk *walk, struct sysfs_obj *obj, uint32_t n)
{
	bool is_bound = obj->model->cxl->memdevs[n].is_bound;
	char dir[DAX_SYSFS_PATH_MAX];

	obj->n = n;
	memdev_dir(n, dir);
	walk_device(walk, obj, memdev_attrs, is_bound ? "cxl_mem" : NULL, dir);
	dax_sysfs_dir(walk, obj, memdev_pmem_attrs, "%s/pmem", dir);
	dax_sysfs_dir(walk, obj, memdev_ram_attrs, "%s/ram", dir);
	dax_sysfs_dir(walk, obj, memdev_security_attrs, "%s/security", dir);
	if (is_bound)
		walk_endpoint(walk, obj, n, dir);
}

static void walk_region(struct sysfs_walk *walk, struct sysfs_obj *obj,
			const struct dax_cxl_region *region)
{
	char dir[DAX_SYSFS_PATH_MAX / 2];
	char sub[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	obj->n = region->id * DAX_CXL_WAYS;
	snprintf(dir, sizeof(dir), SYSFS_CXL_WINDOW "/region%" PRIu32, region->id);
	walk_device(walk, obj, region_attrs, region->is_bound ? "cxl_region" : NULL, dir);
	for (i = 0; i < region->ways; i++) {
		obj->n = region->id * DAX_CXL_WAYS + i;
		dax_sysfs_file(walk, obj, &target_attrs[i], dir);
	}
	dax_sysfs_dir(walk, NULL, NULL, "%s/access0", dir);
	dax_sysfs_dir(walk, NULL, NULL, "%s/access1", dir);
	if (!region->is_bound)
		return;
	snprintf(sub, sizeof(sub), "%s/dax_region%" PRIu32, dir, region->id);
	walk_device(walk, obj, dax_region_attrs, "cxl_dax_region", sub);
}

/**
 * dax_sysfs_walk_cxl_devices() - visit the CXL bus's devices, except dax devices
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_devices(struct sysfs_walk *walk)
{
	struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	const struct dax_cxl *cxl = obj.model->cxl;
	const struct dax_cxl_region *region;
	uint32_t i;

	if (!cxl)
		return;
	walk_hosts(walk, cxl);
	walk_ports(walk, &obj);
	for (i = 0; i < cxl->nr_memdevs; i++)
		walk_memdev(walk, &obj, i);
	dax_cxl_for_each_region(region, cxl) walk_region(walk, &obj, region);
}

static int store_inject_poison(const struct sysfs_at *at, char *text)
{
	uint64_t dpa;
	int r;

	r = dax_kstr_u64(text, 0, &dpa);
	return r < 0 ? r : dax_cxl_poison_inject(at->model, at->n, dpa);
}

static int store_clear_poison(const struct sysfs_at *at, char *text)
{
	uint64_t dpa;
	int r;

	r = dax_kstr_u64(text, 0, &dpa);
	return r < 0 ? r : dax_cxl_poison_clear(at->model, at->n, dpa);
}

static const struct sysfs_attr memdev_debug_attrs[] = {
	{.name = "clear_poison", .mode = 0200, .store = store_clear_poison},
	{.name = "inject_poison", .mode = 0200, .store = store_inject_poison},
	{0},
};

/**
 * dax_sysfs_walk_cxl_debug() - visit CXL's part of debugfs
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_debug(struct sysfs_walk *walk)
{
	struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	const struct dax_cxl *cxl = obj.model->cxl;

	if (!cxl)
		return;
	dax_sysfs_dir(walk, NULL, NULL, "kernel");
	dax_sysfs_dir(walk, NULL, NULL, "kernel/debug");
	dax_sysfs_dir(walk, NULL, NULL, "kernel/debug/cxl");
	for (obj.n = 0; obj.n < cxl->nr_memdevs; obj.n++)
		if (cxl->memdevs[obj.n].is_bound)
			dax_sysfs_dir(walk, &obj, memdev_debug_attrs,
				      "kernel/debug/cxl/mem%" PRIu32, obj.n);
}

static int store_flush(const struct sysfs_at *at, char *text)
{
	(void)at;
	return strcmp(dax_kstr_chomp(text), "1") ? -EINVAL : 0;
}

/* A kind that no driver is for is ENODEV. */
static int bind_object(struct dax_model *model, const struct object *object)
{
	if (object->kind == PORT1)
		return dax_cxl_port_bind(model);
	if (object->kind == MEMDEV)
		return dax_cxl_memdev_bind(model, object->n);
	if (object->kind == REGION)
		return dax_cxl_region_bind(model, dax_cxl_region_find(model, object->n));
	/* An endpoint exists only with its driver. */
	return object->kind == ENDPOINT ? -EBUSY : -ENODEV;
}

/* An endpoint takes the driver of its memory device with it. */
static int unbind_object(struct dax_model *model, const struct object *object)
{
	if (object->kind == PORT1)
		return dax_cxl_port_unbind(model);
	if (object->kind == REGION)
		return dax_cxl_region_unbind(model,
					     dax_cxl_region_find(model, object->n));
	return dax_cxl_memdev_unbind(model, object->n);
}

/* True if a driver of CXL is for this kind of device. */
static bool is_driver_of(const char *driver, enum kind kind)
{
	if (!strcmp(driver, "cxl_port"))
		return kind == PORT1 || kind == ENDPOINT;
	return kind == (strcmp(driver, "cxl_mem") ? REGION : MEMDEV);
}

static int store_bind(const struct sysfs_at *at, char *text, const char *driver)
{
	struct object object;

	if (!find_object(at->model, text, &object) || !is_driver_of(driver, object.kind))
		return -ENODEV;
	return bind_object(at->model, &object);
}

static int store_unbind(const struct sysfs_at *at, char *text, const char *driver)
{
	struct object object;

	if (!find_object(at->model, text, &object) || !is_driver_of(driver, object.kind))
		return -ENODEV;
	return unbind_object(at->model, &object);
}

/* Return 0 whether or not a driver took the device (drivers/base/bus.c). */
static int store_drivers_probe(const struct sysfs_at *at, char *text)
{
	struct object object;

	if (!find_object(at->model, text, &object))
		return -ENODEV;
	bind_object(at->model, &object);
	return 0;
}

static const struct sysfs_attr bus_attrs[] = {
	{.name = "drivers_autoprobe", .mode = 0644, .text = "1\n", .store = store_true},
	{.name = "drivers_probe", .mode = 0200, .store = store_drivers_probe},
	{.name = "flush", .mode = 0200, .store = store_flush},
	SYSFS_UEVENT_WO,
	{0},
};

#define DRIVER(who)                                                                      \
	static int store_bind_##who(const struct sysfs_at *at, char *text)               \
	{                                                                                \
		return store_bind(at, text, "cxl_" #who);                                \
	}                                                                                \
	static int store_unbind_##who(const struct sysfs_at *at, char *text)             \
	{                                                                                \
		return store_unbind(at, text, "cxl_" #who);                              \
	}                                                                                \
	static const struct sysfs_attr who##_driver[] = {                                \
		{.name = "bind", .mode = 0200, .store = store_bind_##who},               \
		SYSFS_UEVENT_WO,                                                         \
		{.name = "unbind", .mode = 0200, .store = store_unbind_##who},           \
		{0},                                                                     \
	}

DRIVER(mem);
DRIVER(port);
DRIVER(region);

static const struct sysfs_attr quiet_driver[] = {
	SYSFS_UEVENT_WO,
	{0},
};

static bool walk_links(void *ctx, const struct object *object)
{
	const struct dax_cxl *cxl = object->model->cxl;
	struct sysfs_walk *walk = ctx;
	const char *driver = NULL;

	dax_sysfs_link(walk, object->dir, "bus/cxl/devices/%s", object->name);
	if (object->kind == ENDPOINT || (object->kind == PORT1 && !cxl->is_port_gone))
		driver = "cxl_port";
	else if (object->kind == MEMDEV && cxl->memdevs[object->n].is_bound)
		driver = "cxl_mem";
	else if (object->kind == REGION &&
		 dax_cxl_region_find(object->model, object->n)->is_bound)
		driver = "cxl_region";
	else if (!strncmp(object->name, "dax_region", strlen("dax_region")))
		driver = "cxl_dax_region";
	if (object->kind == MEMDEV)
		dax_sysfs_link(walk, object->dir, "dev/char/%" PRIu32 ":%" PRIu32,
			       cxl->major, object->n);
	if (driver)
		dax_sysfs_link(walk, object->dir, DRIVERS "/%s/%s", driver, object->name);
	return false;
}

/**
 * dax_sysfs_walk_cxl_bus() - visit the CXL bus
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_bus(struct sysfs_walk *walk)
{
	static const struct {
		const char *name;
		const char *module;
		const struct sysfs_attr *attrs;
	} drivers[] = {
		{"cxl_dax_region", "dax_cxl", quiet_driver},
		{"cxl_mem", "cxl_mem", mem_driver},
		{"cxl_port", "cxl_port", port_driver},
		{"cxl_region", "cxl_core", region_driver},
	};
	const struct dax_model *model = dax_sysfs_model(walk);
	char module[DAX_SYSFS_PATH_MAX];
	size_t i;

	if (!model->cxl)
		return;
	dax_sysfs_dir(walk, NULL, bus_attrs, "bus/cxl");
	dax_sysfs_dir(walk, NULL, NULL, "bus/cxl/devices");
	dax_sysfs_dir(walk, NULL, NULL, DRIVERS);
	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		dax_sysfs_dir(walk, NULL, drivers[i].attrs, DRIVERS "/%s",
			      drivers[i].name);
		snprintf(module, sizeof(module), "module/%s", drivers[i].module);
		dax_sysfs_link(walk, module, DRIVERS "/%s/module", drivers[i].name);
	}
	visit_objects(model, walk_links, walk);
}
