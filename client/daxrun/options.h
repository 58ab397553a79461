/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>

struct run_options {
	const char **devices; /* arguments of -d */
	int nr_devices;
	const char **faults;
	int nr_faults;
	const char *fault_log; /* NULL: none */
	bool is_report;
	int report_fd;     /* descriptor for the daemon to write to; -1: none */
	const char *sweep; /* a rule with a range in it; NULL: none */
	int nr_jobs;
	const char *config;
	bool is_connect;
	const char *connect_dir; /* NULL: search */
	bool is_trace;
	const char *trace_file; /* NULL: stderr */
	bool is_quiet;
	bool is_check;
	bool is_print_env;
	char **command; /* NULL-terminated; empty with --check or --print-env */
};

void run_options_parse(int argc, char **argv, struct run_options *ret);

#endif
