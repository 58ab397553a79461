/* SPDX-License-Identifier: BSD-2-Clause */
/* The private daemon: start it, wait until it is ready, stop it. */
#ifndef RUN_DAEMON_H
#define RUN_DAEMON_H

#include <stdio.h>
#include <sys/types.h>

#include "client/daxrun/dir.h"
#include "client/daxrun/options.h"

struct run_daemon {
	pid_t pid; /* 0: not started by daxrun */
	struct run_dir dir;
	FILE *ready; /* its messages while it starts */
};

void run_daemon_start(const struct run_options *o, pid_t ends_with,
		      struct run_daemon *ret);
void run_daemon_await(struct run_daemon *d);
void run_daemon_stop(struct run_daemon *d);

#endif
