/* SPDX-License-Identifier: BSD-2-Clause */
/* Mistakes in options, in the same words for all programs. */
#include "libcore/option_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libcore/nearest.h"

static const struct option *find_option(const struct option *longs, int letter)
{
	for (; longs->name; longs++)
		if (letter && longs->val == letter)
			return longs;
	return NULL;
}

/* List the options that @name abbreviates. Return: how many there are. */
static int list_matches(const struct option *longs, const char *name, char *buf,
			size_t size)
{
	size_t used = 0;
	int count = 0;

	buf[0] = '\0';
	for (; longs->name; longs++) {
		if (strncmp(longs->name, name, strlen(name)))
			continue;
		count++;
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s--%s",
						 used ? ", " : "", longs->name);
	}
	return count;
}

static void describe_unknown(const struct option *longs, const char *name, char *buf)
{
	char near[DAX_NEAREST_TEXT_LEN];
	char matches[128];
	struct dax_nearest n;

	if (list_matches(longs, name, matches, sizeof(matches)) > 1) {
		snprintf(buf, DAX_OPTION_TEXT_LEN, "option '--%.48s' is ambiguous (%s)",
			 name, matches);
		return;
	}
	dax_nearest_begin(&n, name);
	for (; longs->name; longs++)
		dax_nearest_offer(&n, longs->name);
	snprintf(buf, DAX_OPTION_TEXT_LEN, "unknown option '--%.64s' (%ssee --help)",
		 name, dax_nearest_text(&n, "--", near));
}

/**
 * dax_option_text() - describe a mistake that getopt_long() has found
 * @longs:	the options, as for getopt_long()
 * @arg:	the argument with the mistake
 * @letter:	getopt's optopt: the letter or val of the option; 0: a long one, unknown
 * @buf:	receives the sentence
 *
 * Return: @buf.
 */
const char *dax_option_text(const struct option *longs, const char *arg, int letter,
			    char buf[DAX_OPTION_TEXT_LEN])
{
	bool is_long = arg[0] == '-' && arg[1] == '-';
	const struct option *option = find_option(longs, letter);
	char name[64];

	if (is_long)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg + 2, "="), arg + 2);
	else
		snprintf(name, sizeof(name), "-%c", letter);
	if (is_long && !option)
		describe_unknown(longs, name, buf);
	else if (!option)
		snprintf(buf, DAX_OPTION_TEXT_LEN, "unknown option '%s' (see --help)",
			 name);
	else
		snprintf(buf, DAX_OPTION_TEXT_LEN, "option '%s%s' %s (see --help)",
			 is_long ? "--" : "", name,
			 option->has_arg == required_argument ? "needs a value"
							      : "takes no value");
	return buf;
}
