/* SPDX-License-Identifier: BSD-2-Clause */
/* Record a run of the command, and check what power failures may leave of it. */
#ifndef RUN_CRASH_H
#define RUN_CRASH_H

#include "client/daxrun/options.h"

int run_crash(const struct run_options *o);

#endif
