/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Report of the injected faults and the command's end.
 *
 * The daemon writes its counts into a memfd when it exits.
 */
#include "client/daxrun/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/daxrun/util.h"

/**
 * run_report_open() - make the file for the daemon's counts
 *
 * Return: a descriptor that the daemon inherits.
 */
int run_report_open(void)
{
	int fd = memfd_create("fault-report", 0);

	if (fd < 0)
		run_die("memfd_create: %s", strerror(errno));
	return fd;
}

static FILE *reader(int fd)
{
	FILE *f;

	lseek(fd, 0, SEEK_SET);
	f = fdopen(dup(fd), "r");
	if (!f)
		run_die("fault report: %s", strerror(errno));
	return f;
}

/**
 * run_report_given() - read how many faults were injected
 * @fd:		from run_report_open(), after the daemon has exited
 *
 * Return: the number; -1 if the daemon did not write it.
 */
long run_report_given(int fd)
{
	FILE *f = reader(fd);
	long given = -1;

	if (fscanf(f, "given %ld", &given) != 1)
		given = -1;
	fclose(f);
	return given;
}

/**
 * run_report_status_text() - describe how a command ended
 * @status:	from waitpid(2)
 * @buf:	receives the text
 *
 * Return: @buf.
 */
const char *run_report_status_text(int status, char buf[64])
{
	if (WIFEXITED(status))
		snprintf(buf, 64, "exit %d", WEXITSTATUS(status));
	else
		snprintf(buf, 64, "SIG%s%s", sigabbrev_np(WTERMSIG(status)),
			 WCOREDUMP(status) ? " (core)" : "");
	return buf;
}

static const char *times(long n)
{
	return n == 1 ? "time" : "times";
}

static void print_line(const char *line)
{
	char name[64];
	int pos = 0;
	long id;
	long n;

	if (sscanf(line, "rule %ld %ld %n", &id, &n, &pos) == 2 && pos)
		run_warn("  %ld %s, rule %ld: %s", n, times(n), id, line + pos);
	else if (sscanf(line, "refused %ld %ld", &id, &n) == 2)
		run_warn("  rule %ld had no effect in %ld process%s", id, n,
			 n == 1 ? "" : "es");
	else if (sscanf(line, "process %ld %ld %63s", &id, &n, name) == 3)
		run_warn("  %ld %s in %s[%ld]", n, times(n), name, id);
}

/**
 * run_report_print() - print the report on stderr
 * @fd:		from run_report_open(), after the daemon has exited
 * @status:	status of the command, from waitpid(2)
 */
void run_report_print(int fd, int status)
{
	long given = run_report_given(fd);
	char last[256] = "";
	char end[64];
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if (given < 0) {
		run_warn("faults: unknown, cuse-daxd was killed before it could report");
		return;
	}
	run_warn("faults: %ld injected", given);
	f = reader(fd);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		print_line(line);
		if (!strncmp(line, "last ", 5))
			snprintf(last, sizeof(last), "%s", line + 5);
	}
	fclose(f);
	free(line);
	run_report_status_text(status, end);
	if (WIFSIGNALED(status) && given) {
		char call[32];
		char device[32];
		char off[32];

		if (sscanf(last, "%*s %31s %31s %31s", call, device, off) == 3)
			run_warn("survived %ld of them; the last was: %s of %s at "
				 "offset %s; ended by %s",
				 given - 1, call, device, off, end);
	} else {
		run_warn("survived all of them; ended with %s", end);
	}
}
