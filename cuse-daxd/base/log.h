/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: lines on stderr, in syslog or in the journal. */
#ifndef DAXD_BASE_LOG_H
#define DAXD_BASE_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "cuse-daxd/base/util.h"

enum daxd_log_level {
	DAXD_LOG_ERROR,
	DAXD_LOG_WARNING,
	DAXD_LOG_INFO,
	DAXD_LOG_DEBUG,
};

extern enum daxd_log_level daxd_log_max;

void daxd_log_init(void);
void daxd_log_to_syslog(void);
void daxd_log(enum daxd_log_level level, const char *fmt, ...) DAXD_PRINTF(2, 3);

/* The subject of a log line; a field that does not apply is NULL or 0. */
struct daxd_subject {
	const char *device;
	pid_t pid;
	const char *verdict; /* "ok", or the name of an errno */
};

/*
 * An alternative output for lines; called from any thread. Returns true if it has
 * written the line. NULL: none.
 */
extern bool (*daxd_log_sink)(int priority, const struct daxd_subject *subject,
			     const char *text);

void daxd_log_about(enum daxd_log_level level, const struct daxd_subject *subject,
		    const char *fmt, ...) DAXD_PRINTF(3, 4);

#define daxd_error(...)   daxd_log(DAXD_LOG_ERROR, __VA_ARGS__)
#define daxd_warning(...) daxd_log(DAXD_LOG_WARNING, __VA_ARGS__)
#define daxd_info(...)    daxd_log(DAXD_LOG_INFO, __VA_ARGS__)
/* Costs one comparison if debug lines are off. */
#define daxd_debug(...)                                                                  \
	do {                                                                             \
		if (daxd_log_max >= DAXD_LOG_DEBUG)                                      \
			daxd_log(DAXD_LOG_DEBUG, __VA_ARGS__);                           \
	} while (0)

#endif
