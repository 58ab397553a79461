/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error reports from a function to its caller.
 *
 * Functions that can fail return a negative errno and leave a complete sentence in a
 * struct daxd_why; they never log. The caller that knows what the user was doing logs it.
 */
#ifndef DAXD_BASE_FAIL_H
#define DAXD_BASE_FAIL_H

#include "cuse-daxd/base/util.h"

/* "thing: failed operation: reason (remedy)", without a newline. */
struct daxd_why {
	char text[1024];
};

int daxd_fail(struct daxd_why *why, int error, const char *fmt, ...) DAXD_PRINTF(3, 4);

#endif
