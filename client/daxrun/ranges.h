/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules with ranges in them, as in "mmap errno:ENOMEM nth:1..N". */
#ifndef RUN_RANGES_H
#define RUN_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/fault.h"

#define RUN_RANGES_MAX 16
#define RUN_STEPS_MAX  100000

struct run_range {
	uint64_t first;
	uint64_t step;
	long count;     /* of values; RUN_STEPS_MAX if it is open */
	bool is_size;   /* values are bytes, written as sizes */
	char suffix[8]; /* of all values, such as "ms" */
	int rule;       /* in which it is */
	size_t at;      /* where it begins there */
	size_t end;
};

struct run_ranges {
	const char **rules;
	int nr_rules;
	struct run_range list[RUN_RANGES_MAX];
	int nr;
	int open;          /* the range up to N, in the list; -1: none */
	long nr_combined;  /* combinations of all ranges but the open one */
	bool is_any_error; /* a rule injects more than delays */
};

void run_ranges_parse(const char **rules, int nr_rules, struct run_ranges *ret);
char *run_ranges_rule(const struct run_ranges *r, int rule, long combined, long step);
char *run_ranges_values(const struct run_ranges *r, long combined, long step);

#endif
