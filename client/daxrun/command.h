/* SPDX-License-Identifier: BSD-2-Clause */
/* Start the command, wait for it, and exit as it did. */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <sys/types.h>

#include "client/daxrun/daemon.h"
#include "client/daxrun/log.h"

pid_t run_start_command(char **command);
int run_wait_command(pid_t pid, struct run_log *log, struct run_daemon *d);
void run_exit_like(int status) __attribute__((noreturn));

#endif
