/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests in JSON, as cuse-daxctl sends them: {"verb": "list"}.
 *
 * control.c has the table of verbs, queries.c and map.c the verbs that change nothing,
 * orders.c and orders_fault.c those that change devices and faults.
 */
#ifndef DAXD_CONTROL_CONTROL_H
#define DAXD_CONTROL_CONTROL_H

#include <stddef.h>

#include "cuse-daxd/clients/conn.h"

enum daxd_next daxd_control(struct daxd_conn *conn, const char *text, size_t len,
			    struct daxd_reply *ret);

#endif
