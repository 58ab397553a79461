/* SPDX-License-Identifier: BSD-2-Clause */
/* Start the command, wait for it, and exit as it did. */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <sys/types.h>

#include "client/daxrun/daemon.h"
#include "client/daxrun/log.h"
#include "client/daxrun/watch.h"

void run_command_ignore_xfsz(void);
pid_t run_command_start(char **command, struct run_watch *watch);
int run_command_wait(pid_t pid, struct run_log *log, struct run_daemon *d,
		     struct run_watch *watch);
void run_command_exit_like(int status) __attribute__((noreturn));

#endif
