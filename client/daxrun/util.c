/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages, memory and strings; a launcher may exit on any error. */
#include "client/daxrun/util.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/**
 * run_remove_tree() - remove a directory with all that is in it
 * @dir:	the directory; links in it are not followed
 */
void run_remove_tree(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
