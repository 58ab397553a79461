/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxrun: run a command on a machine that has /dev/dax devices.
 *
 * It starts a daemon of its own (or finds a running one), starts the command with the
 * shim preloaded, prints refused calls, and leaves nothing behind. It is a convenience,
 * not a sandbox: the command can do everything that it could without daxrun.
 */
#include <unistd.h>

#include "client/daxrun/check.h"
#include "client/daxrun/command.h"
#include "client/daxrun/daemon.h"
#include "client/daxrun/environment.h"
#include "client/daxrun/files.h"
#include "client/daxrun/options.h"
#include "client/daxrun/report.h"
#include "client/daxrun/run.h"
#include "client/daxrun/sweep.h"

/* Print the environment for eval; the daemon exits with the shell that reads it. */
static int print_env(const struct run_options *o)
{
	struct run_daemon d = {0};

	if (o->is_connect)
		run_files_find_running(o->connect_dir, d.dir);
	else
		run_daemon_start(o, getppid(), &d);
	if (d.pid)
		run_daemon_await(&d);
	run_environment_print(d.dir);
	return 0;
}

int main(int argc, char **argv)
{
	struct run_options o;
	int status;

	run_options_parse(argc, argv, &o);
	if (o.is_check)
		return run_check();
	if (o.is_print_env)
		return print_env(&o);
	if (o.sweep)
		return run_sweep(&o);
	if (o.is_report)
		o.report_fd = run_report_open();
	status = run_once(&o);
	if (o.is_report)
		run_report_print(o.report_fd, status);
	run_command_exit_like(status);
}
