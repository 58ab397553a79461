/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of requests in JSON, and replies in JSON. */
#ifndef DAXD_CONTROL_ANSWER_H
#define DAXD_CONTROL_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/conn.h"

struct daxd_device;
struct json_object;

/* A verb: @question is an object; the answer is left in @ret. */
typedef enum daxd_next (*daxd_verb_fn)(struct daxd_conn *conn,
				       struct json_object *question,
				       struct daxd_answer *ret);

enum daxd_next daxd_answer_json(struct json_object *json, int error,
				struct daxd_answer *ret);
enum daxd_next daxd_answer_refuse(struct daxd_answer *ret, int error, const char *fmt,
				  ...) DAXD_PRINTF(3, 4);
void daxd_add_string(struct json_object *json, const char *key, const char *value);
void daxd_add_number(struct json_object *json, const char *key, uint64_t value);
const char *daxd_get_string(struct json_object *question, const char *key);
bool daxd_may_order(const struct daxd_conn *conn);
enum daxd_next daxd_answer_refuse_stranger(const char *name, struct daxd_answer *ret);
struct daxd_device *daxd_find_device(struct daxd_conn *conn, struct json_object *question,
				     struct daxd_answer *ret);
bool daxd_get_size(struct json_object *question, const char *key, uint64_t *ret);
bool daxd_get_bool(struct json_object *question, const char *key);

#endif
