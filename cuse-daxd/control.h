/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions in JSON, as cuse-daxctl asks them. */
#ifndef DAXD_CONTROL_H
#define DAXD_CONTROL_H

#include "cuse-daxd/server.h"

enum daxd_next daxd_control(struct daxd_conn *conn, const char *text, size_t len,
			    struct daxd_answer *ret);

#endif
