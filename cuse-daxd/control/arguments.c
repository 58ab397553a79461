/* SPDX-License-Identifier: BSD-2-Clause */
/* Read the members of requests in JSON. */
#include "cuse-daxd/control/arguments.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/size.h"

#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/base/json.h"

/**
 * daxd_arguments_string() - read a text of a request
 * @request:	the request
 * @key:	the name of the member
 *
 * Return: the text, the request's own; NULL if it is missing or no text.
 */
const char *daxd_arguments_string(struct json_object *request, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(request, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/**
 * daxd_arguments_size() - read a size of a request, in bytes
 * @request:	the request
 * @key:	the name of the member: a number, or a text with a unit
 * @ret:	the size; 0 if the member is missing
 *
 * Return: false if the member is not a size.
 */
bool daxd_arguments_size(struct json_object *request, const char *key, uint64_t *ret)
{
	struct json_object *value;

	*ret = 0;
	if (!json_object_object_get_ex(request, key, &value))
		return true;
	if (json_object_is_type(value, json_type_int)) {
		*ret = json_object_get_uint64(value);
		return json_object_get_int64(value) >= 0;
	}
	return json_object_is_type(value, json_type_string) &&
	       dax_size_parse(json_object_get_string(value), ret) == 0;
}

/**
 * daxd_arguments_refuse_size() - refuse a request for which daxd_arguments_size() failed
 * @request:	the request
 * @key:	the name of the member
 * @examples:	valid sizes, for the message
 * @ret:	receives the reply
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_arguments_refuse_size(struct json_object *request, const char *key,
					  const char *examples, struct daxd_reply *ret)
{
	return daxd_reply_refuse(
		ret, EINVAL, "%s: '%s' is not a size (try %s)", key,
		json_object_get_string(json_object_object_get(request, key)) ?: "",
		examples);
}

/**
 * daxd_arguments_bool() - read a boolean of a request
 * @request:	the request
 * @key:	the name of the member
 *
 * Return: true if it is true, or the text "true"; false if it is missing.
 */
bool daxd_arguments_bool(struct json_object *request, const char *key)
{
	const char *text = daxd_arguments_string(request, key);
	struct json_object *value;

	if (text)
		return !strcmp(text, "true");
	return json_object_object_get_ex(request, key, &value) &&
	       json_object_get_boolean(value);
}

/**
 * daxd_arguments_device() - look up the device that a request wants to change
 * @conn:	the connection of the client
 * @request:	the request; its member "device" names the device
 * @ret:	receives the reply if the device does not exist or must not be changed
 *
 * Return: the device, or NULL; then @ret is complete.
 */
struct daxd_device *daxd_arguments_device(struct daxd_conn *conn,
					  struct json_object *request,
					  struct daxd_reply *ret)
{
	const struct daxd_registry *reg = conn->server->reg;
	const char *name = daxd_arguments_string(request, "device");
	guint i;

	if (!name) {
		daxd_reply_refuse(ret, EINVAL, "\"device\" is missing");
		return NULL;
	}
	name = dax_name_of_node(name);
	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!dev->dev || strcmp(dev->desc.name, name))
			continue;
		if (daxd_conn_may_change(conn))
			return dev;
		daxd_reply_refuse_stranger(name, ret);
		return NULL;
	}
	daxd_reply_refuse(ret, ENODEV,
			  "'%s': there is no such device (ENODEV; cuse-daxctl list shows "
			  "all)",
			  name);
	return NULL;
}
