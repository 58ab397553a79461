/* SPDX-License-Identifier: BSD-2-Clause */
/* Write the config of the private daemon. */
#ifndef RUN_CONFIG_H
#define RUN_CONFIG_H

#include <stdio.h>

#include "client/daxrun/options.h"

void run_config_write(const struct run_options *o, FILE *f);

#endif
