/* SPDX-License-Identifier: BSD-2-Clause */
/* Run a command once, with a daemon of its own or a running one. */
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
 * run_once() - run the command, with a daemon of its own unless told to connect
 * @o:		the options
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
		run_find_running(o->connect_dir, d.dir);
	else
		run_start_daemon(o, getpid(), &d);
	run_look_at(o->command[0], &program);
	if (d.pid)
		run_await_daemon(&d);
	run_open_log(o, &d, &log);
	run_set_environment(o, d.dir, &program, &log);
	pid = run_start_command(o->command);
	status = run_wait_command(pid, &log, &d);
	run_close_log(&log);
	run_stop_daemon(&d);
	return status;
}
