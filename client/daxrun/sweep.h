/* SPDX-License-Identifier: BSD-2-Clause */
/* Run the command once for each step of a fault rule. */
#ifndef RUN_SWEEP_H
#define RUN_SWEEP_H

#include "client/daxrun/options.h"

int run_sweep(const struct run_options *o);

#endif
