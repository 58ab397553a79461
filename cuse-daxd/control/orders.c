/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests in JSON that change devices: create, destroy, enable, disable. They call the
 * same functions as writes to sysfs, and explain in words the errors for which a write
 * has only an errno.
 */
#include "cuse-daxd/control/orders.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/model.h"
#include "libcore/model_provision.h"
#include "libcore/model_verbs.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/control/arguments.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/base/json.h"
#include "cuse-daxd/runtime/runtime.h"

static enum daxd_next refuse_step(const char *name, enum dax_step step, int error,
				  struct daxd_reply *ret)
{
	char text[DAX_ERRNO_STRLEN];

	return daxd_reply_refuse(ret, error, "%s: %s (%s)", name,
				 dax_step_text(step, error) ?: strerror(-error),
				 dax_errno_text(-error, text));
}

static struct dax_region *first_dynamic(struct dax_model *model)
{
	struct dax_region *region;

	dax_for_each_region (region, model)
		if (dax_region_is_dynamic(region) && dax_region_available(region))
			return region;
	dax_for_each_region (region, model)
		if (dax_region_is_dynamic(region))
			return region;
	return model->regions;
}

/*
 * The region of a request: a number, also as text. If it is missing, the first dynamic
 * region with room.
 */
static struct dax_region *requested_region(struct dax_model *model,
					   struct json_object *request)
{
	struct json_object *value;
	uint64_t id;

	if (!json_object_object_get_ex(request, "region", &value))
		return first_dynamic(model);
	if (!daxd_arguments_size(request, "region", &id) || id > DAX_ID_MAX)
		return NULL;
	return dax_model_find_region(model, (uint32_t)id);
}

static int carry_out_order(struct daxd_conn *conn, struct daxd_reply *ret)
{
	struct daxd_why why;
	int r = daxd_registry_commit(conn->server->reg, &why);

	if (r < 0)
		daxd_reply_refuse(ret, -r, "%s", why.text);
	return r;
}

/* Reply with the current state of the device, once all processes have followed. */
static enum daxd_next reply_device(struct daxd_conn *conn, uint64_t life,
				   struct daxd_reply *ret)
{
	const struct daxd_device *dev = daxd_devices_find_life(conn->server->reg, life);

	daxd_reply_done(dev ? daxd_describe_device(dev) : json_object_new_object(), ret);
	return daxd_settle(conn, ret);
}

/* True if programs can open the device. */
static bool is_in_force(const struct daxd_conn *conn, uint64_t life)
{
	const struct daxd_device *dev = daxd_devices_find_life(conn->server->reg, life);

	return dev && dev->is_shown;
}

/* Destroy a new device that has got no node. */
static enum daxd_next take_back(struct daxd_conn *conn, struct dax_dev *dev,
				struct daxd_reply *ret)
{
	struct daxd_registry *reg = conn->server->reg;
	char name[DAX_NAME_LEN];
	struct daxd_why why;

	dax_dev_name(dev, name);
	if (dax_dev_destroy(&reg->model, dev) == 0 && daxd_registry_commit(reg, &why) < 0)
		daxd_warning("%s", why.text);
	return daxd_reply_refuse(ret, ENOSPC,
				 "%s: its node can't be made, so it was not created (the "
				 "daemon's log has the reason; check the room in %s)",
				 name, reg->rt->path);
}

/**
 * daxd_orders_create() - carry out the verb "create": make a device in a dynamic region
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_create(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret)
{
	struct dax_model *model = &conn->server->reg->model;
	struct dax_region *region = requested_region(model, request);
	g_autofree char *name = NULL;
	enum dax_step step;
	struct dax_dev *dev;
	uint64_t align;
	uint64_t size;
	int r;

	if (!region)
		return daxd_reply_refuse(
			ret, ENXIO, "region '%s': there is no such region (ENXIO)",
			json_object_get_string(json_object_object_get(request, "region"))
				?: "");
	name = g_strdup_printf("region %u", region->id);
	if (!daxd_conn_may_change(conn))
		return daxd_reply_refuse_stranger(name, ret);
	if (!daxd_arguments_size(request, "size", &size))
		return daxd_arguments_refuse_size(request, "size", "256M or 1G", ret);
	if (!daxd_arguments_size(request, "align", &align))
		return daxd_arguments_refuse_size(request, "align", "4K, 2M or 1G", ret);
	daxd_registry_release_minors(conn->server->reg);
	r = dax_region_provision(model, region, size, align, &step, &dev);
	if (r < 0)
		return refuse_step(name, step, r, ret);
	if (carry_out_order(conn, ret) < 0)
		return DAXD_REPLY;
	if (!is_in_force(conn, dev->life))
		return take_back(conn, dev, ret);
	return reply_device(conn, dev->life, ret);
}

/**
 * daxd_orders_destroy() - carry out the verb "destroy": delete a device
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_destroy(struct daxd_conn *conn, struct json_object *request,
				   struct daxd_reply *ret)
{
	struct daxd_device *dev = daxd_arguments_device(conn, request, ret);
	struct json_object *was;
	int r;

	if (!dev)
		return DAXD_REPLY;
	was = daxd_describe_device(dev);
	r = dax_dev_destroy(&conn->server->reg->model, dev->dev);
	if (r < 0) {
		json_object_put(was);
		return refuse_step(dev->desc.name, DAX_STEP_DELETE, r, ret);
	}
	if (carry_out_order(conn, ret) < 0) {
		json_object_put(was);
		return DAXD_REPLY;
	}
	daxd_registry_release_minors(conn->server->reg);
	daxd_reply_done(was, ret);
	return daxd_settle(conn, ret);
}

static enum daxd_next switch_device(struct daxd_conn *conn, struct json_object *request,
				    enum dax_step step, struct daxd_reply *ret)
{
	struct dax_model *model = &conn->server->reg->model;
	struct daxd_device *dev = daxd_arguments_device(conn, request, ret);
	int r;

	if (!dev)
		return DAXD_REPLY;
	r = step == DAX_STEP_BIND ? dax_dev_bind(model, dev->dev)
				  : dax_dev_unbind(model, dev->dev);
	if (r < 0)
		return refuse_step(dev->desc.name, step, r, ret);
	if (carry_out_order(conn, ret) < 0)
		return DAXD_REPLY;
	return reply_device(conn, dev->life, ret);
}

/**
 * daxd_orders_enable() - carry out the verb "enable": bind a device to its driver
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_enable(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret)
{
	return switch_device(conn, request, DAX_STEP_BIND, ret);
}

/**
 * daxd_orders_disable() - carry out the verb "disable": unbind a device from its driver
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_disable(struct daxd_conn *conn, struct json_object *request,
				   struct daxd_reply *ret)
{
	return switch_device(conn, request, DAX_STEP_UNBIND, ret);
}
