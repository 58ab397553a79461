/* SPDX-License-Identifier: BSD-2-Clause */
/* The front end with character devices made with CUSE. */
#ifndef DAXD_FRONTEND_CUSE_H
#define DAXD_FRONTEND_CUSE_H

#include "cuse-daxd/frontend/frontend.h"

struct daxd_why;

extern const struct daxd_frontend_ops daxd_cuse_ops;

int daxd_cuse_check(struct daxd_why *why);

#endif
