/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders in JSON about faults: inject, clear, fault (add, remove, list). */
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
#include "cuse-daxd/control/answer.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/faults/inject.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/registry/devices.h"

/* What is asked for: the device, and a stretch of it. */
struct stretch {
	struct daxd_device *dev;
	uint64_t off;
	uint64_t len;
	bool has_off;
	bool has_len;
};

/* Return: false: the answer says why not. */
static bool get_stretch(struct daxd_conn *conn, struct json_object *question,
			struct stretch *ret, struct daxd_answer *answer)
{
	ret->dev = daxd_find_device(conn, question, answer);
	if (!ret->dev)
		return false;
	ret->has_off = json_object_object_get_ex(question, "offset", NULL);
	ret->has_len = json_object_object_get_ex(question, "length", NULL);
	if (!daxd_get_size(question, "offset", &ret->off)) {
		daxd_answer_refuse(answer, EINVAL, "the offset is none (4096, 2M)");
		return false;
	}
	if (!daxd_get_size(question, "length", &ret->len) ||
	    (ret->has_len && !ret->len)) {
		daxd_answer_refuse(answer, EINVAL, "the length is none (4096, 2M)");
		return false;
	}
	return true;
}

static void tell(struct daxd_conn *conn, const char *event, const struct stretch *s)
{
	struct json_object *json;

	if (!daxd_watch_is_on(&conn->server->watch))
		return;
	json = json_object_new_object();
	daxd_add_string(json, "chardev", s->dev->desc.name);
	daxd_add_number(json, "offset", s->off);
	daxd_add_number(json, "length",
			s->len ? s->len : dax_dev_size(s->dev->dev) - s->off);
	daxd_watch_emit(&conn->server->watch, event, json);
}

/**
 * daxd_orders_fault_inject() - carry out the verb "inject": make memory of a device bad
 * @conn:	the connection of the client
 * @question:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_inject(struct daxd_conn *conn,
					struct json_object *question,
					struct daxd_answer *ret)
{
	uint32_t flags = DAX_BAD_POISON;
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, question, &s, ret))
		return DAXD_REPLY;
	if (!s.has_off || !s.has_len)
		return daxd_answer_refuse(ret, EINVAL,
					  "%s: where? (--offset and --length)",
					  s.dev->desc.name);
	if (daxd_get_bool(question, "latent"))
		flags |= DAX_BAD_LATENT;
	r = daxd_faults_inject(conn->server->reg->faults, s.dev, s.off, s.len, flags,
			       &why);
	if (r < 0)
		return daxd_answer_refuse(ret, r, "%s", why.text);
	tell(conn, "inject", &s);
	daxd_answer_json(daxd_describe_device(s.dev), 0, ret);
	return daxd_settle(conn, ret);
}

/**
 * daxd_orders_fault_clear() - carry out the verb "clear": make bad memory good again
 * @conn:	the connection of the client
 * @question:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_clear(struct daxd_conn *conn,
				       struct json_object *question,
				       struct daxd_answer *ret)
{
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, question, &s, ret))
		return DAXD_REPLY;
	r = daxd_faults_clear(conn->server->reg->faults, s.dev, s.off, s.len, &why);
	if (r < 0)
		return daxd_answer_refuse(ret, r, "%s", why.text);
	tell(conn, "clear", &s);
	daxd_answer_json(daxd_describe_device(s.dev), 0, ret);
	return daxd_settle(conn, ret);
}

/* ---- fault ----------------------------------------------------------------- */

static enum daxd_next fault_add(struct daxd_conn *conn, const char *text,
				struct daxd_answer *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct daxd_why why;
	uint32_t id;
	int r;

	r = daxd_faults_add(faults, text ? text : "", &id, &why);
	if (r < 0)
		return daxd_answer_refuse(ret, r, "%s", why.text);
	daxd_answer_json(daxd_describe_rule(faults, daxd_list_find(faults, id)), 0, ret);
	return daxd_settle(conn, ret);
}

static enum daxd_next fault_remove(struct daxd_conn *conn, const char *text,
				   struct daxd_answer *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct json_object *was;
	struct daxd_fault *f;
	struct daxd_why why;
	uint64_t id = 0;
	int r;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &id, NULL))
		return daxd_answer_refuse(
			ret, EINVAL, "which rule? ('fault list' tells their numbers)");
	f = daxd_list_find(faults, (uint32_t)id);
	was = f ? daxd_describe_rule(faults, f) : NULL;
	r = daxd_faults_remove(faults, (uint32_t)id, &why);
	if (r < 0)
		return daxd_answer_refuse(ret, r, "%s", why.text);
	daxd_answer_json(was, 0, ret);
	return daxd_settle(conn, ret);
}

/**
 * daxd_orders_fault_rules() - carry out the verb "fault": add, remove or list fault rules
 * @conn:	the connection of the client
 * @question:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_orders_fault_rules(struct daxd_conn *conn,
				       struct json_object *question,
				       struct daxd_answer *ret)
{
	const char *action = daxd_get_string(question, "action");
	const char *text = daxd_get_string(question, "rule");

	if (!action || !strcmp(action, "list"))
		return daxd_answer_json(daxd_describe_rules(conn->server->reg->faults), 0,
					ret);
	if (!daxd_may_order(conn))
		return daxd_answer_refuse_stranger("fault", ret);
	if (!strcmp(action, "add"))
		return fault_add(conn, text, ret);
	if (!strcmp(action, "remove"))
		return fault_remove(conn, text, ret);
	return daxd_answer_refuse(ret, EINVAL, "fault '%s'? (add RULE, remove ID, list)",
				  action);
}
