/* SPDX-License-Identifier: BSD-2-Clause */
/* The private daemon, which daxrun starts for one command and stops after it. */
#include "client/daxrun/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcore/kernel.h"

#include "client/daxrun/config.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/files.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

/* The text of the config file from the options; NULL: they name a file. */
static char *make_config(const struct run_options *o)
{
	char *text = NULL;
	size_t len;
	FILE *f;

	if (o->config)
		return NULL;
	f = open_memstream(&text, &len);
	if (!f)
		run_die("out of memory");
	run_config_write(o, f);
	if (fclose(f))
		run_die("out of memory");
	return text;
}

static char *write_config(const char *text, const char *dir)
{
	char *path = run_format("%s/" RUN_CONFIG_FILE, dir);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) == EOF || fclose(f))
		run_die("%s: %s%s", path, strerror(errno),
			errno == EFBIG ? " (raise the limit: ulimit -f unlimited)" : "");
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

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	argv[argc++] = program;
	argv[argc++] = "-c";
	argv[argc++] = config;
	argv[argc++] = "--foreground";
	argv[argc++] = "--frontend=none";
	argv[argc++] = dir_arg;
	argv[argc++] = ready_arg;
	if (ends_with)
		argv[argc++] = pid_arg;
	/* Programs may look around without the shim after --print-env: start complete. */
	if (!o->print)
		argv[argc++] = "--ready-early";
	if (o->has_kernel)
		argv[argc++] = run_format("--kernel=%s", dax_kernel_name(o->kernel));
	for (i = 0; i < o->nr_faults; i++)
		argv[argc++] = run_format("--fault=%s", o->faults[i]);
	if (o->fault_log)
		argv[argc++] = run_format("--fault-log=%s", o->fault_log);
	if (o->report_fd >= 0)
		argv[argc++] = run_format("--fault-report-fd=%d", o->report_fd);
	argv[argc] = NULL;
	execv(program, (char *const *)(uintptr_t)argv);
	run_warn("%s: %s", program, strerror(errno));
	_exit(RUN_EXIT_FAILED);
}

/* Reap the daemon. */
static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Raise a limit as far as possible: root has none. */
static void raise_limit(__rlimit_resource_t which)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	if (setrlimit(which, &limit) == 0 || getrlimit(which, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(which, &limit);
}

/*
 * Become the daemon, in its process. This process makes the directory, so that the
 * daemon removes it even if daxrun is killed. The first line that it writes to @ready is
 * the directory's name; the daemon writes the second one when it is ready.
 */
static void __attribute__((noreturn))
be_daemon(const struct run_options *o, const char *program, const char *config,
	  pid_t ends_with, int ready)
{
	char dir[RUN_DIR_LEN];

	/*
	 * Ctrl-C is for the command; daxrun stops the daemon. Neither the end of daxrun's
	 * group nor that of the reader may end this process once there is a directory.
	 */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	/* A limit of the command's files is not one of the daemon's. */
	raise_limit(RLIMIT_FSIZE);
	run_dir_make(dir);
	dprintf(ready, "%s\n", dir);
	/* Preloaded libraries are for the command; in a nested daxrun, the shim is. */
	unsetenv("LD_PRELOAD");
	/* A reader of daxrun's output must not wait for the daemon to close it. */
	run_redirect("/dev/null", O_RDWR, STDIN_FILENO);
	run_redirect("/dev/null", O_RDWR, STDOUT_FILENO);
	if (o->print) {
		char *path = run_format("%s/" RUN_LOG_FILE, dir);

		run_redirect(path, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
	}
	exec_daemon(o, program, config ? write_config(config, dir) : o->config, dir,
		    ends_with, ready);
	_exit(RUN_EXIT_FAILED);
}

/* Print the messages of the daemon of --print-env. */
static void print_log(const char *dir)
{
	char *path = run_format("%s/" RUN_LOG_FILE, dir);
	char buf[1024];
	FILE *f = fopen(path, "re");

	while (f && fgets(buf, sizeof(buf), f))
		fputs(buf, stderr);
	if (f)
		fclose(f);
	free(path);
}

/**
 * run_daemon_start() - start a private daemon
 * @o:		the options
 * @ends_with:	the process with which the daemon exits; 0: with none
 * @ret:	receives the daemon, for run_daemon_await()
 */
void run_daemon_start(const struct run_options *o, pid_t ends_with,
		      struct run_daemon *ret)
{
	char *program = run_files_daemon();
	char *config = make_config(o);
	int pipefd[2];

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	ret->pid = fork();
	if (ret->pid < 0)
		run_die("fork: %s", strerror(errno));
	if (ret->pid == 0)
		be_daemon(o, program, config, ends_with, dup(pipefd[1]));
	close(pipefd[1]);
	ret->ready = fdopen(pipefd[0], "r");
	if (!ret->ready)
		run_die("out of memory");
	free(program);
	free(config);
}

/**
 * run_daemon_await() - wait until a daemon is ready
 * @d:		from run_daemon_start()
 *
 * Ends daxrun if the daemon does not start; the daemon has printed the reason.
 */
void run_daemon_await(struct run_daemon *d)
{
	bool is_ready;

	/* The daemon writes its directory first, and a second line when it is ready. */
	if (fgets(d->dir.path, RUN_DIR_LEN, d->ready)) {
		d->dir.path[strcspn(d->dir.path, "\n")] = '\0';
		run_dir_hold(&d->dir);
	}
	is_ready = fgetc(d->ready) != EOF;
	fclose(d->ready);
	if (is_ready)
		return;
	reap(d->pid);
	if (d->dir.path[0])
		print_log(d->dir.path);
	run_dir_remove(&d->dir);
	run_die("cuse-daxd did not start");
}

/**
 * run_daemon_stop() - stop the private daemon and remove its directory
 * @d:		the daemon; nothing is done with pid 0
 */
void run_daemon_stop(struct run_daemon *d)
{
	if (!d->pid)
		return;
	kill(d->pid, SIGTERM);
	reap(d->pid);
	run_dir_remove(&d->dir);
	d->pid = 0;
}
