/* SPDX-License-Identifier: BSD-2-Clause */
/* The private daemon: started for one command, gone with it. */
#include "client/daxrun/daxrun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The config file that the options make, if they do not name one. */
static char *make_config(const struct run_options *o, const char *dir)
{
	char *path;
	FILE *f;

	if (o->config)
		return run_strdup(o->config);
	path = run_format("%s/config", dir);
	f = fopen(path, "we");
	if (!f)
		run_die("%s: %s", path, strerror(errno));
	run_write_config(o, f);
	if (fclose(f))
		run_die("%s: %s", path, strerror(errno));
	return path;
}

static void exec_daemon(const struct run_options *o, const char *program,
			const char *config, const char *dir, pid_t ends_with, int ready)
{
	const char **argv = run_alloc(((size_t)o->nr_faults + 16) * sizeof(*argv));
	int argc = 0;
	int i;
	char *ready_arg = run_format("--ready-fd=%d", ready);
	char *dir_arg = run_format("--runtime-dir=%s", dir);
	char *pid_arg = run_format("--exit-with=%d", (int)ends_with);
	sigset_t none;

	/* Ctrl-C is for the command; the daemon ends when daxrun says so. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	argv[argc++] = program;
	argv[argc++] = "-c";
	argv[argc++] = config;
	argv[argc++] = "--foreground";
	argv[argc++] = "--frontend=none";
	argv[argc++] = dir_arg;
	argv[argc++] = ready_arg;
	argv[argc++] = pid_arg;
	for (i = 0; i < o->nr_faults; i++)
		argv[argc++] = run_format("--fault=%s", o->faults[i]);
	if (o->fault_log)
		argv[argc++] = run_format("--fault-log=%s", o->fault_log);
	argv[argc] = NULL;
	execv(program, (char *const *)(uintptr_t)argv);
	run_warn("%s: %s", program, strerror(errno));
	_exit(RUN_EXIT_FAILED);
}

/* Is gone: its children, whoever they were, have nothing to do here. */
static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/**
 * run_start_daemon() - start a daemon, and wait until it can be used
 * @o:		the options
 * @ends_with:	the process with which it shall end
 * @ret:	receives the daemon
 *
 * Ends the program if the daemon does not start; it has said why.
 */
void run_start_daemon(const struct run_options *o, pid_t ends_with,
		      struct run_daemon *ret)
{
	char *program = run_find_daemon();
	char *config;
	int pipefd[2];
	ssize_t n;
	char c;

	run_make_dir(ret->dir);
	config = make_config(o, ret->dir);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	ret->pid = fork();
	if (ret->pid < 0)
		run_die("fork: %s", strerror(errno));
	if (ret->pid == 0) {
		int ready = dup(pipefd[1]); /* not close-on-exec */

		exec_daemon(o, program, config, ret->dir, ends_with, ready);
	}
	close(pipefd[1]);
	do {
		n = read(pipefd[0], &c, 1);
	} while (n < 0 && errno == EINTR);
	close(pipefd[0]);
	if (n <= 0) {
		reap(ret->pid);
		run_remove_tree(ret->dir);
		run_die("cuse-daxd did not start");
	}
	free(program);
	free(config);
}

/**
 * run_stop_daemon() - end a daemon of ours and remove its directory
 * @d:		the daemon; pid 0: it is not ours
 */
void run_stop_daemon(struct run_daemon *d)
{
	if (!d->pid)
		return;
	kill(d->pid, SIGTERM);
	reap(d->pid);
	run_remove_tree(d->dir);
	d->pid = 0;
}
