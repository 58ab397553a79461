/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies in JSON. */
#ifndef DAXD_CONTROL_REPLY_H
#define DAXD_CONTROL_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/conn.h"

struct json_object;

int daxd_reply_reserve(struct daxd_reply *ret);
enum daxd_next daxd_reply_json(struct json_object *json, int error,
			       struct daxd_reply *ret);
enum daxd_next daxd_reply_text(const char *text, size_t len, int error,
			       struct daxd_reply *ret);
void daxd_reply_done(struct json_object *json, struct daxd_reply *ret);
enum daxd_next daxd_reply_refuse(struct daxd_reply *ret, int error, const char *fmt, ...)
	DAXD_PRINTF(3, 4);
void daxd_reply_add_string(struct json_object *json, const char *key, const char *value);
void daxd_reply_add_number(struct json_object *json, const char *key, uint64_t value);
enum daxd_next daxd_reply_refuse_stranger(const char *name, struct daxd_reply *ret);

#endif
