/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages, memory, strings, files and time; a launcher may exit on any error. */
#include "client/daxrun/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line), fmt, ap);

	/* One write: the command may be writing to the same place. */
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	dprintf(STDERR_FILENO, "daxrun: %.*s\n", n < 0 ? 0 : n, line);
}

/**
 * run_warn() - print a line on stderr
 * @fmt:	as for printf(3), without "daxrun: " and newline, then its arguments
 */
void run_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/**
 * run_die() - print a line on stderr and exit with RUN_EXIT_FAILED
 * @fmt:	as for run_warn(), then its arguments
 */
void run_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(RUN_EXIT_FAILED);
}

/**
 * run_alloc() - allocate zeroed memory, or die
 * @size:	bytes
 *
 * Return: the memory, for the caller to free(3).
 */
void *run_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		run_die("out of memory");
	return p;
}

/**
 * run_strdup() - copy a string, or die
 * @s:		the string
 *
 * Return: the copy, for the caller to free(3).
 */
char *run_strdup(const char *s)
{
	char *p = strdup(s);

	if (!p)
		run_die("out of memory");
	return p;
}

/**
 * run_format() - format a string, or die
 * @fmt:	as for printf(3), then its arguments
 *
 * Return: the string, for the caller to free(3).
 */
char *run_format(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		run_die("out of memory");
	return p;
}

/**
 * run_redirect() - open a file in the place of a descriptor, or die
 * @path:	the file, made with mode 0600 if @flags have O_CREAT
 * @flags:	of open(2)
 * @to:		the descriptor
 */
void run_redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		run_die("%s: %s", path, strerror(errno));
	if (fd == to) /* it was closed */
		return;
	dup2(fd, to);
	close(fd);
}

/**
 * run_now_us() - read the time
 *
 * Return: microseconds of CLOCK_MONOTONIC.
 */
long run_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
