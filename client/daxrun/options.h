/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/crash.h"
#include "libcore/kernel.h"

struct run_crash_options {
	const char *verify;  /* CMD; NULL: no crash states are wanted */
	const char *states;  /* as the user wrote them */
	const char *image;   /* NULL: a new device */
	const char **faults; /* rules for CMD */
	int nr_faults;
	struct dax_crash_choice choice;
	uint64_t fences[2]; /* the first and the last one */
	uint64_t max;       /* states */
	bool is_by_instructions;
	bool is_single; /* one state, of the first fence */
	struct dax_crash_state single;
};

struct run_watch;

/* How to use a daemon is printed for a reader, instead of running a command. */
/* Which programs see the devices. */
enum run_reach {
	RUN_REACH_DEFAULT, /* all, where that is possible */
	RUN_REACH_PRELOAD, /* those that load a preload library */
	RUN_REACH_ALL,     /* those that do not, too */
};

enum run_print {
	RUN_PRINT_NONE,
	RUN_PRINT_SHELL,
	RUN_PRINT_GITHUB, /* appended to the file that GITHUB_ENV names */
	RUN_PRINT_CDI,
};

struct run_options {
	const char **devices; /* arguments of -d */
	int nr_devices;
	const char **faults;
	int nr_faults;
	const char *fault_log; /* NULL: none */
	bool is_report;
	int report_fd;           /* descriptor for the daemon to write to; -1: none */
	struct run_watch *watch; /* receives how processes end; NULL: not watched */
	const char **sweeps;     /* rules with ranges in them */
	int nr_sweeps;
	int nr_jobs;
	long timeout_ms;      /* of each run; 0: none */
	const char *keep;     /* directory for stderr of runs that fail; NULL: none */
	const char **reports; /* arguments of --report */
	int nr_reports;
	const char *config;
	bool is_crash;
	struct run_crash_options crash;
	const char *recorder; /* preloaded in front of the shim; NULL: none */
	bool is_connect;
	const char *connect_dir; /* NULL: search */
	bool has_kernel;         /* --kernel was given */
	enum dax_kernel kernel;
	enum run_reach reach;
	bool is_trace;
	const char *trace_file; /* NULL: stderr */
	bool is_quiet;
	bool is_check;
	bool is_check_json;
	bool is_check_probe; /* this is the command of --check */
	enum run_print print;
	char **command; /* NULL-terminated; empty with --check and print */
};

void run_options_parse(int argc, char **argv, struct run_options *ret);

#endif
