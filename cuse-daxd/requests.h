/* SPDX-License-Identifier: BSD-2-Clause */
/* The replies to requests of clients. */
#ifndef DAXD_REQUESTS_H
#define DAXD_REQUESTS_H

#include "cuse-daxd/clients/conn.h"

enum daxd_next daxd_question_answer(struct daxd_conn *conn, const struct daxd_question *q,
				    struct daxd_answer *ret);

#endif
