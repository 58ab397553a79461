/* SPDX-License-Identifier: BSD-2-Clause */
/* The command: start it, wait for it, exit as it did. */
#include "client/daxrun/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/shim/base/graft.h"
#include "client/daxrun/daemon.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/log.h"
#include "client/daxrun/util.h"
#include "client/daxrun/watch.h"

/* Block the signals that daxrun reads from a signalfd. */
static void block_signals(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

static sigset_t mask_before;
static struct sigaction xfsz_before;

/**
 * run_command_ignore_xfsz() - let writes beyond the limit of a file's size fail
 *
 * Otherwise the signal would end daxrun, and nobody would clean up. The command gets the
 * signal's old action back.
 */
void run_command_ignore_xfsz(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGXFSZ, &ignore, &xfsz_before);
}

/*
 * gdb as the command is told to let SIGSYS pass: programs without a preload library get it
 * at each call that the filter stops. In Python, because `handle` would print a table.
 * Return: the arguments; those that are new are never freed.
 */
static __attribute__((noinline)) char **tell_gdb(char **command)
{
	const char *slash = strrchr(command[0], '/');
	size_t n = 1;
	char **ret;

	if (strcmp(slash ? slash + 1 : command[0], "gdb") != 0 ||
	    !shim_graft_is_on(environ))
		return command;
	while (command[n])
		n++;
	ret = run_alloc((n + 3) * sizeof(*ret));
	ret[0] = command[0];
	ret[1] = run_strdup("-iex");
	ret[2] = run_strdup("python gdb.execute('handle SIGSYS nostop noprint pass', "
			    "to_string=True)");
	memcpy(ret + 3, command + 1, n * sizeof(*ret));
	return ret;
}

/* Executes a copy of the command if it needs one (--reach=all). Returns if it does not. */
static void exec_copy(char **command)
{
	struct shim_graft g = {.dirfd = AT_FDCWD, .argv = command, .envp = environ};
	char path[PATH_MAX];

	if (!shim_graft_is_on(environ))
		return;
	g.path = shim_graft_search(command[0], getenv("PATH"), path);
	if (shim_graft_plan(&g, __builtin_alloca(shim_graft_room(&g))))
		execveat(g.dirfd, g.path, g.argv, g.envp, g.flags);
}

/**
 * run_command_start() - start the command
 * @command:	its arguments, NULL at the end
 * @watch:	receives how processes end; NULL: only the command's own end matters
 *
 * If the command can't be executed, the new process prints the reason and exits with
 * 126 or 127, as a shell's would.
 *
 * Return: the process, for run_command_wait().
 */
pid_t run_command_start(char **command, struct run_watch *watch)
{
	char **const args = tell_gdb(command);
	pid_t parent = getpid();
	int go[2] = {-1, -1};
	char byte;
	pid_t pid;

	block_signals(&mask_before);
	if (watch && pipe2(go, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	/*
	 * The child shares daxrun's memory until it executes the command: a copy would
	 * cost more than that. A child that waits to be watched needs a copy.
	 */
	pid = watch ? fork() : vfork();
	if (pid < 0)
		run_die("vfork: %s", strerror(errno));
	if (pid) {
		if (watch) {
			run_watch_start(watch, pid);
			close(go[0]);
			close(go[1]);
		}
		return pid;
	}
	if (watch) {
		close(go[1]);
		while (read(go[0], &byte, 1) < 0 && errno == EINTR)
			;
	}
	/* If daxrun is killed and cannot clean up, the command is killed, too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(RUN_EXIT_FAILED);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	sigaction(SIGXFSZ, &xfsz_before, NULL);
	exec_copy(args);
	execvp(args[0], args);
	run_warn("%s: %s%s", args[0], strerror(errno),
		 strchr(args[0], '=') ? " (key=value follows the name of a device after "
					"a comma, without a space)"
				      : "");
	_exit(errno == ENOENT ? RUN_EXIT_NOT_FOUND : RUN_EXIT_NOT_EXECUTABLE);
}

/*
 * Pass a signal on to the command. A signal from the terminal has reached both.
 */
static void pass_on(pid_t pid, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo != SIGCHLD && info->ssi_code != SI_KERNEL)
		kill(pid, (int)info->ssi_signo);
}

/* True if the command has ended. Also notes an early end of the daemon. */
static bool has_ended(pid_t pid, struct run_daemon *d, struct run_watch *watch,
		      int *ret_status)
{
	int status;
	pid_t p;

	while ((p = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			run_watch_stopped(watch, p, status);
			continue;
		}
		if (p == pid) {
			*ret_status = status;
			return true;
		}
		if (p == d->pid) {
			run_warn("cuse-daxd has exited: new mappings will fail with "
				 "ENXIO, "
				 "continuing");
			run_dir_remove(&d->dir);
			d->pid = 0;
		}
	}
	return false;
}

/**
 * run_command_wait() - wait for the command's end
 * @pid:	from run_command_start()
 * @log:	printed meanwhile
 * @d:		the private daemon, or pid 0; its end is reported
 * @watch:	of run_command_start(); may be NULL
 *
 * Return: the command's status, as from waitpid(2).
 */
int run_command_wait(pid_t pid, struct run_log *log, struct run_daemon *d,
		     struct run_watch *watch)
{
	struct signalfd_siginfo info;
	struct pollfd fds[2];
	sigset_t set;
	int status;

	sigprocmask(SIG_BLOCK, NULL, &set);
	fds[0] = (struct pollfd){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
				 .events = POLLIN};
	fds[1] = (struct pollfd){.fd = log->fd, .events = POLLIN};
	if (fds[0].fd < 0)
		run_die("signalfd: %s", strerror(errno));
	while (!has_ended(pid, d, watch, &status)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			run_die("poll: %s", strerror(errno));
		run_log_read(log);
		while (read(fds[0].fd, &info, sizeof(info)) == sizeof(info))
			pass_on(pid, &info);
	}
	close(fds[0].fd);
	return status;
}

/**
 * run_command_exit_like() - exit as the command did
 * @status:	from waitpid(2)
 *
 * A command killed by a signal makes daxrun raise the same signal, so that its parent
 * sees the same status.
 */
void run_command_exit_like(int status)
{
	const struct rlimit none = {0, 0};
	sigset_t set;

	fflush(NULL);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none); /* the command has left its own core */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}
