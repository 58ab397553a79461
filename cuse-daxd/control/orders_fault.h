/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests about fault rules and bad memory. */
#ifndef DAXD_CONTROL_ORDERS_FAULT_H
#define DAXD_CONTROL_ORDERS_FAULT_H

#include "cuse-daxd/clients/conn.h"

struct json_object;

enum daxd_next daxd_orders_fault_inject(struct daxd_conn *conn,
					struct json_object *request,
					struct daxd_reply *ret);
enum daxd_next daxd_orders_fault_clear(struct daxd_conn *conn,
				       struct json_object *request,
				       struct daxd_reply *ret);
enum daxd_next daxd_orders_fault_rules(struct daxd_conn *conn,
				       struct json_object *request,
				       struct daxd_reply *ret);

#endif
