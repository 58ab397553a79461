/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions and orders in JSON, as cuse-daxctl sends them: {"verb": "list"}.
 *
 * control.c has the table of verbs and those that only tell; orders.c those that
 * change something.
 */
#ifndef DAXD_CONTROL_H
#define DAXD_CONTROL_H

#include "cuse-daxd/server.h"

#include <json-c/json.h>

enum daxd_next daxd_control(struct daxd_conn *conn, const char *text, size_t len,
			    struct daxd_answer *ret);

/* A verb: @question is an object; the answer is left in @ret. */
typedef enum daxd_next (*daxd_verb_fn)(struct daxd_conn *conn,
				       struct json_object *question,
				       struct daxd_answer *ret);

/* -- for verbs ------------------------------------------------------------------- */

/* Takes @json over. @error: errno, or 0. */
enum daxd_next daxd_answer_json(struct json_object *json, int error,
				struct daxd_answer *ret);
/* {"error": "why"} and @error, negative or not. */
enum daxd_next daxd_refuse(struct daxd_answer *ret, int error, const char *fmt, ...)
	DAXD_PRINTF(3, 4);
void daxd_add_string(struct json_object *json, const char *key, const char *value);
void daxd_add_number(struct json_object *json, const char *key, uint64_t value);
/* What "list" says of a device. */
struct json_object *daxd_describe_device(const struct daxd_device *dev);
/* What stands at @key as text; NULL: nothing, or something else. */
const char *daxd_get_string(struct json_object *question, const char *key);
/* May this peer change devices? As sysfs: root, and the user whose files these are. */
bool daxd_may_order(const struct daxd_conn *conn);

/*
 * The device that the question names, to be changed; NULL: the answer says why not.
 */
struct daxd_device *daxd_find_device(struct daxd_conn *conn, struct json_object *question,
				     struct daxd_answer *ret);
/* Bytes as a number, or as text with a unit. Missing: 0. Return: is it a size? */
bool daxd_get_size(struct json_object *question, const char *key, uint64_t *ret);

/* -- orders_fault.c ------------------------------------------------------------------ */

enum daxd_next daxd_verb_inject(struct daxd_conn *conn, struct json_object *question,
				struct daxd_answer *ret);
enum daxd_next daxd_verb_clear(struct daxd_conn *conn, struct json_object *question,
			       struct daxd_answer *ret);
enum daxd_next daxd_verb_fault(struct daxd_conn *conn, struct json_object *question,
			       struct daxd_answer *ret);
enum daxd_next daxd_verb_map(struct daxd_conn *conn, struct json_object *question,
			     struct daxd_answer *ret);
void daxd_add_badblocks(struct json_object *json, const struct daxd_device *dev);
void daxd_add_fault_stats(struct json_object *json, const struct daxd_faults *faults);
void daxd_add_device_faults(struct json_object *json, const struct daxd_device *dev);

/* -- orders.c ------------------------------------------------------------------------ */

enum daxd_next daxd_verb_create(struct daxd_conn *conn, struct json_object *question,
				struct daxd_answer *ret);
enum daxd_next daxd_verb_destroy(struct daxd_conn *conn, struct json_object *question,
				 struct daxd_answer *ret);
enum daxd_next daxd_verb_enable(struct daxd_conn *conn, struct json_object *question,
				struct daxd_answer *ret);
enum daxd_next daxd_verb_disable(struct daxd_conn *conn, struct json_object *question,
				 struct daxd_answer *ret);

#endif
