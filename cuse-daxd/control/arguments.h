/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of requests in JSON. */
#ifndef DAXD_CONTROL_ARGUMENTS_H
#define DAXD_CONTROL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct daxd_conn;
struct daxd_device;
struct daxd_reply;
struct json_object;

const char *daxd_arguments_string(struct json_object *request, const char *key);
bool daxd_arguments_size(struct json_object *request, const char *key, uint64_t *ret);
bool daxd_arguments_bool(struct json_object *request, const char *key);
struct daxd_device *daxd_arguments_device(struct daxd_conn *conn,
					  struct json_object *request,
					  struct daxd_reply *ret);

#endif
