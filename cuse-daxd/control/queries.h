/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that change nothing. */
#ifndef DAXD_CONTROL_QUERIES_H
#define DAXD_CONTROL_QUERIES_H

#include "cuse-daxd/clients/conn.h"

struct json_object;

enum daxd_next daxd_queries_list(struct daxd_conn *conn, struct json_object *request,
				 struct daxd_reply *ret);
enum daxd_next daxd_queries_stats(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret);
enum daxd_next daxd_queries_mappings(struct daxd_conn *conn, struct json_object *request,
				     struct daxd_reply *ret);
enum daxd_next daxd_queries_watch(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret);

#endif
