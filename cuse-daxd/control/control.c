/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests in JSON: {"verb": "list"}. The reply is JSON in a sealed memfd; if a request
 * fails, it is {"error": "reason"}, in addition to an errno.
 */
#include "cuse-daxd/control/control.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "cuse-daxd/control/map.h"
#include "cuse-daxd/control/orders.h"
#include "cuse-daxd/control/orders_fault.h"
#include "cuse-daxd/control/queries.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/base/json.h"

#define DEPTH_MAX 8 /* of the JSON of a request */

/* Carry out a verb: @request is an object, the reply is left in @ret. */
typedef enum daxd_next (*verb_fn)(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret);

static const struct {
	const char *verb;
	verb_fn run;
	bool is_order; /* it changes something */
} verbs[] = {
	{"create", daxd_orders_create, true},
	{"destroy", daxd_orders_destroy, true},
	{"disable", daxd_orders_disable, true},
	{"enable", daxd_orders_enable, true},
	{"list", daxd_queries_list, false},
	{"mappings", daxd_queries_mappings, false},
	{"stats", daxd_queries_stats, false},
	{"watch", daxd_queries_watch, false},
	{"inject", daxd_orders_fault_inject, true},
	{"clear", daxd_orders_fault_clear, true},
	{"fault", daxd_orders_fault_rules, true},
	{"map", daxd_map, false},
};

static void refuse_verb(const char *verb, struct daxd_reply *ret)
{
	g_autoptr(GString) names = g_string_new(NULL);
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(verbs); i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", verbs[i].verb);
	daxd_reply_refuse(ret, EINVAL, "verb: '%s' is unknown (%s)", verb, names->str);
}

static struct json_object *parse_request(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *json;

	/* The parser would stop at a NUL and ignore the text behind it. */
	if (!tokener || memchr(text, '\0', len)) {
		if (tokener)
			json_tokener_free(tokener);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json = json_tokener_parse_ex(tokener, text, (int)len);
	/* A number could continue; a NUL tells the parser that the text ends here. */
	if (!json && json_tokener_get_error(tokener) == json_tokener_continue)
		json = json_tokener_parse_ex(tokener, "", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(json);
		json = NULL;
	}
	json_tokener_free(tokener);
	return json;
}

/**
 * daxd_control() - handle a request in JSON
 * @conn:	the connection of the client
 * @text:	the request
 * @len:	bytes of it
 * @ret:	receives the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_control(struct daxd_conn *conn, const char *text, size_t len,
			    struct daxd_reply *ret)
{
	struct json_object *request = parse_request(text, len);
	enum daxd_next next = DAXD_DROP;
	struct json_object *verb;
	unsigned int i;

	if (!json_object_is_type(request, json_type_object) ||
	    !json_object_object_get_ex(request, "verb", &verb) ||
	    !json_object_is_type(verb, json_type_string)) {
		json_object_put(request);
		return daxd_reply_refuse(ret, EINVAL,
					 "the request is not an object with a \"verb\"");
	}
	for (i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(verbs[i].verb, json_object_get_string(verb)))
			continue;
		/* An order that can't be answered is not carried out. */
		next = DAXD_REPLY;
		if (!verbs[i].is_order || daxd_reply_reserve(ret) == 0)
			next = verbs[i].run(conn, request, ret);
		json_object_put(request);
		return next;
	}
	refuse_verb(json_object_get_string(verb), ret);
	json_object_put(request);
	return DAXD_REPLY;
}
