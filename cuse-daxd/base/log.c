/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: lines on stderr, in syslog or in the journal. */
#include "cuse-daxd/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum daxd_log_level daxd_log_max = DAXD_LOG_INFO;

bool (*daxd_log_sink)(int priority, const struct daxd_subject *subject, const char *text);

static bool is_syslog;

static const struct {
	const char *name;
	const char *prefix;
	int priority;
} levels[] = {
	[DAXD_LOG_ERROR] = {"error", "", LOG_ERR},
	[DAXD_LOG_WARNING] = {"warning", "", LOG_WARNING},
	[DAXD_LOG_INFO] = {"info", "", LOG_INFO},
	[DAXD_LOG_DEBUG] = {"debug", "debug: ", LOG_DEBUG},
};

/**
 * daxd_log_init() - set the log level from the environment
 *
 * DAXD_LOG is error, warning, info (the default) or debug.
 */
void daxd_log_init(void)
{
	const char *value = secure_getenv("DAXD_LOG");
	unsigned int i;

	for (i = 0; value && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(value, levels[i].name))
			daxd_log_max = (enum daxd_log_level)i;
}

/**
 * daxd_log_to_syslog() - send all further lines to syslog instead of stderr
 */
void daxd_log_to_syslog(void)
{
	openlog("cuse-daxd", LOG_PID, LOG_DAEMON);
	is_syslog = true;
}

static void put(enum daxd_log_level level, const struct daxd_subject *subject,
		const char *text)
{
	if (is_syslog)
		syslog(levels[level].priority, "%s", text);
	else if (!daxd_log_sink || !daxd_log_sink(levels[level].priority, subject, text))
		fprintf(stderr, "cuse-daxd: %s%s\n", levels[level].prefix, text);
}

/**
 * daxd_log() - log one line
 * @level:	severity; the line is dropped if it is above daxd_log_max
 * @fmt:	without a newline at the end
 *
 * Thread-safe.
 */
void daxd_log(enum daxd_log_level level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (level > daxd_log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(level, NULL, text);
}

/**
 * daxd_log_about() - log one line about an action of a program, with fields if possible
 * @level:	severity in the journal; elsewhere the line is a debug line
 * @subject:	the device, process and verdict, for the journal's fields
 * @fmt:	without a newline at the end
 *
 * Thread-safe.
 */
void daxd_log_about(enum daxd_log_level level, const struct daxd_subject *subject,
		    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (level <= daxd_log_max && daxd_log_sink &&
	    daxd_log_sink(levels[level].priority, subject, text))
		return;
	if (daxd_log_max >= DAXD_LOG_DEBUG)
		put(DAXD_LOG_DEBUG, subject, text);
}
