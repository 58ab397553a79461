/* SPDX-License-Identifier: BSD-2-Clause */
/* Crash points: places where a daemon built for the crash test kills itself. */
#include "cuse-daxd/base/crash_point.h"

#ifdef DAXD_CRASH_POINTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * daxd_crash_point() - kill the daemon if its environment names this crash point
 * @name:	the name of the crash point
 *
 * Not thread-safe. Returns unless DAXD_CRASH_POINT names this visit of the crash point.
 */
void daxd_crash_point(const char *name)
{
	static unsigned int passed;
	const char *text = getenv("DAXD_CRASH_POINT");
	const char *colon = text ? strrchr(text, ':') : NULL;
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon)
		return;
	if (strncmp(text, "*", len) && (strlen(name) != len || strncmp(name, text, len)))
		return;
	if (++passed == strtoul(colon + 1, NULL, 10)) {
		dprintf(STDERR_FILENO, "crash point %s\n", name);
		kill(getpid(), SIGKILL);
	}
}

#else

typedef int daxd_no_crash_points; /* ISO C forbids an empty file */

#endif
