/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of the command, with a private daemon or a running one. */
#include "client/daxrun/run.h"

#include <sys/types.h>
#include <unistd.h>

#include "client/daxrun/command.h"
#include "client/daxrun/daemon.h"
#include "client/daxrun/elf.h"
#include "client/daxrun/environment.h"
#include "client/daxrun/files.h"
#include "client/daxrun/log.h"
#include "client/daxrun/options.h"

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
	pid_t pid;
	int status;

	if (o->is_connect)
		run_files_find_running(o->connect_dir, d.dir);
	else
		run_daemon_start(o, getpid(), &d);
	run_elf_look_at(o->command[0], &program);
	if (d.pid)
		run_daemon_await(&d);
	run_log_open(o, &d, &log);
	run_environment_set(o, d.dir, &program, &log);
	pid = run_command_start(o->command);
	status = run_command_wait(pid, &log, &d);
	run_log_close(&log);
	run_daemon_stop(&d);
	return status;
}
