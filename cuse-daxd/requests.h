/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle the requests of clients. */
#ifndef DAXD_REQUESTS_H
#define DAXD_REQUESTS_H

#include "cuse-daxd/clients/conn.h"

enum daxd_next daxd_request_answer(struct daxd_conn *conn, const struct daxd_request *q,
				   struct daxd_reply *ret);

#endif
