/* SPDX-License-Identifier: BSD-2-Clause */
/* The map of a device: the parts that are mapped, touched or bad. */
#include "cuse-daxd/control/map.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/clients/scan.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/control/arguments.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/base/json.h"

#define CELLS_MAX 4096

struct strip {
	const struct daxd_registry *reg;
	const struct daxd_device *dev; /* set at the end */
	uint64_t life;
	uint64_t unit; /* bytes of a cell */
	size_t nr;
	char *cells;
};

/* Mark the cells of a range, except those with a worse mark. */
static void mark_cells(const struct strip *strip, uint64_t off, uint64_t len,
		       char mark_cells)
{
	static const char order[] = ".-#X";
	uint64_t end = dax_min(off + len, strip->nr * strip->unit);
	uint64_t i;

	for (i = off / strip->unit; i * strip->unit < end; i++)
		if (strchr(order, strip->cells[i]) < strchr(order, mark_cells))
			strip->cells[i] = mark_cells;
}

static bool mark_mapping(void *ctx, const struct daxd_mapping *mapping)
{
	const struct strip *strip = ctx;

	if (mapping->dev->life == strip->life)
		mark_cells(strip, mapping->offset, mapping->size, '-');
	return true;
}

/* Mark the parts that were touched: the kernel has allocated memory for them. */
static void mark_touched(const struct strip *strip)
{
	const struct dax_device *desc = &strip->dev->desc;
	const int fd = strip->dev->store->rw;
	uint64_t base = 0;
	uint32_t i;

	/* Elsewhere the kernel does not tell which of the reserved pages are in use. */
	if (strip->dev->store->backing != DAXD_MEMORY)
		return;
	for (i = 0; i < desc->nr_ranges; i++) {
		uint64_t start = desc->ranges[i].start;
		uint64_t end = start + desc->ranges[i].len;
		off_t pos = (off_t)start;

		while ((uint64_t)pos < end) {
			off_t data = lseek(fd, pos, SEEK_DATA);
			off_t hole;

			if (data < 0 || (uint64_t)data >= end)
				break;
			hole = lseek(fd, data, SEEK_HOLE);
			if (hole <= data)
				break;
			mark_cells(strip, base + (uint64_t)data - start,
				   dax_min((uint64_t)hole, end) - (uint64_t)data, '#');
			pos = hole;
		}
		base += desc->ranges[i].len;
	}
}

static void mark_bad(const struct strip *strip)
{
	const struct daxd_faults *faults = strip->dev->reg->faults;
	guint i;

	for (i = 0; i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);

		if (bad->life == strip->dev->life)
			mark_cells(strip, bad->off, bad->len, 'X');
	}
}

static void strip_free(void *ctx)
{
	struct strip *strip = ctx;

	g_free(strip->cells);
	g_free(strip);
}

static void strip_done(void *ctx, struct daxd_reply *ret)
{
	struct strip *strip = ctx;
	struct json_object *json;

	strip->dev = daxd_devices_find_life(strip->reg, strip->life);
	if (!strip->dev || !strip->dev->dev) {
		daxd_reply_refuse(ret, ENODEV, "the device was destroyed meanwhile");
		return;
	}
	mark_touched(strip);
	mark_bad(strip);
	json = json_object_new_object();
	daxd_reply_add_string(json, "chardev", strip->dev->desc.name);
	daxd_reply_add_number(json, "size", dax_dev_size(strip->dev->dev));
	daxd_reply_add_number(json, "align", strip->dev->desc.align);
	daxd_reply_add_number(json, "unit", strip->unit);
	daxd_reply_add_string(json, "map", strip->cells);
	daxd_describe_badblocks(json, strip->dev);
	daxd_reply_json(json, 0, ret);
}

/**
 * daxd_map() - handle the verb "map": a character for each part of a device
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_map(struct daxd_conn *conn, struct json_object *request,
			struct daxd_reply *ret)
{
	static const struct daxd_scan_work work = {
		.found = mark_mapping,
		.done = strip_done,
		.free = strip_free,
	};
	const struct daxd_device *dev = daxd_arguments_device(conn, request, ret);
	struct strip *strip;
	uint64_t size;

	if (!dev)
		return DAXD_REPLY;
	strip = g_new0(struct strip, 1);
	strip->reg = conn->server->reg;
	strip->life = dev->life;
	size = dax_dev_size(dev->dev);
	strip->unit = dev->desc.align;
	while (size / strip->unit > CELLS_MAX)
		strip->unit *= 2;
	strip->nr = (size + strip->unit - 1) / strip->unit;
	strip->cells = g_strnfill(strip->nr, '.');
	return daxd_scan_clients(conn, &work, strip);
}
