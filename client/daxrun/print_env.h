/* SPDX-License-Identifier: BSD-2-Clause */
/* Tell another program how to use a daemon: a shell, a CI job or a container. */
#ifndef RUN_PRINT_ENV_H
#define RUN_PRINT_ENV_H

#include "client/daxrun/options.h"

int run_print_env(const struct run_options *o);

#endif
