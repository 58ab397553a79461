/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that were probably meant, and mistakes in options. */
#include <string.h>

#include "libcore/nearest.h"
#include "libcore/option_text.h"

#include "tests/unit/tap.h"

static void test_meant(const char *word, const char *want)
{
	static const char *const verbs[] = {"list",    "create", "destroy", "enable",
					    "disable", "watch",  "map",     "mappings"};
	struct dax_nearest n;
	size_t i;

	dax_nearest_begin(&n, word);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		dax_nearest_offer(&n, verbs[i]);
	ok(want ? n.best && !strcmp(n.best, want) : !n.best, "'%s' means %s, is %s", word,
	   want ?: "none of them", n.best ?: "none of them");
}

static void test_text(void)
{
	char buf[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;

	dax_nearest_begin(&n, "sise");
	ok(!strcmp(dax_nearest_text(&n, "", buf), ""), "no word, no text");
	dax_nearest_offer(&n, "size");
	ok(!strcmp(dax_nearest_text(&n, "--", buf), "did you mean '--size'? "),
	   "the text has the prefix: %s", buf);
}

static void test_option(const char *arg, int letter, const char *want)
{
	static const struct option longs[] = {
		{"device", required_argument, NULL, 'd'},
		{"quiet", no_argument, NULL, 'q'},
		{"fault-log", required_argument, NULL, 300},
		{"fault-report", no_argument, NULL, 301},
		{0},
	};
	char buf[DAX_OPTION_TEXT_LEN];

	ok(!strcmp(dax_option_text(longs, arg, letter, buf), want), "%s: %s", arg, buf);
}

int main(void)
{
	test_meant("lst", "list");
	test_meant("mpa", "map");
	test_meant("mapp", "mappings");
	test_meant("dis", "disable");
	test_meant("destory", "destroy");
	test_meant("wtahc", "watch");
	test_meant("enabel", "enable");
	test_meant("frobnicate", NULL);
	test_meant("x", NULL);
	test_meant("", NULL);
	test_meant("foo", NULL);
	test_meant("listlistlistlistlistlistlistlistlist", NULL);
	test_text();
	test_option("--devise=dax0.0", 0,
		    "unknown option '--devise' (did you mean '--device'? see --help)");
	test_option("--nonsense", 0, "unknown option '--nonsense' (see --help)");
	test_option("--fault", 0,
		    "option '--fault' is ambiguous (--fault-log, --fault-report)");
	test_option("--quiet=1", 'q', "option '--quiet' takes no value (see --help)");
	test_option("--fault-log", 300,
		    "option '--fault-log' needs a value (see --help)");
	test_option("-d", 'd', "option '-d' needs a value (see --help)");
	test_option("-qx", 'x', "unknown option '-x' (see --help)");
	return tap_done();
}
