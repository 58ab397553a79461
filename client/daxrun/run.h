/* SPDX-License-Identifier: BSD-2-Clause */
/* Run the command once. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "client/daxrun/options.h"

int run_once(const struct run_options *o);

#endif
