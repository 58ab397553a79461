/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages, memory, strings, files and time of daxrun, which has no threads. */
#ifndef RUN_UTIL_H
#define RUN_UTIL_H

#include <stddef.h>
#include <stdio.h>

/* Exit statuses of daxrun itself, as in env(1) and the shells. */
enum {
	RUN_EXIT_FAILED = 125,
	RUN_EXIT_NOT_EXECUTABLE = 126,
	RUN_EXIT_NOT_FOUND = 127,
	RUN_EXIT_INTERRUPTED = 130,
};

void run_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *run_alloc(size_t size);
char *run_strdup(const char *s);
char *run_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_redirect(const char *path, int flags, int to);
long run_now_us(void);

#endif
