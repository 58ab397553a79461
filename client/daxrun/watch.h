/* SPDX-License-Identifier: BSD-2-Clause */
/* Watch a command and all processes below it for deaths by a signal. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

struct run_watch {
	bool is_on;
	int nr_deaths; /* processes that a signal of a crash has ended */
	int signal;    /* of the first one */
	char comm[16];
	pid_t last; /* process that was counted last */
};

void run_watch_start(struct run_watch *w, pid_t pid);
void run_watch_stopped(struct run_watch *w, pid_t pid, int status);

#endif
