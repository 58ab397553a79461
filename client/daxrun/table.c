/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Table of verdicts: one row for each run of a command.
 *
 * The table is printed row by row on stdout, or instead of it TAP; the files of JUnit's
 * XML and of JSON, which state totals in front, are kept in memory and written at the
 * end. They are written as well if the user interrupts daxrun.
 */
#include "client/daxrun/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/daxrun/json.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

struct report {
	FILE *f; /* NULL: not wanted */
	const char *path;
	FILE *rows; /* writes to text */
	char *text;
	size_t len;
};

struct run_table {
	const char *suite;
	const struct run_column *columns;
	char **command;
	struct report junit;
	struct report json;
	const char *more; /* members for JSON; NULL: none */
	bool is_tap;
	long counts[RUN_VERDICT_NR];
	long nr_rows;
	long us;
};

static const char *const verdict_names[] = {"good", "doubtful", "bad", "unjudged"};

static void open_report(struct report *r, const char *path)
{
	if (r->f)
		run_die("--report: two files of one format (give one)");
	r->path = path;
	r->f = fopen(path, "we");
	if (!r->f)
		run_die("--report: '%s' can't be written: %s", path, strerror(errno));
	r->rows = open_memstream(&r->text, &r->len);
	if (!r->rows)
		run_die("out of memory");
}

/* Write text as it may stand between tags and in attributes of XML 1.0. */
static void put_xml(FILE *f, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&' || c == '<' || c == '>' || c == '"')
			fprintf(f, "&#%d;", c);
		else if (c >= 0x7f || (c < ' ' && c != '\n' && c != '\t'))
			fputc('?', f);
		else
			fputc(c, f);
	}
}

static void put_json_key(FILE *f, const char *key, const char *text)
{
	fputs(", ", f);
	run_json_put(f, key);
	fputs(": ", f);
	run_json_put(f, text);
}

/* Write a line of TAP, where '#' starts a directive. */
static void put_tap(const char *text)
{
	for (; *text; text++)
		putchar(*text == '#' || *text == '\n' ? ' ' : *text);
}

static void add_junit(const struct run_table *t, const struct run_row *row)
{
	FILE *f = t->junit.rows;

	fputs("  <testcase classname=\"", f);
	put_xml(f, t->suite);
	fputs("\" name=\"", f);
	put_xml(f, row->name);
	fprintf(f, "\" time=\"%.3f\">\n", (double)row->us / 1e6);
	if (row->verdict == RUN_VERDICT_BAD || row->verdict == RUN_VERDICT_UNJUDGED) {
		const char *tag = row->verdict == RUN_VERDICT_BAD ? "failure" : "error";

		fprintf(f, "    <%s message=\"", tag);
		put_xml(f, row->message ? row->message : "");
		fputs("\">", f);
		put_xml(f, row->repeat ? row->repeat : "");
		fprintf(f, "</%s>\n", tag);
	} else if (row->message) {
		fputs("    <system-out>", f);
		put_xml(f, row->message);
		fputs("</system-out>\n", f);
	}
	if (row->output && row->output[0]) {
		fputs("    <system-err>", f);
		put_xml(f, row->output);
		fputs("</system-err>\n", f);
	}
	fputs("  </testcase>\n", f);
}

static void add_json(const struct run_table *t, const struct run_row *row)
{
	FILE *f = t->json.rows;
	int i;

	fprintf(f, "%s\n    {\"name\": ", t->nr_rows ? "," : "");
	run_json_put(f, row->name);
	put_json_key(f, "verdict", verdict_names[row->verdict]);
	for (i = 0; t->columns[i].name; i++) {
		if (!row->cells[i])
			continue;
		if (t->columns[i].is_number)
			fprintf(f, ", \"%s\": %s", t->columns[i].name, row->cells[i]);
		else
			put_json_key(f, t->columns[i].name, row->cells[i]);
	}
	fprintf(f, ", \"seconds\": %.3f", (double)row->us / 1e6);
	if (row->message)
		put_json_key(f, "message", row->message);
	if (row->output)
		put_json_key(f, "stderr", row->output);
	if (row->repeat)
		put_json_key(f, "repeat", row->repeat);
	fputs("}", f);
}

static void print_tap(const struct run_table *t, const struct run_row *row)
{
	bool is_good = row->verdict < RUN_VERDICT_BAD;

	printf("%s %ld - ", is_good ? "ok" : "not ok", t->nr_rows + 1);
	put_tap(row->name);
	putchar('\n');
	if (row->message) {
		fputs("# ", stdout);
		put_tap(row->message);
		putchar('\n');
	}
	if (row->repeat && !is_good) {
		fputs("# to repeat: ", stdout);
		put_tap(row->repeat);
		putchar('\n');
	}
}

static void print_row(const struct run_table *t, const char *const *cells,
		      const char *verdict, const char *us)
{
	int i;

	for (i = 0; t->columns[i].name; i++)
		printf("%*s  ", t->columns[i].width, cells[i] ? cells[i] : "-");
	if (t->columns[i].width < 0)
		putchar('\n');
	else
		printf("%-8s  %11s\n", verdict, us);
}

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/**
 * run_table_new() - begin a table, and open the files of --report
 * @o:		the options
 * @suite:	name of the table in the reports
 * @columns:	its columns, up to RUN_TABLE_COLUMNS - 1, then one without a name; they
 *		must outlive the table, which adds the verdict and the time unless the
 *		last one is RUN_COLUMN_PLAIN
 *
 * Ends daxrun if a report can't be opened.
 *
 * Return: the table, for run_table_end().
 */
struct run_table *run_table_new(const struct run_options *o, const char *suite,
				const struct run_column *columns)
{
	struct run_table *t = run_alloc(sizeof(*t));
	const char *names[RUN_TABLE_COLUMNS] = {0};
	int i;

	t->suite = suite;
	t->columns = columns;
	t->command = o->command;
	for (i = 0; i < o->nr_reports; i++) {
		const char *what = o->reports[i];

		if (!strncmp(what, "junit:", 6) && what[6])
			open_report(&t->junit, what + 6);
		else if (!strncmp(what, "json:", 5) && what[5])
			open_report(&t->json, what + 5);
		else if (!strcmp(what, "tap"))
			t->is_tap = true;
		else
			run_die("--report: '%s' is not junit:FILE, json:FILE or tap",
				what);
	}
	for (i = 0; columns[i].name; i++)
		names[i] = columns[i].name;
	if (t->is_tap)
		printf("TAP version 13\n");
	else
		print_row(t, names, "verdict", "time");
	fflush(stdout);
	return t;
}

/**
 * run_table_add() - print a row, and add it to the reports
 * @t:		from run_table_new()
 * @row:	the row; nothing of it is kept
 */
void run_table_add(struct run_table *t, const struct run_row *row)
{
	char us[32];

	snprintf(us, sizeof(us), "%.1f ms", (double)row->us / 1000);
	clear_progress();
	if (t->is_tap)
		print_tap(t, row);
	else if (!row->is_hidden)
		print_row(t, row->cells, verdict_names[row->verdict], us);
	fflush(stdout);
	if (t->junit.f)
		add_junit(t, row);
	if (t->json.f)
		add_json(t, row);
	t->counts[row->verdict]++;
	t->nr_rows++;
	t->us += row->us;
}

/**
 * run_table_count() - count rows
 * @t:		from run_table_new()
 * @verdict:	count the rows with this verdict; RUN_VERDICT_NR: all rows
 *
 * Return: their number.
 */
long run_table_count(const struct run_table *t, enum run_verdict verdict)
{
	return verdict == RUN_VERDICT_NR ? t->nr_rows : t->counts[verdict];
}

/**
 * run_table_progress() - show what is running, if stderr is a terminal
 * @t:		from run_table_new()
 * @text:	one line, which replaces the one before
 */
void run_table_progress(const struct run_table *t, const char *text)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%ld done, %ld bad; %s", t->nr_rows,
			t->counts[RUN_VERDICT_BAD], text);
}

/* Close a file. Return: -1 after a message if not all of it was written. */
static int close_report(struct report *r)
{
	bool is_bad = ferror(r->f);

	if (fclose(r->f) || is_bad) {
		run_warn("--report: '%s' can't be written: %s", r->path, strerror(errno));
		return -1;
	}
	return 0;
}

static int write_junit(struct run_table *t)
{
	FILE *f = t->junit.f;

	fclose(t->junit.rows);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", f);
	put_xml(f, t->suite);
	fprintf(f, "\" tests=\"%ld\" failures=\"%ld\" errors=\"%ld\" time=\"%.3f\">\n",
		t->nr_rows, t->counts[RUN_VERDICT_BAD], t->counts[RUN_VERDICT_UNJUDGED],
		(double)t->us / 1e6);
	fputs(t->junit.text, f);
	fputs("</testsuite>\n", f);
	free(t->junit.text);
	return close_report(&t->junit);
}

static int write_json(struct run_table *t, bool is_complete, const char *summary)
{
	FILE *f = t->json.f;
	int i;

	fclose(t->json.rows);
	fputs("{\"suite\": ", f);
	run_json_put(f, t->suite);
	fputs(", \"command\": [", f);
	for (i = 0; t->command[i]; i++) {
		fputs(i ? ", " : "", f);
		run_json_put(f, t->command[i]);
	}
	fprintf(f, "], \"complete\": %s", is_complete ? "true" : "false");
	put_json_key(f, "summary", summary);
	if (t->more)
		fprintf(f, ", %s", t->more);
	for (i = 0; i < RUN_VERDICT_NR; i++)
		fprintf(f, ", \"%s\": %ld", verdict_names[i], t->counts[i]);
	fprintf(f, ", \"rows\": [%s\n]}\n", t->json.text);
	free(t->json.text);
	return close_report(&t->json);
}

/**
 * run_table_more() - add to the report in JSON
 * @t:		from run_table_new()
 * @members:	more members of its object, as JSON; has to outlive @t
 */
void run_table_more(struct run_table *t, const char *members)
{
	t->more = members;
}

/**
 * run_table_end() - print the summary, write the reports and free the table
 * @t:		from run_table_new()
 * @is_complete: false if runs are missing, because the user has interrupted daxrun
 * @summary:	a sentence, or several lines
 *
 * Return: 0, or -1 if the table or a report can't be written; the reason is printed.
 */
int run_table_end(struct run_table *t, bool is_complete, const char *summary)
{
	const char *nl;
	const char *p;
	int r = 0;

	clear_progress();
	if (t->is_tap) {
		for (p = summary; *p; p = *nl ? nl + 1 : nl) {
			nl = strchrnul(p, '\n');
			printf("# %.*s\n", (int)(nl - p), p);
		}
		if (is_complete)
			printf("1..%ld\n", t->nr_rows);
		else
			printf("Bail out! interrupted\n");
	} else {
		printf("%s\n", summary);
	}
	if (fflush(stdout)) {
		run_warn("the table can't be written: %s", strerror(errno));
		r = -1;
	}
	if (t->junit.f)
		r |= write_junit(t);
	if (t->json.f)
		r |= write_json(t, is_complete, summary);
	free(t);
	return r;
}
