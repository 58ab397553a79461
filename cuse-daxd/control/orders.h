/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that change devices. */
#ifndef DAXD_CONTROL_ORDERS_H
#define DAXD_CONTROL_ORDERS_H

#include "cuse-daxd/clients/conn.h"

struct json_object;

enum daxd_next daxd_orders_create(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret);
enum daxd_next daxd_orders_destroy(struct daxd_conn *conn, struct json_object *request,
				   struct daxd_reply *ret);
enum daxd_next daxd_orders_enable(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret);
enum daxd_next daxd_orders_disable(struct daxd_conn *conn, struct json_object *request,
				   struct daxd_reply *ret);

#endif
