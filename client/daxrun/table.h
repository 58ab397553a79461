/* SPDX-License-Identifier: BSD-2-Clause */
/* Table of verdicts, one row for each run of a command, and reports for machines. */
#ifndef RUN_TABLE_H
#define RUN_TABLE_H

#include <stdbool.h>

#include "client/daxrun/options.h"

#define RUN_TABLE_COLUMNS 8

enum run_verdict {
	RUN_VERDICT_GOOD,
	RUN_VERDICT_DOUBTFUL, /* worth a look, no failure */
	RUN_VERDICT_BAD,
	RUN_VERDICT_UNJUDGED, /* daxrun could not carry the run out */
	RUN_VERDICT_NR,
};

struct run_column {
	const char *name; /* head of the column, and key in JSON */
	int width;        /* as for printf(3): negative is flush left */
	bool is_number;   /* in JSON: a number, not a string */
};

/* The last column, of a table that adds neither the verdict nor the time. */
#define RUN_COLUMN_PLAIN                                                                 \
	{                                                                                \
		NULL, -1, false                                                          \
	}

struct run_row {
	const char *name; /* of the run, unlike all others */
	enum run_verdict verdict;
	const char *cells[RUN_TABLE_COLUMNS]; /* in the order of the columns */
	const char *message;                  /* why it is not good, one line; or NULL */
	const char *output; /* what the command wrote on stderr; or NULL */
	const char *repeat; /* a command that repeats this run; or NULL */
	long us;
	bool is_hidden; /* the row is in the reports only */
};

struct run_table;

struct run_table *run_table_new(const struct run_options *o, const char *suite,
				const struct run_column *columns);
void run_table_add(struct run_table *t, const struct run_row *row);
long run_table_count(const struct run_table *t, enum run_verdict verdict);
void run_table_progress(const struct run_table *t, const char *text);
void run_table_more(struct run_table *t, const char *members);
int run_table_end(struct run_table *t, bool is_complete, const char *summary);

#endif
