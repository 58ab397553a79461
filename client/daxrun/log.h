/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines about refusals and traces, from the shim's events. */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "client/daxrun/daemon.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/options.h"

struct run_log {
	int fd; /* -1: no events are read */
	bool is_trace;
	bool is_begun;      /* the kernel has been named */
	const char *daemon; /* its runtime directory */
	FILE *out;
	char path[RUN_DIR_LEN + 16]; /* of the socket; '@': in the abstract namespace */
	long nr_lines;               /* in the current second */
	long second;
	long nr_left_out;
	unsigned int
		told; /* remarks on programs that were printed; one bit for each kind */
};

void run_log_open(const struct run_options *o, const struct run_daemon *d,
		  struct run_log *log);
void run_log_read(struct run_log *log);
void run_log_close(struct run_log *log);

#endif
