/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxrun: run a command on a machine that has /dev/dax devices.
 *
 * It starts a daemon of its own (or finds a running one), starts the command with the
 * shim preloaded, prints refused calls, and leaves nothing behind. It is a convenience,
 * not a sandbox: the command can do everything that it could without daxrun.
 */
#include "client/daxrun/check.h"
#include "client/daxrun/command.h"
#include "client/daxrun/crash.h"
#include "client/daxrun/options.h"
#include "client/daxrun/print_env.h"
#include "client/daxrun/report.h"
#include "client/daxrun/run.h"
#include "client/daxrun/sweep.h"

int main(int argc, char **argv)
{
	static struct run_options o; /* its lists are never freed */
	int status;

	run_options_parse(argc, argv, &o);
	if (o.is_check_probe)
		return run_check_probe();
	run_command_ignore_xfsz();
	if (o.is_check)
		return run_check(&o);
	if (o.print)
		return run_print_env(&o);
	if (o.nr_sweeps)
		return run_sweep(&o);
	if (o.is_crash)
		return run_crash(&o);
	if (o.is_report)
		o.report_fd = run_report_open();
	status = run_once(&o);
	if (o.is_report)
		run_report_print(o.report_fd, status);
	run_command_exit_like(status);
}
