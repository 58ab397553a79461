/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules with ranges in them, as in "mmap errno:ENOMEM nth:1..N".
 *
 * A combination is a number whose digits are the positions in the closed ranges. The
 * open range, of which there is one at most, is counted apart: its end is not known.
 */
#include "client/daxrun/ranges.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/size.h"

#include "client/daxrun/util.h"

/* The words of one range: A..B/STEP. */
struct words {
	char first[32];
	char last[32];
	char step[32];
};

static void __attribute__((noreturn))
die_at(const char *rule, const char *at, const char *expected)
{
	run_die("--sweep '%s': at character %zu: expected %s", rule,
		(size_t)(at - rule) + 1, expected);
}

static bool is_of_value(char c)
{
	return c && !isspace((unsigned char)c);
}

/* Copy a number with its suffix. Return: the text behind it. */
static const char *read_word(const char *p, char word[32])
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) && n < 31) {
		word[n] = p[n];
		n++;
	}
	word[n] = '\0';
	return p + n;
}

static const char *suffix_of(const char *word)
{
	return word + strspn(word, "0123456789");
}

static bool is_size_suffix(const char *suffix)
{
	return suffix[0] && strchr("KMGT", suffix[0]);
}

/* Take over the suffix of one word of a range, which all share that have one. */
static bool take_suffix(struct run_range *range, const char *word)
{
	const char *suffix = suffix_of(word);

	if (is_size_suffix(suffix) || !strncmp(word, "0x", 2)) {
		range->is_size = true;
		return !range->suffix[0];
	}
	if (!suffix[0])
		return true;
	if (range->is_size || strlen(suffix) >= sizeof(range->suffix) ||
	    (range->suffix[0] && strcmp(range->suffix, suffix) != 0))
		return false;
	strcpy(range->suffix, suffix);
	return true;
}

static bool read_number(const struct run_range *range, const char *word, uint64_t *ret)
{
	if (range->is_size)
		return dax_size_parse(word, ret) == 0;
	*ret = strtoull(word, NULL, 10);
	return isdigit((unsigned char)word[0]) && *ret <= INT64_MAX;
}

/* Read a range whose dots are at @dots. Return: the text behind it. */
static const char *read_range(struct run_ranges *r, const char *rule, const char *dots)
{
	struct run_range *range = &r->list[r->nr];
	struct words w = {.step = "1"};
	bool is_open;
	uint64_t last;
	const char *p = dots;

	if (r->nr == RUN_RANGES_MAX)
		run_die("--sweep: more than %d ranges", RUN_RANGES_MAX);
	while (p > rule && isalnum((unsigned char)p[-1]))
		p--;
	range->at = (size_t)(p - rule);
	read_word(p, w.first);
	p = read_word(dots + 2, w.last);
	if (*p == '/')
		p = read_word(p + 1, w.step);
	range->end = (size_t)(p - rule);
	is_open = !strcmp(w.last, "N");
	if ((!is_open && !isdigit((unsigned char)w.last[0])) || is_of_value(*p))
		die_at(rule, dots + 2, "N or a number, and /STEP or nothing");
	if (!take_suffix(range, w.first) || (!is_open && !take_suffix(range, w.last)) ||
	    !take_suffix(range, w.step) || !read_number(range, w.first, &range->first) ||
	    !read_number(range, w.step, &range->step) || !range->step)
		die_at(rule, rule + range->at, "numbers with one unit");
	range->count = RUN_STEPS_MAX;
	if (is_open) {
		if (r->open >= 0)
			die_at(rule, dots + 2, "a number: only one range can end with N");
		r->open = r->nr;
	} else {
		if (!read_number(range, w.last, &last) || last < range->first)
			run_die("--sweep '%s': at character %zu: expected N or a number "
				"from %ju on",
				rule, (size_t)(dots - rule) + 3, (uintmax_t)range->first);
		if ((last - range->first) / range->step >= RUN_STEPS_MAX)
			run_die("--sweep '%s': more than %d steps (%s..%s/2M has fewer)",
				rule, RUN_STEPS_MAX, w.first, w.last);
		range->count = (long)((last - range->first) / range->step) + 1;
	}
	r->nr++;
	return p;
}

static void read_ranges(struct run_ranges *r, int rule)
{
	const char *text = r->rules[rule];
	const char *p = text;
	int before = r->nr;

	while ((p = strstr(p, ".."))) {
		const char *q = p;

		while (q > text && isalnum((unsigned char)q[-1]))
			q--;
		if (!isdigit((unsigned char)*q) || q == text || q[-1] != ':') {
			p += 2;
			continue;
		}
		r->list[r->nr < RUN_RANGES_MAX ? r->nr : 0].rule = rule;
		p = read_range(r, text, p);
	}
	if (r->nr == before)
		run_die("--sweep '%s': expected a range in it, such as nth:1..N or "
			"nth:1..20",
			text);
}

/**
 * run_ranges_parse() - find the ranges in rules
 * @rules:	the rules, which must outlive @ret
 * @nr_rules:	their number
 * @ret:	receives the ranges
 *
 * Ends daxrun if a rule has a mistake.
 */
void run_ranges_parse(const char **rules, int nr_rules, struct run_ranges *ret)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;
	int i;

	memset(ret, 0, sizeof(*ret));
	ret->rules = rules;
	ret->nr_rules = nr_rules;
	ret->open = -1;
	ret->nr_combined = 1;
	for (i = 0; i < nr_rules; i++) {
		char *text;

		read_ranges(ret, i);
		text = run_ranges_rule(ret, i, 0, 0);
		if (dax_fault_parse(text, &rule, &why) < 0)
			run_die("--sweep '%s': at character %zu: %s", text, why.pos + 1,
				why.text);
		ret->is_any_error |= rule.what != DAX_FAULT_DELAY;
		free(text);
	}
	for (i = 0; i < ret->nr; i++) {
		if (i == ret->open)
			continue;
		ret->nr_combined *= ret->list[i].count;
		if (ret->nr_combined > RUN_STEPS_MAX)
			run_die("--sweep: more than %d steps", RUN_STEPS_MAX);
	}
}

/* Write the value of a range. The last range changes with each combination. */
static void put_value(FILE *f, const struct run_ranges *r, int nr, long combined,
		      long step)
{
	const struct run_range *range = &r->list[nr];
	char size[DAX_SIZE_STRLEN];
	uint64_t value;
	int i;

	for (i = r->nr - 1; i > nr; i--)
		if (i != r->open)
			combined /= r->list[i].count;
	value = range->first +
		range->step * (uint64_t)(nr == r->open ? step : combined % range->count);
	if (range->is_size)
		fputs(dax_size_format(value, size), f);
	else
		fprintf(f, "%ju%s", (uintmax_t)value, range->suffix);
}

static FILE *open_text(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		run_die("out of memory");
	return f;
}

/**
 * run_ranges_rule() - write a rule of one step
 * @r:		from run_ranges_parse()
 * @rule:	number of the rule, from 0
 * @combined:	number of the combination of the closed ranges, from 0
 * @step:	number of the step in the open range, from 0
 *
 * Return: the rule, for the caller to free(3).
 */
char *run_ranges_rule(const struct run_ranges *r, int rule, long combined, long step)
{
	const char *from = r->rules[rule];
	char *text = NULL;
	size_t at = 0;
	size_t len;
	FILE *f = open_text(&text, &len);
	int i;

	for (i = 0; i < r->nr; i++) {
		if (r->list[i].rule != rule)
			continue;
		fwrite(from + at, 1, r->list[i].at - at, f);
		put_value(f, r, i, combined, step);
		at = r->list[i].end;
	}
	fputs(from + at, f);
	fclose(f);
	return text;
}

/**
 * run_ranges_values() - write the values of all ranges in one step
 * @r:		from run_ranges_parse()
 * @combined:	number of the combination of the closed ranges, from 0
 * @step:	number of the step in the open range, from 0
 *
 * Return: the values with commas between, for the caller to free(3).
 */
char *run_ranges_values(const struct run_ranges *r, long combined, long step)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_text(&text, &len);
	int i;

	for (i = 0; i < r->nr; i++) {
		fputs(i ? "," : "", f);
		put_value(f, r, i, combined, step);
	}
	fclose(f);
	return text;
}
