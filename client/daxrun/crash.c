/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxrun --crash: record a run of COMMAND, and run CMD on what a power failure at each of
 * its fences may leave.
 */
#include "client/daxrun/crash.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libcore/crash.h"
#include "libcore/crash_text.h"

#include "client/daxrun/caller.h"
#include "client/daxrun/crash_files.h"
#include "client/daxrun/crash_state.h"
#include "client/daxrun/job.h"
#include "client/daxrun/json.h"
#include "client/daxrun/quote.h"
#include "client/daxrun/report.h"
#include "client/daxrun/table.h"
#include "client/daxrun/util.h"

#define MANY_POSSIBLE UINT64_C(1000000000000000)

/* A state that is checked, or was. */
struct row {
	uint64_t fence;
	uint32_t nr_doubt;
	struct dax_crash_state state;
	pid_t pid; /* 0: it has ended */
	int slot;
	long started; /* in microseconds */
	long us;
	bool is_hung;
	bool is_cut; /* by an interruption of daxrun: it says nothing about the state */
	struct run_crash_result result;
	char *output;
	char *keep;
};

struct crash {
	const struct run_options *o;
	struct run_crash_files files;
	struct run_crash_result *results; /* by slot; shared with the children */
	struct dax_crash c;
	uint64_t nr_fences;
	struct run_table *table;
	struct row *rows;
	size_t nr_rows;
	size_t rows_room;
	size_t nr_shown;
	size_t nr_equal; /* states that were left out, as an equal one was there */
	int nr_running;
	bool is_interrupted;
	bool is_failed; /* daxrun could not check a state */
	struct row *first_bad;
};

static const struct run_column columns[] = {
	{"fence", 6, true},   {"in doubt", 8, true},   {"state", -16, false},
	{"ended", -9, false}, {"last line", 0, false}, RUN_COLUMN_PLAIN,
};

/* ---- waiting --------------------------------------------------------------- */

/* Wait for the end of a child, a signal that ends daxrun, or a tenth of a second. */
static void wait_for_signal(struct crash *x)
{
	const struct timespec tenth = {.tv_nsec = 100000000};
	sigset_t set;
	int number;

	run_job_signals(&set);
	number = sigtimedwait(&set, NULL, &tenth);
	if (number > 0 && number != SIGCHLD)
		x->is_interrupted = true;
}

/* Wait for COMMAND. Ctrl-C has reached it, too. */
static void wait_for_command(struct crash *x, pid_t pid)
{
	bool was_killed = false;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		wait_for_signal(x);
		if (x->is_interrupted && !was_killed)
			kill(pid, SIGTERM);
		was_killed = x->is_interrupted;
	}
}

static bool is_good(const struct row *row)
{
	return row->result.is_done && !row->is_hung && row->result.status == 0;
}

static const char *describe(const struct run_options *o, const struct row *row,
			    char buf[64])
{
	if (row->is_hung)
		snprintf(buf, 64, "hung (%g s)", (double)o->timeout_ms / 1000);
	else if (!row->result.is_done)
		snprintf(buf, 64, "daxrun failed");
	else if (row->result.status == 0)
		snprintf(buf, 64, "ok");
	else
		run_report_status_text(row->result.status, buf);
	return buf;
}

static const char *last_line(const char *output)
{
	const char *nl = strrchr(output, '\n');

	return nl ? nl + 1 : output;
}

/* Note the end of a child. */
static void ended(struct crash *x, pid_t pid)
{
	size_t i;

	for (i = x->nr_shown; i < x->nr_rows; i++) {
		struct row *row = &x->rows[i];

		if (row->pid != pid)
			continue;
		kill(-pid, SIGKILL); /* what CMD has left */
		row->pid = 0;
		row->us = run_now_us() - row->started;
		row->result = x->results[row->slot];
		row->output = run_crash_state_output(&x->files, row->slot);
		if (row->keep && is_good(row)) {
			char *said = run_format("%s.said", row->keep);

			unlink(row->keep);
			unlink(said);
			free(said);
		}
		x->nr_running--;
	}
}

static void kill_late(struct crash *x)
{
	size_t i;

	for (i = x->nr_shown; i < x->nr_rows; i++) {
		struct row *row = &x->rows[i];
		bool is_late = x->o->timeout_ms &&
			       run_now_us() - row->started > x->o->timeout_ms * 1000;

		if (row->pid && (is_late || x->is_interrupted)) {
			row->is_hung = is_late;
			row->is_cut = x->is_interrupted;
			kill(-row->pid, SIGKILL);
			kill(row->pid, SIGKILL);
		}
	}
}

static void wait_for_one(struct crash *x)
{
	int before = x->nr_running;

	while (x->nr_running == before) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid > 0) {
			ended(x, pid);
			continue;
		}
		kill_late(x);
		wait_for_signal(x);
	}
}

/* ---- the table ------------------------------------------------------------- */

/* The command that repeats a state. Return: the text, for the caller to free(3). */
static char *repeat(const struct run_options *o, const struct row *row)
{
	char name[DAX_CRASH_STATE_LEN];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int i;

	if (!f)
		run_die("out of memory");
	fputs("daxrun", f);
	if (o->nr_devices)
		run_quote_option(f, "-d", o->devices[0]);
	for (i = 0; i < o->nr_faults; i++)
		run_quote_option(f, "--fault", o->faults[i]);
	for (i = 0; i < o->crash.nr_faults; i++)
		run_quote_option(f, "--verify-fault", o->crash.faults[i]);
	if (o->crash.image)
		run_quote_option(f, "--image", o->crash.image);
	if (o->crash.is_by_instructions)
		fputs(" --instructions", f);
	if (row->state.kind == DAX_CRASH_RAND)
		fprintf(f, " --seed %" PRIu64, o->crash.choice.seed);
	fprintf(f, " --crash=%" PRIu64 ":%s", row->fence,
		dax_crash_text_format(&row->state, ':', name));
	run_quote_option(f, "--verify", o->crash.verify);
	run_quote_command(f, o->command);
	if (fclose(f))
		run_die("out of memory");
	return text;
}

static void show_row(struct crash *x, struct row *row)
{
	char fence[24];
	char doubt[24];
	char state[DAX_CRASH_STATE_LEN];
	char verdict[64];
	char *name;
	char *again;

	snprintf(fence, sizeof(fence), "%" PRIu64, row->fence);
	snprintf(doubt, sizeof(doubt), "%" PRIu32, row->nr_doubt);
	dax_crash_text_format(&row->state, ' ', state);
	name = run_format("fence %s: %s", fence, state);
	again = repeat(x->o, row);
	run_table_add(x->table,
		      &(struct run_row){
			      .name = name,
			      .verdict = is_good(row) ? RUN_VERDICT_GOOD
					 : row->is_hung || row->result.is_done
						 ? RUN_VERDICT_BAD
						 : RUN_VERDICT_UNJUDGED,
			      .cells = {fence, doubt, state, describe(x->o, row, verdict),
					last_line(row->output)},
			      .message = is_good(row) ? NULL : verdict,
			      .output = is_good(row) ? NULL : row->output,
			      .repeat = again,
			      .us = row->us,
			      .is_hidden = is_good(row),
		      });
	if (!is_good(row) && !x->first_bad) {
		x->first_bad = run_alloc(sizeof(*row));
		*x->first_bad = *row;
	}
	if (!row->result.is_done && !row->is_hung)
		x->is_failed = true;
	free(row->output);
	free(row->keep);
	free(name);
	free(again);
}

/* Show what has ended, in the order of the states. */
static void show(struct crash *x)
{
	char text[64];

	while (x->nr_shown < x->nr_rows && !x->rows[x->nr_shown].pid) {
		if (!x->rows[x->nr_shown].is_cut)
			show_row(x, &x->rows[x->nr_shown]);
		x->nr_shown++;
	}
	snprintf(text, sizeof(text), "fence %" PRIu64 " of %" PRIu64, x->c.fence,
		 x->nr_fences);
	run_table_progress(x->table, text);
}

/* ---- states ---------------------------------------------------------------- */

static struct row *add_row(struct crash *x)
{
	if (x->nr_rows == x->rows_room) {
		x->rows_room = x->rows_room ? x->rows_room * 2 : 256;
		x->rows = realloc(x->rows, x->rows_room * sizeof(*x->rows));
		if (!x->rows)
			run_die("out of memory");
	}
	memset(&x->rows[x->nr_rows], 0, sizeof(*x->rows));
	return &x->rows[x->nr_rows++];
}

static int free_slot(const struct crash *x)
{
	bool is_used[256] = {false};
	int slot = 0;
	size_t i;

	for (i = x->nr_shown; i < x->nr_rows; i++)
		if (x->rows[i].pid)
			is_used[x->rows[i].slot] = true;
	while (is_used[slot])
		slot++;
	return slot;
}

/* Run CMD on a state as soon as a job is free. */
static void check_state(struct crash *x, const struct dax_crash_state *state)
{
	char name[DAX_CRASH_STATE_LEN];
	struct run_crash_run run = {
		.c = &x->c,
		.state = state,
		.choice = &x->o->crash.choice,
		.fence = x->c.fence,
		.said = x->c.said,
		.name = dax_crash_text_format(state, ' ', name),
		.is_shown = x->o->crash.is_single,
	};
	struct row *row;

	while (x->nr_running >= x->o->nr_jobs)
		wait_for_one(x);
	show(x);
	if (x->is_interrupted || x->is_failed)
		return;
	run.slot = free_slot(x);
	row = add_row(x);
	row->fence = x->c.fence;
	row->nr_doubt = x->c.nr_doubt;
	row->state = *state;
	row->slot = run.slot;
	row->started = run_now_us();
	if (x->o->keep) {
		char file[DAX_CRASH_STATE_LEN];

		run.keep = row->keep =
			run_format("%s/%" PRIu64 "-%s", x->o->keep, row->fence,
				   dax_crash_text_format(state, '-', file));
	}
	memset(&x->results[run.slot], 0, sizeof(x->results[run.slot]));
	row->pid = run_crash_state_start(x->o, &x->files, &run, &x->results[run.slot]);
	if (!run.is_shown)
		setpgid(row->pid, row->pid);
	x->nr_running++;
}

static void finish(struct crash *x)
{
	while (x->nr_running)
		wait_for_one(x);
	show(x);
}

static bool is_enough(const struct crash *x)
{
	return x->is_interrupted || x->is_failed || x->nr_rows >= x->o->crash.max;
}

static void check_fence(struct crash *x)
{
	const struct dax_crash_choice *choice = &x->o->crash.choice;
	size_t i;

	dax_crash_choose(&x->c, choice);
	for (i = 0; i < x->c.nr_states && !is_enough(x); i++) {
		int r = dax_crash_is_new(&x->c, choice, &x->c.states[i]);

		if (r < 0)
			run_die("out of memory");
		if (r == 0)
			x->nr_equal++;
		else
			check_state(x, &x->c.states[i]);
	}
}

/* Go through the log: check the states that are wanted. */
static void check_all(struct crash *x)
{
	const struct run_crash_options *crash = &x->o->crash;
	int r;

	while ((r = dax_crash_next(&x->c)) > 0) {
		if (x->c.fence < crash->fences[0] || x->c.fence > crash->fences[1] ||
		    is_enough(x))
			continue;
		if (crash->is_single)
			check_state(x, &crash->single);
		else
			check_fence(x);
	}
	if (r < 0)
		run_die("out of memory");
	finish(x);
}

/* ---- words ----------------------------------------------------------------- */

/* Kinds of lines that are reported beside the states. */
enum lines_kind {
	UNFLUSHED,
	UNFENCED,
	FLUSHED_TWICE,
	LINES_KINDS,
};

static const struct {
	const char *name;   /* for people */
	const char *caller; /* what its caller has done */
	const char *key;    /* in JSON */
} lines_text[LINES_KINDS] = {
	{"stored and never flushed", "the next flush or fence is in", "never flushed"},
	{"flushed and never fenced", "flushed in", "never fenced"},
	{"flushed again without a change between", "flushed again in", "flushed again"},
};

static void get_lines(const struct crash *x, struct dax_crash_lines lines[LINES_KINDS])
{
	dax_crash_left(&x->c, &lines[UNFLUSHED], &lines[UNFENCED]);
	lines[FLUSHED_TWICE] = x->c.flushed_twice;
}

static uint64_t nr_shown_of(const struct dax_crash_lines *lines)
{
	return lines->nr < DAX_CRASH_OFFSETS ? lines->nr : DAX_CRASH_OFFSETS;
}

/* Say where a caller is. Return: the text, for the caller to free(3); NULL: not known. */
static char *describe_caller(const struct crash *x, uint16_t caller)
{
	const char *path;
	uint64_t addr;

	if (!caller)
		return NULL;
	path = dax_crash_caller(&x->c, caller, &addr);
	return run_caller_describe(path, addr);
}

/* Write the lines that have been shown, a line of text for each caller. */
static void put_callers(const struct crash *x, FILE *f, const char *what,
			const struct dax_crash_lines *lines)
{
	uint64_t nr = nr_shown_of(lines);
	uint64_t i;
	uint64_t k;

	for (i = 0; i < nr; i++) {
		char *text = describe_caller(x, lines->callers[i]);
		bool is_known = !text;

		for (k = 0; k < i; k++)
			is_known |= lines->callers[k] == lines->callers[i];
		for (k = i; k < nr && !is_known; k++)
			if (lines->callers[k] == lines->callers[i])
				fprintf(f, "  0x%" PRIx64, lines->offs[k]);
		if (!is_known)
			fprintf(f, ": %s %s\n", what, text);
		free(text);
	}
}

static void put_lines(const struct crash *x, FILE *f, enum lines_kind kind,
		      const struct dax_crash_lines *lines)
{
	uint64_t i;

	if (!lines->nr)
		return;
	fprintf(f, "%s: %" PRIu64 " line%s:", lines_text[kind].name, lines->nr,
		lines->nr == 1 ? "" : "s");
	for (i = 0; i < nr_shown_of(lines); i++)
		fprintf(f, " 0x%" PRIx64, lines->offs[i]);
	fprintf(f, "%s\n", lines->nr > DAX_CRASH_OFFSETS ? " ..." : "");
	put_callers(x, f, lines_text[kind].caller, lines);
}

static void put_lines_json(const struct crash *x, FILE *f, enum lines_kind kind,
			   const struct dax_crash_lines *lines)
{
	uint64_t i;

	fprintf(f, "%s{\"kind\": \"%s\", \"number\": %" PRIu64 ", \"some\": [",
		kind ? ", " : "", lines_text[kind].key, lines->nr);
	for (i = 0; i < nr_shown_of(lines); i++) {
		char *text = describe_caller(x, lines->callers[i]);

		fprintf(f, "%s{\"offset\": %" PRIu64, i ? ", " : "", lines->offs[i]);
		if (text) {
			fputs(", \"caller\": ", f);
			run_json_put(f, text);
		}
		fputs("}", f);
		free(text);
	}
	fputs("]}", f);
}

/* Write the lines for JSON. Return: the text, for the caller to free(3). */
static char *lines_json(const struct crash *x)
{
	struct dax_crash_lines lines[LINES_KINDS];
	enum lines_kind kind;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		run_die("out of memory");
	get_lines(x, lines);
	fputs("\"lines\": [", f);
	for (kind = 0; kind < LINES_KINDS; kind++)
		put_lines_json(x, f, kind, &lines[kind]);
	fputs("]", f);
	if (fclose(f))
		run_die("out of memory");
	return text;
}

static void put_how(const struct crash *x, FILE *f)
{
	const struct run_crash_options *crash = &x->o->crash;

	fprintf(f, "chosen: %s of ", crash->states);
	if (crash->fences[0] == 1 && crash->fences[1] == UINT64_MAX)
		fprintf(f, "all %" PRIu64 " fences and the end", x->nr_fences);
	else
		fprintf(f, "some of %" PRIu64 " fences", x->nr_fences);
	fprintf(f, ", at most %d lines of each, seed %" PRIu64, DAX_CRASH_LINES,
		crash->choice.seed);
	if (x->nr_rows >= crash->max)
		fprintf(f, ", the first %" PRIu64, crash->max);
	fprintf(f, "; %zu equal states left out\n", x->nr_equal);
}

/* Write the summary. Return: the text, for the caller to free(3). */
static char *summarise(struct crash *x, long nr_bad)
{
	struct dax_crash_lines lines[LINES_KINDS];
	enum lines_kind kind;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		run_die("out of memory");
	get_lines(x, lines);
	for (kind = 0; kind < LINES_KINDS; kind++)
		put_lines(x, f, kind, &lines[kind]);
	if (nr_bad)
		fprintf(f, "%ld of", nr_bad);
	else
		fprintf(f, "No bad state in");
	fprintf(f, " %ld%s", run_table_count(x->table, RUN_VERDICT_NR),
		nr_bad ? " states bad" : "");
	if (x->c.possible < MANY_POSSIBLE)
		fprintf(f, " of %" PRIu64 " possible", x->c.possible);
	else
		fprintf(f, " of more than 10^15 possible");
	fprintf(f, "; ");
	put_how(x, f);
	if (x->is_interrupted)
		fprintf(f, "interrupted: the other states were not checked\n");
	if (x->first_bad) {
		char *again = repeat(x->o, x->first_bad);

		fprintf(f, "to repeat one: %s\n", again);
		free(again);
	}
	if (fclose(f))
		run_die("out of memory");
	text[strlen(text) - 1] = '\0'; /* the last newline */
	return text;
}

/* ---- the run --------------------------------------------------------------- */

static void end_if_interrupted(const struct crash *x)
{
	if (!x->is_interrupted)
		return;
	run_warn("interrupted: no state was checked");
	exit(RUN_EXIT_INTERRUPTED);
}

/* Run CMD on an image without a crash; end daxrun if it fails there. */
static void check_uncrashed(struct crash *x, const char *name)
{
	static const struct dax_crash_state all = {.kind = DAX_CRASH_ALL};
	bool is_end = !strcmp(name, "end");
	const struct run_crash_run run = {
		.c = is_end ? &x->c : NULL,
		.state = &all,
		.choice = &x->o->crash.choice,
		.fence = is_end ? x->c.fence : 0,
		.said = is_end ? UINT64_MAX : 0,
		.name = name,
	};
	struct row *row = add_row(x);
	char verdict[64];

	x->results[0] = (struct run_crash_result){0};
	row->started = run_now_us();
	row->pid = run_crash_state_start(x->o, &x->files, &run, x->results);
	setpgid(row->pid, row->pid);
	x->nr_running++;
	wait_for_one(x);
	x->nr_rows = 0;
	end_if_interrupted(x);
	if (!is_good(row))
		run_die("--verify fails without a crash, on the %s image: %s: %s; "
			"nothing "
			"else was run%s",
			name, describe(x->o, row, verdict), last_line(row->output),
			is_end ? ""
			       : " (give an --image that it accepts, made with "
				 "backing=pmem:FILE)");
	free(row->output);
}

static void record(struct crash *x)
{
	char text[64];
	pid_t pid = run_crash_state_record(x->o, &x->files, x->results);

	wait_for_command(x, pid);
	end_if_interrupted(x);
	if (!x->results->is_done)
		exit(RUN_EXIT_FAILED); /* it has printed the reason */
	if (x->results->status != 0)
		run_warn("%s ended with %s, continuing with what it did",
			 x->o->command[0],
			 run_report_status_text(x->results->status, text));
}

/* End daxrun if nothing was flushed that the recorder could see. */
static void check_flushes(const struct crash *x)
{
	const struct dax_crash_shared *shared = x->files.shared;

	if (shared->code_error)
		run_die("--instructions: the code in memory can't be changed: %s",
			strerror(shared->code_error));
	if (shared->nr_fences || shared->nr_flushes)
		return;
	if (x->o->crash.is_by_instructions)
		run_die("%s stored to %" PRIu32
			" lines, but executed no instruction that flushes or fences",
			x->o->command[0], x->c.nr_lines);
	run_die("%s stored to %" PRIu32
		" lines, but no flush and no fence of libpmem or libpmem2 was seen: it "
		"flushes by itself, or libpmem is linked statically (try "
		"--instructions)",
		x->o->command[0], x->c.nr_lines);
}

/* Replay the whole log once: is there something to check? Ends with the last moment. */
static void look_at_log(struct crash *x, const uint8_t *log, uint64_t len)
{
	const struct dax_crash_shared *shared = x->files.shared;
	int r;

	if (shared->error)
		run_die("the log can't be written: %s (set XDG_RUNTIME_DIR to another "
			"directory)",
			strerror(shared->error));
	r = dax_crash_init(&x->c, x->files.start + x->files.data, x->files.size, log,
			   len);
	while (r >= 0 && (r = dax_crash_next(&x->c)) > 0)
		;
	if (r < 0)
		run_die("the log can't be read: %s", strerror(-r));
	x->nr_fences = x->c.fence - 1;
	if (!x->c.nr_lines)
		run_die("%s stored nothing on the device: there is no state to check",
			x->o->command[0]);
	check_flushes(x);
	if (x->o->crash.is_single && x->o->crash.fences[0] > x->c.fence)
		run_die("--crash: there is no fence %" PRIu64
			": the last one is %" PRIu64,
			x->o->crash.fences[0], x->nr_fences);
}

static struct run_crash_files *files_at_exit;

static void remove_files(void)
{
	run_crash_files_remove(files_at_exit);
}

/**
 * run_crash() - record a run of the command and check its crash states
 * @o:		the options
 *
 * Return: the exit status: 0 if no state is bad, 1 if one is, 125 if they could not all
 * be judged, 130 after an interruption.
 */
int run_crash(const struct run_options *o)
{
	struct crash x = {.o = o};
	uint8_t *log;
	uint64_t len;
	char *summary;
	char *lines;
	long nr_bad;
	int r;

	run_job_init();
	if (o->keep && mkdir(o->keep, 0777) < 0 && errno != EEXIST)
		run_die("--keep %s: %s", o->keep, strerror(errno));
	x.results = mmap(NULL, 256 * sizeof(*x.results), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (x.results == MAP_FAILED)
		run_die("mmap: %s", strerror(errno));
	run_crash_files_make(o, &x.files);
	files_at_exit = &x.files;
	atexit(remove_files);
	record(&x);
	log = run_crash_files_read_log(&x.files, &len);
	look_at_log(&x, log, len);
	if (!o->crash.is_single) {
		check_uncrashed(&x, "start");
		check_uncrashed(&x, "end");
	}
	dax_crash_free(&x.c);
	if (dax_crash_init(&x.c, x.files.start + x.files.data, x.files.size, log, len) <
	    0)
		run_die("out of memory");
	x.table = run_table_new(o, "daxrun --crash", columns);
	check_all(&x);
	nr_bad = run_table_count(x.table, RUN_VERDICT_BAD);
	summary = summarise(&x, nr_bad);
	lines = lines_json(&x);
	run_table_more(x.table, lines);
	r = run_table_end(x.table, !x.is_interrupted, summary);
	dax_crash_free(&x.c);
	free(summary);
	free(lines);
	free(x.first_bad);
	free(x.rows);
	free(log);
	if (x.is_interrupted)
		return RUN_EXIT_INTERRUPTED;
	if (r < 0 || x.is_failed)
		return RUN_EXIT_FAILED;
	return nr_bad != 0;
}
