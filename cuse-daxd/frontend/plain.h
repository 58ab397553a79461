/* SPDX-License-Identifier: BSD-2-Clause */
/* The front end with handles, empty files in RUNTIME/dev. */
#ifndef DAXD_FRONTEND_PLAIN_H
#define DAXD_FRONTEND_PLAIN_H

#include "cuse-daxd/frontend/frontend.h"

extern const struct daxd_frontend_ops daxd_plain_ops;

#endif
