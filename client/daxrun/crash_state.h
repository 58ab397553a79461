/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of COMMAND and CMD for crash states, each in a process of its own. */
#ifndef RUN_CRASH_STATE_H
#define RUN_CRASH_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/crash.h"

#include "client/daxrun/crash_files.h"
#include "client/daxrun/options.h"

/* The result of a run, in memory that is shared with the process that runs it. */
struct run_crash_result {
	bool is_done; /* false: daxrun failed */
	int status;   /* from waitpid(2) */
};

/* A state that CMD is run on. */
struct run_crash_run {
	const struct dax_crash *c; /* NULL: the start image */
	const struct dax_crash_state *state;
	const struct dax_crash_choice *choice;
	uint64_t fence;
	uint64_t said; /* bytes of COMMAND's standard output */
	const char *name;
	int slot;         /* a number unlike those of the runs at the same time */
	bool is_shown;    /* CMD's output goes to daxrun's */
	const char *keep; /* file that receives the image; NULL: none */
};

pid_t run_crash_state_record(const struct run_options *o,
			     const struct run_crash_files *files,
			     struct run_crash_result *result);
pid_t run_crash_state_start(const struct run_options *o,
			    const struct run_crash_files *files,
			    const struct run_crash_run *run,
			    struct run_crash_result *result);
char *run_crash_state_output(const struct run_crash_files *files, int slot);

#endif
