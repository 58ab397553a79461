/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of COMMAND and CMD for crash states, each in a process of its own, which inherits
 * the replayed log as it is at that moment.
 */
#include "client/daxrun/crash_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/crash_log.h"

#include "client/daxrun/files.h"
#include "client/daxrun/run.h"
#include "client/daxrun/util.h"

#define OUTPUT_MAX 16384 /* bytes of CMD's output that are kept, the last ones */

static void write_all(int fd, const void *data, size_t len, off_t off)
{
	if (pwrite(fd, data, len, off) != (ssize_t)len)
		run_die("the state's image has no room: %s", strerror(errno));
}

/* Write a state's image: the start image, and all lines that differ from it. */
static void write_image(const struct run_crash_files *files,
			const struct run_crash_run *run, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint32_t i;

	if (fd < 0)
		run_die("%s: %s", path, strerror(errno));
	run_crash_files_restore(files, fd);
	for (i = 0; run->c && i < run->c->nr_lines; i++) {
		uint64_t off = files->data + run->c->lines[i].off;
		const uint8_t *content =
			dax_crash_content(run->c, run->choice, run->state, i);

		if (memcmp(content, files->start + off, DAX_CRASH_LINE) != 0)
			write_all(fd, content, DAX_CRASH_LINE, (off_t)off);
	}
	close(fd);
}

/* Write what COMMAND had said by then. */
static void write_said(const struct run_crash_files *files, uint64_t len,
		       const char *path)
{
	char *all = run_crash_files_path(files, DAX_CRASH_SAID);
	int from = open(all, O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t chunk[16384];
	ssize_t n = 1;
	off_t at = 0;

	if (from < 0 || to < 0)
		run_die("%s: %s", path, strerror(errno));
	while (n > 0 && (uint64_t)at < len) {
		uint64_t left = len - (uint64_t)at;

		n = pread(from, chunk, left < sizeof(chunk) ? left : sizeof(chunk), at);
		if (n > 0)
			write_all(to, chunk, (size_t)n, at);
		at += n > 0 ? n : 0;
	}
	close(from);
	close(to);
	free(all);
}

/* Begin a process that runs something. Return: 0 in it. */
static pid_t begin(void)
{
	pid_t parent = getpid();
	sigset_t none;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		run_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(RUN_EXIT_FAILED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}

static void __attribute__((noreturn))
run_and_exit(const struct run_options *o, struct run_crash_result *result)
{
	result->status = run_once(o);
	result->is_done = true;
	_exit(0);
}

/**
 * run_crash_state_record() - run COMMAND and record it
 * @o:		the options
 * @files:	receive the log
 * @result:	receives its end, when the process has exited
 *
 * Return: the process that runs it.
 */
pid_t run_crash_state_record(const struct run_options *o,
			     const struct run_crash_files *files,
			     struct run_crash_result *result)
{
	pid_t pid = begin();
	struct run_options mine = *o;
	const char *device;
	char *path;

	if (pid)
		return pid;
	path = run_crash_files_path(files, DAX_CRASH_IMAGE);
	device = run_crash_files_device(o, path);
	mine.devices = &device;
	mine.nr_devices = 1;
	mine.recorder = run_files_recorder();
	setenv(DAX_CRASH_ENV, files->dir, 1);
	path = run_crash_files_path(files, DAX_CRASH_SAID);
	run_redirect(path, O_WRONLY | O_APPEND, STDOUT_FILENO);
	run_and_exit(&mine, result);
}

/**
 * run_crash_state_start() - run CMD on a state
 * @o:		the options
 * @files:	the files
 * @run:	the state
 * @result:	receives its end, when the process has exited
 *
 * Return: the process that runs it.
 */
pid_t run_crash_state_start(const struct run_options *o,
			    const struct run_crash_files *files,
			    const struct run_crash_run *run,
			    struct run_crash_result *result)
{
	pid_t pid = begin();
	char *command[] = {(char[]){"sh"}, (char[]){"-c"}, NULL, NULL};
	struct run_options mine = *o;
	const char *device;
	char *image;
	char *said;
	char *out;

	if (pid)
		return pid;
	image = run_format("%s/%d.state", files->dir, run->slot);
	said = run_format("%s/%d.said", files->dir, run->slot);
	out = run_format("%s/%d.out", files->dir, run->slot);
	if (!run->is_shown) {
		setpgid(0, 0);
		run_redirect("/dev/null", O_RDONLY, STDIN_FILENO);
		run_redirect(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, STDOUT_FILENO);
		dup2(STDOUT_FILENO, STDERR_FILENO);
	}
	write_image(files, run, image);
	unlink(run_format("%s.badblocks", image)); /* poison that an earlier CMD made */
	write_said(files, run->said, said);
	if (run->keep) {
		write_image(files, run, run->keep);
		write_said(files, run->said, run_format("%s.said", run->keep));
	}
	setenv("CRASH_FENCE", run_format("%" PRIu64, run->fence), 1);
	setenv("CRASH_STATE", run->name, 1);
	setenv("CRASH_SAID", said, 1);
	device = run_crash_files_device(o, image);
	mine.devices = &device;
	mine.nr_devices = 1;
	mine.faults = o->crash.faults;
	mine.nr_faults = o->crash.nr_faults;
	mine.fault_log = NULL;
	mine.is_quiet = true;
	mine.is_trace = false;
	command[2] = run_strdup(o->crash.verify);
	mine.command = command;
	run_and_exit(&mine, result);
}

/**
 * run_crash_state_output() - read the last part of what CMD wrote
 * @files:	the files
 * @slot:	of the run, which has ended
 *
 * Return: the text without the newlines at its end, for the caller to free(3).
 */
char *run_crash_state_output(const struct run_crash_files *files, int slot)
{
	char *path = run_format("%s/%d.out", files->dir, slot);
	char *text = run_alloc(OUTPUT_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END);

		n = pread(fd, text, OUTPUT_MAX, end > OUTPUT_MAX ? end - OUTPUT_MAX : 0);
		close(fd);
	}
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = '\0';
	free(path);
	return text;
}
