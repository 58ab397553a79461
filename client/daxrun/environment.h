/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment that the command needs. */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include "client/daxrun/elf.h"
#include "client/daxrun/log.h"
#include "client/daxrun/options.h"

void run_environment_set(const struct run_options *o, const char *dir,
			 const struct run_program *program, const struct run_log *log);
char *run_environment_preload(void);

#endif
