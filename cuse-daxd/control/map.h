/* SPDX-License-Identifier: BSD-2-Clause */
/* The map of a device. */
#ifndef DAXD_CONTROL_MAP_H
#define DAXD_CONTROL_MAP_H

#include "cuse-daxd/clients/conn.h"

struct json_object;

enum daxd_next daxd_map(struct daxd_conn *conn, struct json_object *request,
			struct daxd_reply *ret);

#endif
