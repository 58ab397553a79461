/* SPDX-License-Identifier: BSD-2-Clause */
/* Describe devices, fault rules and their counters in JSON. */
#include "cuse-daxd/control/describe.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

#include "libcore/badblocks.h"
#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/config/config.h"
#include "cuse-daxd/config/keys.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/base/json.h"

/**
 * daxd_describe_device() - describe a device as "list" does
 * @dev:	the device, of a region
 *
 * Return: a new object.
 */
struct json_object *daxd_describe_device(const struct daxd_device *dev)
{
	const struct daxd_region_cfg *cfg = dev->region->cfg;
	struct json_object *json = json_object_new_object();
	char number[32];

	daxd_reply_add_string(json, "chardev", dev->desc.name);
	daxd_reply_add_number(json, "size", dev->desc.size);
	daxd_reply_add_number(json, "align", dev->desc.align);
	json_object_object_add(json, "target_node",
			       json_object_new_int(cfg->target_node));
	daxd_reply_add_string(json, "mode", "devdax");
	/* As in libdaxctl: a device without a driver is disabled. */
	if (!dax_device_is_alive(&dev->desc))
		daxd_reply_add_string(json, "state", "disabled");
	daxd_reply_add_number(json, "region", dev->desc.region_id);
	daxd_reply_add_string(json, "type", daxd_keys_type_word(cfg->type));
	daxd_reply_add_string(json, "backing", daxd_keys_backing_word(cfg));
	daxd_reply_add_string(json, "map", cfg->map == DAX_MAP_MEM ? "mem" : "dev");
	if (cfg->path)
		daxd_reply_add_string(json, "path", cfg->path);
	snprintf(number, sizeof(number), "%u:%u", dev->desc.major, dev->desc.minor);
	daxd_reply_add_string(json, "dev", number);
	daxd_reply_add_number(json, "clients", dev->clients);
	daxd_describe_badblocks(json, dev);
	return json;
}

/**
 * daxd_describe_badblocks() - describe the poison of a device as "ndctl list -M" does
 * @json:	receives badblock_count and badblocks, if there are any
 * @dev:	the device
 */
void daxd_describe_badblocks(struct json_object *json, const struct daxd_device *dev)
{
	const struct daxd_faults *faults = dev->reg->faults;
	struct json_object *list = json_object_new_array();
	uint64_t count = 0;
	guint i;

	for (i = 0; faults && i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		struct json_object *entry;

		if (bad->life != dev->life || !dax_badblocks_has(bad))
			continue;
		entry = json_object_new_object();
		daxd_reply_add_number(entry, "offset", bad->off / DAX_SECTOR);
		daxd_reply_add_number(entry, "length", bad->len / DAX_SECTOR);
		json_object_array_add(list, entry);
		count += bad->len / DAX_SECTOR;
	}
	if (!count) {
		json_object_put(list);
		return;
	}
	daxd_reply_add_number(json, "badblock_count", count);
	json_object_object_add(json, "badblocks", list);
}

/**
 * daxd_describe_rule() - describe one fault rule
 * @faults:	all of them
 * @f:		the rule
 *
 * Return: a new object: id, rule, given and, if there are any, refused.
 */
struct json_object *daxd_describe_rule(const struct daxd_faults *faults,
				       const struct daxd_fault *f)
{
	struct json_object *json = json_object_new_object();

	(void)faults;
	daxd_reply_add_number(json, "id", f->rule.id);
	daxd_reply_add_string(json, "rule", f->text);
	daxd_reply_add_number(json, "given", f->given);
	if (f->refused)
		daxd_reply_add_number(json, "refused", f->refused);
	return json;
}

/**
 * daxd_describe_rules() - describe all fault rules, in the order of their ids
 * @faults:	all of them
 *
 * Return: a new array.
 */
struct json_object *daxd_describe_rules(const struct daxd_faults *faults)
{
	struct json_object *list = json_object_new_array();
	guint i;

	for (i = 0; i < faults->rules->len; i++)
		json_object_array_add(
			list,
			daxd_describe_rule(faults, g_ptr_array_index(faults->rules, i)));
	return list;
}

static int compare_counts(const void *a, const void *b)
{
	const struct daxd_fault_count *x = *(struct daxd_fault_count *const *)a;
	const struct daxd_fault_count *y = *(struct daxd_fault_count *const *)b;

	return x->pid - y->pid;
}

/**
 * daxd_describe_fault_stats() - count injected faults in total, by rule and by process
 * @json:	receives "faults"
 * @faults:	all of them
 * @uid:	whose processes to describe; DAXD_DESCRIBE_ALL
 */
void daxd_describe_fault_stats(struct json_object *json, const struct daxd_faults *faults,
			       uid_t uid)
{
	struct json_object *part = json_object_new_object();
	struct json_object *list = json_object_new_array();
	g_autoptr(GPtrArray) pids = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;
	guint i;

	g_hash_table_iter_init(&iter, faults->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (uid == DAXD_DESCRIBE_ALL ||
		    ((const struct daxd_fault_count *)value)->uid == uid)
			g_ptr_array_add(pids, value);
	g_ptr_array_sort(pids, compare_counts);
	for (i = 0; i < pids->len; i++) {
		const struct daxd_fault_count *c = g_ptr_array_index(pids, i);
		struct json_object *entry = json_object_new_object();

		daxd_reply_add_number(entry, "pid", (uint64_t)c->pid);
		daxd_reply_add_string(entry, "comm", c->comm);
		daxd_reply_add_number(entry, "given", c->given);
		json_object_array_add(list, entry);
	}
	daxd_reply_add_number(part, "given", faults->given);
	if (faults->log_lost)
		daxd_reply_add_number(part, "log_lost", faults->log_lost);
	json_object_object_add(part, "rules", daxd_describe_rules(faults));
	json_object_object_add(part, "processes", list);
	json_object_object_add(json, "faults", part);
}

/**
 * daxd_describe_device_faults() - count the faults injected on a device
 * @json:	receives "faults"
 * @dev:	the device
 */
void daxd_describe_device_faults(struct json_object *json, const struct daxd_device *dev)
{
	const struct daxd_faults *faults = dev->reg->faults;
	gpointer given = g_hash_table_lookup(faults->by_name, dev->desc.name);

	daxd_reply_add_number(json, "faults", GPOINTER_TO_SIZE(given));
}
