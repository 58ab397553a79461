/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of the command. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "client/daxrun/options.h"

int run_once(const struct run_options *o);

#endif
