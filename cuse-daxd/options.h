/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef DAXD_OPTIONS_H
#define DAXD_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct daxd_why;

enum daxd_job {
	DAXD_JOB_RUN,
	DAXD_JOB_CHECK,
	DAXD_JOB_DUMP,
	DAXD_JOB_MEMORY,
	DAXD_JOB_HELP,
	DAXD_JOB_VERSION,
};

struct daxd_options {
	enum daxd_job job;
	const char *config;      /* NULL: the default file, if it is there */
	const char *runtime_dir; /* NULL: the config's */
	int frontend;            /* enum daxd_frontend_kind; -1: the config's */
	int kernel;              /* enum dax_kernel; -1: the config's */
	bool is_foreground;
	bool may_wipe;
	int ready_fd; /* -1: none */
	bool is_tree_late;
	pid_t exit_with;       /* 0: none */
	GPtrArray *faults;     /* char *: rules; NULL: none */
	const char *fault_log; /* NULL: the config's */
	int fault_report;      /* -1: none */
};

int daxd_options_parse(int argc, char **argv, struct daxd_options *ret,
		       struct daxd_why *why);
void daxd_options_help(void);

#endif
