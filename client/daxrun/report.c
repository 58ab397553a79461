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
 * run_report_read() - read which faults were injected
 * @fd:		from run_report_open(), after the daemon has exited
 * @ret:	receives them
 */
void run_report_read(int fd, struct run_hits *ret)
{
	FILE *f = reader(fd);
	char *line = NULL;
	size_t size = 0;
	long n;

	memset(ret, 0, sizeof(*ret));
	ret->given = -1;
	while (getline(&line, &size, f) > 0) {
		sscanf(line, "given %ld", &ret->given);
		sscanf(line, "last %*s %15s %15s %23s", ret->call, ret->device,
		       ret->offset);
		if (sscanf(line, "rule %*s %ld", &n) != 1)
			continue;
		memmove(ret->rules + 1, ret->rules,
			sizeof(ret->rules) - sizeof(ret->rules[0]));
		ret->rules[0] = n;
	}
	fclose(f);
	free(line);
}

/**
 * run_report_signal() - find the signal that ended a command, or a shell's child
 * @status:	from waitpid(2)
 *
 * Return: its number, also for an exit status of 128+N; 0: none.
 */
int run_report_signal(int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;

	return sig > 0 && sigabbrev_np(sig) ? sig : 0;
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
	int sig = run_report_signal(status);

	if (WIFEXITED(status) && sig)
		snprintf(buf, 64, "exit %d (SIG%s)", WEXITSTATUS(status),
			 sigabbrev_np(sig));
	else if (WIFEXITED(status))
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
	struct run_hits hits;
	char end[64];
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	run_report_read(fd, &hits);
	if (hits.given < 0) {
		run_warn("faults: unknown, cuse-daxd was killed before it could report");
		return;
	}
	run_warn("faults: %ld injected", hits.given);
	f = reader(fd);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		print_line(line);
	}
	fclose(f);
	free(line);
	run_report_status_text(status, end);
	if (!hits.given)
		run_warn("nothing was injected; ended with %s", end);
	else if (run_report_signal(status))
		run_warn("survived %ld of them; the last was: %s of %s at offset %s; "
			 "ended by %s",
			 hits.given - 1, hits.call, hits.device, hits.offset, end);
	else
		run_warn("survived all of them; ended with %s", end);
}
