/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of requests in JSON. */
#ifndef DAXD_CONTROL_ARGUMENTS_H
#define DAXD_CONTROL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cuse-daxd/clients/conn.h"

struct daxd_device;
struct json_object;

const char *daxd_arguments_string(struct json_object *request, const char *key);
bool daxd_arguments_size(struct json_object *request, const char *key, uint64_t *ret);
enum daxd_next daxd_arguments_refuse_size(struct json_object *request, const char *key,
					  const char *examples, struct daxd_reply *ret);
bool daxd_arguments_bool(struct json_object *request, const char *key);
struct daxd_device *daxd_arguments_device(struct daxd_conn *conn,
					  struct json_object *request,
					  struct daxd_reply *ret);

#endif
