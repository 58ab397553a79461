/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of the command, each in a process of its own that does what daxrun does for one
 * command. Its results are in memory that it shares with daxrun.
 *
 * Each has a process group of its own, so that a ^C reaches only daxrun, which ends the
 * others and prints what it has so far.
 */
#include "client/daxrun/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/daxrun/options.h"
#include "client/daxrun/report.h"
#include "client/daxrun/run.h"
#include "client/daxrun/table.h"
#include "client/daxrun/util.h"
#include "client/daxrun/watch.h"

#define LOOK_NS      100000000 /* how often time limits are checked */
#define OUTPUT_BYTES 4096      /* of the command's stderr, from its end */

/**
 * run_job_signals() - name the signals that daxrun awaits while jobs run
 * @set:	receives SIGCHLD, and those that end daxrun
 */
void run_job_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/**
 * run_job_init() - prepare for jobs
 *
 * From now on, the signals of run_job_signals() are blocked, for run_job_wait(). One that
 * is ignored stays so, as after nohup(1).
 */
void run_job_init(void)
{
	sigset_t set;

	signal(SIGCHLD, SIG_DFL);
	run_job_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* A file without a name: on a disk if possible, since its size is not known. */
static int open_output(void)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("stderr", MFD_CLOEXEC);
	if (fd < 0)
		run_die("no file for the command's stderr: %s", strerror(errno));
	return fd;
}

static void run_in_child(const struct run_job *job, const struct run_options *options)
{
	struct run_options o = *options;
	struct run_result *data = job->data;
	sigset_t set;

	run_job_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	run_redirect("/dev/null", O_RDWR, STDIN_FILENO);
	run_redirect("/dev/null", O_RDWR, STDOUT_FILENO);
	dup2(job->output, STDERR_FILENO);
	o.is_quiet = true;
	o.is_trace = false;
	o.report_fd = run_report_open();
	if (o.watch)
		o.watch = &data->watch;
	data->status = run_once(&o);
	run_report_read(o.report_fd, &data->hits);
	data->is_done = true;
}

/**
 * run_job_start() - start a run
 * @job:	not running; its name is set
 * @o:		the options; watch is NULL, or not if deaths below the command count
 *
 * The command reads nothing, and its standard output is lost.
 */
void run_job_start(struct run_job *job, const struct run_options *o)
{
	pid_t parent = getpid();

	if (!job->data) {
		job->data = mmap(NULL, sizeof(*job->data), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (job->data == MAP_FAILED)
			run_die("mmap: %s", strerror(errno));
	}
	memset(job->data, 0, sizeof(*job->data));
	job->is_hung = false;
	job->output = open_output();
	job->started_us = run_now_us();
	fflush(NULL);
	job->pid = fork();
	if (job->pid < 0)
		run_die("fork: %s", strerror(errno));
	if (job->pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(RUN_EXIT_FAILED);
		run_in_child(job, o);
		_exit(0);
	}
	setpgid(job->pid, job->pid);
}

static void kill_job(const struct run_job *job)
{
	kill(-job->pid, SIGKILL);
	kill(job->pid, SIGKILL);
}

static struct run_job *reap(struct run_job *jobs, int nr_jobs)
{
	pid_t pid = waitpid(-1, NULL, WNOHANG);
	int i;

	for (i = 0; pid > 0 && i < nr_jobs; i++) {
		if (jobs[i].pid != pid)
			continue;
		/* Processes that the command has left running in its group end with it. */
		kill(-pid, SIGKILL);
		jobs[i].us = run_now_us() - jobs[i].started_us;
		jobs[i].pid = 0;
		return &jobs[i];
	}
	return NULL;
}

/* Kill the jobs that take too long, and show which are running. */
static void look_at(struct run_job *jobs, int nr_jobs, long timeout_ms,
		    const struct run_table *t)
{
	char text[160] = "running:";
	int i;

	for (i = 0; i < nr_jobs; i++) {
		long us = run_now_us() - jobs[i].started_us;
		size_t len = strlen(text);

		if (!jobs[i].pid)
			continue;
		if (timeout_ms && us > timeout_ms * 1000 && !jobs[i].is_hung) {
			jobs[i].is_hung = true;
			kill_job(&jobs[i]);
		}
		snprintf(text + len, sizeof(text) - len, " %s (%ld s)", jobs[i].name,
			 us / 1000000);
	}
	if (t)
		run_table_progress(t, text);
}

/**
 * run_job_wait() - wait until a run ends
 * @jobs:	all jobs, at least one of which is running
 * @nr_jobs:	their number
 * @timeout_ms:	kill runs that take longer, in milliseconds; 0: none
 * @t:		shows the progress; may be NULL
 *
 * Return: the job that has ended; NULL if the user has interrupted daxrun.
 */
struct run_job *run_job_wait(struct run_job *jobs, int nr_jobs, long timeout_ms,
			     const struct run_table *t)
{
	const struct timespec nap = {.tv_nsec = LOOK_NS};
	struct run_job *job;
	sigset_t set;
	int sig;

	run_job_signals(&set);
	for (;;) {
		job = reap(jobs, nr_jobs);
		if (job)
			return job;
		look_at(jobs, nr_jobs, timeout_ms, t);
		sig = sigtimedwait(&set, NULL, &nap);
		if (sig > 0 && sig != SIGCHLD)
			return NULL;
	}
}

/**
 * run_job_end_all() - kill the runs that are still running
 * @jobs:	all jobs
 * @nr_jobs:	their number
 */
void run_job_end_all(struct run_job *jobs, int nr_jobs)
{
	int i;

	for (i = 0; i < nr_jobs; i++) {
		if (!jobs[i].pid)
			continue;
		kill_job(&jobs[i]);
		while (waitpid(jobs[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
		jobs[i].pid = 0;
	}
}

/**
 * run_job_judge() - judge how a run has ended
 * @job:	the job
 * @nr_deaths_before: processes below the command that die even without a fault
 * @text:	receives how it has ended
 *
 * Return: RUN_VERDICT_BAD if the command or a process below it crashed, if a shell
 * reports that (exit status 128+N), or if it hung; RUN_VERDICT_UNJUDGED if daxrun could
 * not run it; else RUN_VERDICT_GOOD.
 */
enum run_verdict run_job_judge(const struct run_job *job, int nr_deaths_before,
			       char text[RUN_JOB_TEXT])
{
	const struct run_result *data = job->data;
	int status = data->status;
	char end[64];

	if (job->is_hung) {
		snprintf(text, RUN_JOB_TEXT, "hung (%ld s)", job->us / 1000000);
		return RUN_VERDICT_BAD;
	}
	if (!data->is_done) {
		snprintf(text, RUN_JOB_TEXT, "daxrun failed");
		return RUN_VERDICT_UNJUDGED;
	}
	run_report_status_text(status, end);
	snprintf(text, RUN_JOB_TEXT, "%s", end);
	if (run_report_signal(status))
		return RUN_VERDICT_BAD;
	if (data->watch.nr_deaths > nr_deaths_before) {
		snprintf(text, RUN_JOB_TEXT, "%s (%s: SIG%s)", end, data->watch.comm,
			 sigabbrev_np(data->watch.signal));
		return RUN_VERDICT_BAD;
	}
	return RUN_VERDICT_GOOD;
}

/**
 * run_job_output() - read the end of what the command wrote on stderr
 * @job:	a job that has ended
 *
 * Return: the text, for the caller to free(3).
 */
char *run_job_output(const struct run_job *job)
{
	char *text = run_alloc(OUTPUT_BYTES + 1);
	struct stat st;
	ssize_t n;

	if (fstat(job->output, &st) < 0)
		return text;
	n = pread(job->output, text, OUTPUT_BYTES,
		  st.st_size > OUTPUT_BYTES ? st.st_size - OUTPUT_BYTES : 0);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/**
 * run_job_keep() - keep what the command wrote on stderr
 * @job:	a job that has ended
 * @dir:	the directory, made if it is missing
 * @name:	file in it, without ".stderr"
 *
 * Ends daxrun if the file can't be written.
 */
void run_job_keep(const struct run_job *job, const char *dir, const char *name)
{
	char *path = run_format("%s/%s.stderr", dir, name);
	char buf[4096];
	off_t at = 0;
	ssize_t n;
	FILE *f;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		run_die("--keep: %s: %s", dir, strerror(errno));
	f = fopen(path, "we");
	while (f && (n = pread(job->output, buf, sizeof(buf), at)) > 0) {
		fwrite(buf, 1, (size_t)n, f);
		at += n;
	}
	if (!f || fclose(f))
		run_die("--keep: %s: %s", path, strerror(errno));
	free(path);
}

/**
 * run_job_close() - forget the output of a job that has ended
 * @job:	the job
 */
void run_job_close(struct run_job *job)
{
	close(job->output);
	job->output = -1;
}
