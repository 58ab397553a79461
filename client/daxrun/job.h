/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of the command in processes of their own: at the same time, with a time limit. */
#ifndef RUN_JOB_H
#define RUN_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/daxrun/options.h"
#include "client/daxrun/report.h"
#include "client/daxrun/table.h"
#include "client/daxrun/watch.h"

#define RUN_JOB_TEXT 96

/* Results of a run, which its process writes to shared memory. */
struct run_result {
	bool is_done; /* the fields below are valid */
	int status;   /* of the command */
	struct run_watch watch;
	struct run_hits hits;
};

struct run_job {
	pid_t pid;               /* 0: not running */
	const char *name;        /* for the progress */
	struct run_result *data; /* in shared memory */
	int output;              /* stderr of the command, -1: closed */
	long started_us;
	long us; /* how long it took */
	bool is_hung;
};

void run_job_signals(sigset_t *set);
void run_job_init(void);
void run_job_start(struct run_job *job, const struct run_options *o);
struct run_job *run_job_wait(struct run_job *jobs, int nr_jobs, long timeout_ms,
			     const struct run_table *t);
void run_job_end_all(struct run_job *jobs, int nr_jobs);
enum run_verdict run_job_judge(const struct run_job *job, int nr_deaths_before,
			       char text[RUN_JOB_TEXT]);
char *run_job_output(const struct run_job *job);
void run_job_keep(const struct run_job *job, const char *dir, const char *name);
void run_job_close(struct run_job *job);

#endif
