/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of the command for each step of rules with ranges: "mmap errno:ENOMEM nth:1..N".
 *
 * The first run is without these rules, and must pass. An open range ends at the first
 * step in which its rule strikes nothing; with --jobs, steps behind it may have been
 * started before that is known, and are forgotten.
 */
#include "client/daxrun/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/daxrun/files.h"
#include "client/daxrun/job.h"
#include "client/daxrun/options.h"
#include "client/daxrun/quote.h"
#include "client/daxrun/ranges.h"
#include "client/daxrun/report.h"
#include "client/daxrun/table.h"
#include "client/daxrun/util.h"
#include "client/daxrun/watch.h"

static const struct run_column columns[] = {
	{"step", -8, false}, {"injected", 8, true}, {"ended", -26, false},
	{"hit", -24, false}, {NULL, 0, false},
};

/* A step that has been started, and is not printed yet. */
struct step {
	long combined;
	long nr; /* in the open range */
	struct run_job *job;
	struct step *next;
};

struct sweep {
	const struct run_options *o;
	struct run_ranges ranges;
	struct run_table *table;
	struct run_job *jobs;
	int nr_deaths; /* of the baseline */
	struct run_watch *watch;
	struct step *first; /* in the order of their start */
	struct step *last;
	long combined; /* the next step */
	long nr;
	long nr_injected;  /* faults in all steps */
	long nr_untouched; /* steps without a fault */
	long nr_swallowed;
	char *unjudged; /* why daxrun failed; NULL: it did not */
	char *repeat;   /* the first bad step; NULL: none */
	char *bad;
};

/* Open the config as the daemon understands it. */
static FILE *open_dump(const char *config, pid_t *ret)
{
	char *daemon = run_files_daemon();
	int fds[2];
	FILE *f;

	if (pipe2(fds, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	*ret = fork();
	if (*ret < 0)
		run_die("fork: %s", strerror(errno));
	if (*ret == 0) {
		unsetenv("LD_PRELOAD");
		dup2(fds[1], STDOUT_FILENO);
		execl(daemon, daemon, "--dump-config", "-c", config, NULL);
		run_die("%s: %s", daemon, strerror(errno));
	}
	close(fds[1]);
	free(daemon);
	f = fdopen(fds[0], "r");
	if (!f)
		run_die("fdopen: %s", strerror(errno));
	return f;
}

/*
 * End daxrun if a region is in a file that stays, which all steps would share. The same
 * holds for --device.
 */
static void check_config(const char *config)
{
	static const char *const files[] = {"backing=pmem:", "backing=hugetlbfs:"};
	char *line = NULL;
	size_t size = 0;
	int status;
	pid_t pid;
	FILE *f;
	int i;

	f = open_dump(config, &pid);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		for (i = 0; i < 2; i++)
			if (!strncmp(line, files[i], strlen(files[i])))
				run_die("--sweep: %s: '%s' is not fresh in every step "
					"(use backing=memory or hugetlb)",
					config, line);
	}
	free(line);
	fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		run_die("--sweep: %s: cuse-daxd does not accept this config", config);
}

/* Return: the command that repeats a step, for the caller to free(3). */
static char *how_to_repeat(const struct sweep *s, const struct step *step)
{
	const struct run_options *o = s->o;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int i;

	if (!f)
		run_die("out of memory");
	fputs("daxrun", f);
	for (i = 0; i < o->nr_devices; i++)
		run_quote_option(f, "-d", o->devices[i]);
	if (o->config)
		run_quote_option(f, "-c", o->config);
	for (i = 0; i < o->nr_faults; i++)
		run_quote_option(f, "--fault", o->faults[i]);
	for (i = 0; step && i < o->nr_sweeps; i++) {
		char *rule = run_ranges_rule(&s->ranges, i, step->combined, step->nr);

		run_quote_option(f, "--fault", rule);
		free(rule);
	}
	run_quote_command(f, o->command);
	fclose(f);
	return text;
}

/* Return: the swept rules of a step, for the caller to free(3). */
static char *rules_of(const struct sweep *s, const struct step *step)
{
	char *text = step ? NULL : run_strdup("baseline");
	int i;

	for (i = 0; step && i < s->o->nr_sweeps; i++) {
		char *rule = run_ranges_rule(&s->ranges, i, step->combined, step->nr);
		char *more = text ? run_format("%s + %s", text, rule) : run_strdup(rule);

		free(text);
		free(rule);
		text = more;
	}
	return text;
}

/* Start a run; @step is NULL for the baseline. */
static void start(const struct sweep *s, struct run_job *job, const struct step *step)
{
	struct run_options o = *s->o;
	const char **faults =
		run_alloc(((size_t)(o.nr_faults + o.nr_sweeps) + 1) * sizeof(*faults));
	int i;

	for (i = 0; i < o.nr_faults; i++)
		faults[i] = o.faults[i];
	for (i = 0; step && i < o.nr_sweeps; i++)
		faults[o.nr_faults++] =
			run_ranges_rule(&s->ranges, i, step->combined, step->nr);
	o.faults = faults;
	o.watch = s->watch;
	job->name = step ? run_ranges_values(&s->ranges, step->combined, step->nr)
			 : run_strdup("baseline");
	run_job_start(job, &o);
	while (o.nr_faults > s->o->nr_faults)
		free((char *)(uintptr_t)faults[--o.nr_faults]);
	free(faults);
}

/* Write which call was hit last, and where. */
static void write_hit(const struct run_hits *hits, char text[RUN_JOB_TEXT])
{
	if (hits->given > 1)
		snprintf(text, RUN_JOB_TEXT, "%s %s %s, last of %ld", hits->call,
			 hits->device, hits->offset, hits->given);
	else if (hits->given == 1)
		snprintf(text, RUN_JOB_TEXT, "%s %s %s", hits->call, hits->device,
			 hits->offset);
	else
		snprintf(text, RUN_JOB_TEXT, "-");
}

/* Add a run that has ended to the table. */
static enum run_verdict add_row(struct sweep *s, const struct run_job *job,
				const struct step *step)
{
	const struct run_hits *hits = &job->data->hits;
	char given[24];
	char hit[RUN_JOB_TEXT];
	char ended[RUN_JOB_TEXT];
	enum run_verdict verdict = run_job_judge(job, s->nr_deaths, ended);
	char *name = rules_of(s, step);
	struct run_row row = {.name = name, .us = job->us};
	char *output = run_job_output(job);
	char *repeat = how_to_repeat(s, step);
	char *message;

	if (!step && verdict != RUN_VERDICT_UNJUDGED && strcmp(ended, "exit 0") != 0)
		verdict = RUN_VERDICT_UNJUDGED;
	if (verdict == RUN_VERDICT_GOOD && hits->given > 0 && s->ranges.is_any_error &&
	    step && job->data->status == 0)
		verdict = RUN_VERDICT_DOUBTFUL;
	snprintf(given, sizeof(given), "%ld", hits->given < 0 ? 0 : hits->given);
	write_hit(hits, hit);
	message = verdict == RUN_VERDICT_DOUBTFUL
			  ? run_format("%s although a fault was injected: was the error "
				       "swallowed?",
				       ended)
			  : run_format("%s", ended);
	row.verdict = verdict;
	row.cells[0] = job->name;
	row.cells[1] = job->data->is_done ? given : "0";
	row.cells[2] = ended;
	row.cells[3] = hit;
	row.message = verdict == RUN_VERDICT_GOOD ? NULL : message;
	row.output = verdict == RUN_VERDICT_GOOD ? NULL : output;
	row.repeat = repeat;
	run_table_add(s->table, &row);
	if (s->o->keep && verdict != RUN_VERDICT_DOUBTFUL &&
	    (verdict != RUN_VERDICT_GOOD || job->data->status))
		run_job_keep(job, s->o->keep, job->name);
	if (verdict == RUN_VERDICT_UNJUDGED && !s->unjudged)
		s->unjudged = run_strdup(output);
	if (verdict == RUN_VERDICT_BAD && !s->repeat) {
		s->repeat = run_strdup(repeat);
		s->bad = run_strdup(job->name);
	}
	free(output);
	free(repeat);
	free(message);
	free(name);
	return verdict;
}

static void close_job(struct run_job *job)
{
	run_job_close(job);
	free((char *)(uintptr_t)job->name);
	job->name = NULL;
}

/* Forget the steps that are not printed, whose jobs have ended. */
static void forget_steps(struct sweep *s)
{
	struct step *step;

	while ((step = s->first)) {
		s->first = step->next;
		close_job(step->job);
		free(step);
	}
}

/*
 * Run the command without the swept rules. A command that cannot be traced runs again
 * without, and is not watched then.
 */
static void run_baseline(struct sweep *s)
{
	struct run_job *job = &s->jobs[0];
	static struct run_watch watch;
	char *output;
	char ended[RUN_JOB_TEXT];
	bool is_good;

	for (s->watch = &watch;; s->watch = NULL) {
		start(s, job, NULL);
		if (!run_job_wait(s->jobs, 1, s->o->timeout_ms, s->table)) {
			run_job_end_all(s->jobs, 1);
			run_table_end(s->table, false, "interrupted before any step");
			exit(RUN_EXIT_INTERRUPTED);
		}
		is_good = run_job_judge(job, job->data->watch.nr_deaths, ended) ==
				  RUN_VERDICT_GOOD &&
			  job->data->status == 0;
		if (is_good || !s->watch || job->is_hung || !job->data->watch.is_on)
			break;
		close_job(job);
	}
	if (is_good) {
		s->nr_deaths = job->data->watch.nr_deaths;
		if (!s->watch || !job->data->watch.is_on)
			run_warn("processes below the command are not watched: it "
				 "cannot be traced");
		add_row(s, job, NULL);
		close_job(job);
		return;
	}
	output = run_job_output(job);
	add_row(s, job, NULL);
	run_table_end(s->table, true,
		      "the run without faults must end with exit 0; no step was run");
	run_warn("--sweep: without faults, '%s' ended with %s:", s->o->command[0], ended);
	if (write(STDERR_FILENO, output, strlen(output)) < 0)
		run_warn("stderr: %s", strerror(errno));
	exit(RUN_EXIT_FAILED);
}

/* Start the next step in a free job, if there is one. Return: true if started. */
static bool start_next(struct sweep *s)
{
	const struct run_ranges *r = &s->ranges;
	struct run_job *job = s->jobs;
	struct step *step;

	if (s->combined == r->nr_combined || s->nr == RUN_STEPS_MAX)
		return false;
	while (job < s->jobs + s->o->nr_jobs && job->name)
		job++;
	if (job == s->jobs + s->o->nr_jobs)
		return false;
	step = run_alloc(sizeof(*step));
	*step = (struct step){.combined = s->combined, .nr = s->nr, .job = job};
	start(s, job, step);
	if (s->last)
		s->last->next = step;
	else
		s->first = step;
	s->last = step;
	if (r->open >= 0) {
		s->nr++;
	} else {
		s->combined++;
	}
	return true;
}

/* True if the rule with the open range injected nothing in a step. */
static bool is_end(const struct sweep *s, const struct step *step)
{
	const struct run_ranges *r = &s->ranges;
	const struct run_result *data = step->job->data;
	int back = r->nr_rules - 1 - (r->open < 0 ? 0 : r->list[r->open].rule);

	return r->open >= 0 && data->is_done && !step->job->is_hung &&
	       data->hits.given >= 0 && (!data->hits.rules[back]);
}

/* Print the steps that have ended, in their order, up to one that has not. */
static void print_steps(struct sweep *s)
{
	while (s->first && !s->first->job->pid && !s->unjudged) {
		struct step *step = s->first;
		const struct run_hits *hits = &step->job->data->hits;

		/* Of a combination that is over, steps may have been started in vain. */
		if (step->combined == s->combined || s->ranges.open < 0) {
			s->nr_swallowed +=
				add_row(s, step->job, step) == RUN_VERDICT_DOUBTFUL;
			s->nr_injected += hits->given > 0 ? hits->given : 0;
			s->nr_untouched += hits->given <= 0;
			if (is_end(s, step)) {
				s->combined++;
				s->nr = 0;
			}
		}
		close_job(step->job);
		s->first = step->next;
		if (!s->first)
			s->last = NULL;
		free(step);
	}
}

/* Return: the exit status, after the summary. */
static int summarize(struct sweep *s, bool is_complete)
{
	long nr = run_table_count(s->table, RUN_VERDICT_NR) - 1;
	long nr_bad = run_table_count(s->table, RUN_VERDICT_BAD);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int status = nr_bad ? 1 : 0;

	if (!f)
		run_die("out of memory");
	if (!is_complete)
		fputs("interrupted; ", f);
	if (nr_bad) {
		fprintf(f, "%ld of %ld steps crashed or hung; to repeat step %s: %s",
			nr_bad, nr, s->bad, s->repeat);
	} else if (s->unjudged) {
		fprintf(f, "daxrun failed in the last step");
		status = RUN_EXIT_FAILED;
	} else if (!s->nr_injected && is_complete) {
		fprintf(f, "nothing was injected in %ld step%s: nothing was tested", nr,
			nr == 1 ? "" : "s");
		status = RUN_EXIT_FAILED;
	} else {
		fprintf(f, "no crash in %ld steps", nr);
	}
	if (s->nr_injected && s->nr_untouched)
		fprintf(f, "\n%ld of them injected nothing", s->nr_untouched);
	if (s->nr_swallowed)
		fprintf(f,
			"\n%ld ended with exit 0 although a fault was injected: was the "
			"error swallowed?",
			s->nr_swallowed);
	fclose(f);
	if (run_table_end(s->table, is_complete, text) < 0)
		status = RUN_EXIT_FAILED;
	free(text);
	if (s->unjudged && write(STDERR_FILENO, s->unjudged, strlen(s->unjudged)) < 0)
		status = RUN_EXIT_FAILED;
	return is_complete ? status : RUN_EXIT_INTERRUPTED;
}

/**
 * run_sweep() - run the command once for each step
 * @o:		the options
 *
 * Return: the exit status: 0 if no step was bad, 1 if the command crashed or hung in any
 * step, 125 if that cannot be told, 130 if the user has interrupted daxrun.
 */
int run_sweep(const struct run_options *o)
{
	struct sweep s = {.o = o};
	bool is_complete = true;
	int status;

	if (o->nr_sweeps > RUN_HITS_RULES)
		run_die("--sweep: more than %d rules", RUN_HITS_RULES);
	run_ranges_parse(o->sweeps, o->nr_sweeps, &s.ranges);
	if (o->config)
		check_config(o->config);
	s.jobs = run_alloc((size_t)o->nr_jobs * sizeof(*s.jobs));
	s.table = run_table_new(o, "daxrun --sweep", columns);
	run_job_init();
	run_baseline(&s);
	for (;;) {
		while (start_next(&s))
			;
		if (!s.first)
			break;
		is_complete = run_job_wait(s.jobs, o->nr_jobs, o->timeout_ms, s.table);
		print_steps(&s);
		/* Steps behind the end of an open range may still run. */
		if (!is_complete || s.unjudged ||
		    (s.ranges.open >= 0 && s.combined == s.ranges.nr_combined))
			break;
	}
	run_job_end_all(s.jobs, o->nr_jobs);
	forget_steps(&s);
	status = summarize(&s, is_complete);
	free(s.jobs);
	free(s.unjudged);
	free(s.repeat);
	free(s.bad);
	return status;
}
