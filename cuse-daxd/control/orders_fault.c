/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests in JSON about faults: inject, clear, fault (add, remove, list). */
#include "cuse-daxd/control/orders_fault.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/model.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/control/arguments.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/faults/inject.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/base/json.h"

/* The range of a device that a request names. */
struct stretch {
	struct daxd_device *dev;
	uint64_t off;
	uint64_t len;
	bool has_off;
	bool has_len;
};

/* Return: true, or false if the request is invalid: @reply has the reason. */
static bool get_stretch(struct daxd_conn *conn, struct json_object *request,
			struct stretch *ret, struct daxd_reply *reply)
{
	ret->dev = daxd_arguments_device(conn, request, reply);
	if (!ret->dev)
		return false;
	ret->has_off = json_object_object_get_ex(request, "offset", NULL);
	ret->has_len = json_object_object_get_ex(request, "length", NULL);
	if (!daxd_arguments_size(request, "offset", &ret->off)) {
		daxd_arguments_refuse_size(request, "offset", "4096 or 2M", reply);
		return false;
	}
	if (!daxd_arguments_size(request, "length", &ret->len) ||
	    (ret->has_len && !ret->len)) {
		daxd_arguments_refuse_size(request, "length", "4096 or 2M", reply);
		return false;
	}
	return true;
}

static void tell_watchers(struct daxd_conn *conn, uid_t uid, const char *event,
			  const struct stretch *s)
{
	struct json_object *json;

	if (!daxd_watch_is_on(&conn->server->watch))
		return;
	json = json_object_new_object();
	daxd_reply_add_string(json, "chardev", s->dev->desc.name);
	daxd_reply_add_number(json, "offset", s->off);
	daxd_reply_add_number(json, "length",
			      s->len ? s->len : dax_dev_size(s->dev->dev) - s->off);
	daxd_watch_emit(&conn->server->watch, uid, event, json);
}

/**
 * daxd_orders_fault_inject() - carry out the verb "inject": make memory of a device bad
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_inject(struct daxd_conn *conn,
					struct json_object *request,
					struct daxd_reply *ret)
{
	uint32_t flags = DAX_BAD_POISON;
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, request, &s, ret))
		return DAXD_REPLY;
	if (!s.has_off || !s.has_len)
		return daxd_reply_refuse(
			ret, EINVAL, "%s: \"%s\" is missing (give --offset and --length)",
			s.dev->desc.name, s.has_off ? "length" : "offset");
	if (daxd_arguments_bool(request, "latent"))
		flags |= DAX_BAD_LATENT;
	r = daxd_inject(conn->server->reg->faults, s.dev, s.off, s.len, flags, &why);
	if (r < 0)
		return daxd_reply_refuse(ret, r, "%s", why.text);
	/* Nobody may learn where latent poison is before touching it. */
	tell_watchers(conn, flags & DAX_BAD_LATENT ? 0 : DAXD_WATCH_ALL, "inject", &s);
	daxd_reply_done(daxd_describe_device(s.dev), ret);
	return daxd_settle(conn, ret);
}

/**
 * daxd_orders_fault_clear() - carry out the verb "clear": make bad memory good again
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_clear(struct daxd_conn *conn,
				       struct json_object *request,
				       struct daxd_reply *ret)
{
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, request, &s, ret))
		return DAXD_REPLY;
	r = daxd_inject_clear(conn->server->reg->faults, s.dev, s.off, s.len, &why);
	if (r < 0)
		return daxd_reply_refuse(ret, r, "%s", why.text);
	tell_watchers(conn, DAXD_WATCH_ALL, "clear", &s);
	daxd_reply_done(daxd_describe_device(s.dev), ret);
	return daxd_settle(conn, ret);
}

static enum daxd_next fault_add(struct daxd_conn *conn, const char *text,
				struct daxd_reply *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct daxd_why why;
	uint32_t id;
	int r;

	r = daxd_rules_add(faults, text ? text : "", &id, &why);
	if (r < 0)
		return daxd_reply_refuse(ret, r, "%s", why.text);
	daxd_reply_done(daxd_describe_rule(faults, daxd_list_find(faults, id)), ret);
	return daxd_settle(conn, ret);
}

static enum daxd_next fault_remove(struct daxd_conn *conn, const char *text,
				   struct daxd_reply *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct json_object *was;
	struct daxd_fault *f;
	struct daxd_why why;
	uint64_t id = 0;
	int r;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &id, NULL))
		return daxd_reply_refuse(ret, EINVAL,
					 "fault: '%s' is not the number of a rule "
					 "('fault list' shows them)",
					 text ? text : "");
	f = daxd_list_find(faults, (uint32_t)id);
	was = f ? daxd_describe_rule(faults, f) : NULL;
	r = daxd_rules_remove(faults, (uint32_t)id, &why);
	if (r < 0)
		return daxd_reply_refuse(ret, r, "%s", why.text);
	daxd_reply_done(was, ret);
	return daxd_settle(conn, ret);
}

/**
 * daxd_orders_fault_rules() - carry out the verb "fault": add, remove or list fault rules
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_rules(struct daxd_conn *conn,
				       struct json_object *request,
				       struct daxd_reply *ret)
{
	const char *action = daxd_arguments_string(request, "action");
	const char *text = daxd_arguments_string(request, "rule");

	if (!action || !strcmp(action, "list"))
		return daxd_reply_json(daxd_describe_rules(conn->server->reg->faults), 0,
				       ret);
	if (!daxd_conn_may_change(conn))
		return daxd_reply_refuse_stranger("fault", ret);
	if (!strcmp(action, "add"))
		return fault_add(conn, text, ret);
	if (!strcmp(action, "remove"))
		return fault_remove(conn, text, ret);
	return daxd_reply_refuse(ret, EINVAL,
				 "fault: unknown action '%s' (add RULE, remove ID, list)",
				 action);
}
