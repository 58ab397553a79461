/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of the command, with a private daemon or a running one. */
#include "client/daxrun/run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/daxrun/cgroup.h"
#include "client/daxrun/command.h"
#include "client/daxrun/daemon.h"
#include "client/daxrun/elf.h"
#include "client/daxrun/environment.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/log.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

/* Say so if the command was killed because its cgroup has no memory left. */
static void report_kill(const struct run_options *o, uint64_t kills_before)
{
	const uint64_t kills = run_cgroup_kills();
	uint64_t limit;
	char *file;

	if (kills == kills_before)
		return;
	if (!run_cgroup_limit(&limit, &file))
		run_warn("%s was killed because the machine has no memory left",
			 o->command[0]);
	else
		run_warn("%s was killed because its cgroup has no memory left (%" PRIu64
			 " MiB in %s)",
			 o->command[0], limit >> 20, file);
	free(file);
}

/**
 * run_once() - run the command once
 * @o:		the options; is_connect: use a running daemon instead of a private one
 *
 * Return: the command's status, as from waitpid(2).
 */
int run_once(const struct run_options *o)
{
	struct run_daemon d = {0};
	struct run_program program;
	struct run_log log;
	uint64_t kills;
	pid_t pid;
	int status;

	if (o->is_connect)
		run_dir_find_running(o->connect_dir, d.dir.path);
	else
		run_daemon_start(o, getpid(), &d);
	run_elf_look_at(o->command[0], &program);
	if (d.pid)
		run_daemon_await(&d);
	run_log_open(o, &d, &log);
	run_environment_set(o, d.dir.path, &program, &log);
	pid = run_command_start(o->command, o->watch);
	kills = run_cgroup_kills(); /* while the command starts */
	status = run_command_wait(pid, &log, &d, o->watch);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		report_kill(o, kills);
	run_log_close(&log);
	run_daemon_stop(&d);
	return status;
}
