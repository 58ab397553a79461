/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernels whose answers can be given, and what they differ in. */
#include <string.h>

#include "libcore/kernel.h"
#include "libcore/state.h"

#include "tests/unit/tap.h"

static void test_names(void)
{
	enum dax_kernel kernel;
	int i;

	for (i = DAX_KERNEL_HOST; i < DAX_KERNEL_NR; i++) {
		const char *name = dax_kernel_name((enum dax_kernel)i);

		is(dax_kernel_parse(name, &kernel), 0, "%s is a name", name);
		is(kernel, i, "%s is its own name", name);
	}
	ok(dax_kernel_parse("6.10", &kernel) < 0, "6.10 is none");
	ok(dax_kernel_parse("", &kernel) < 0, "nothing is none");
	ok(!strcmp(dax_kernel_name(DAX_KERNEL_NR), "?"), "a wrong number has no name");
}

static void test_host(const char *release, enum dax_kernel want)
{
	is(dax_kernel_of_host(release), want, "on a host with Linux '%s'", release);
}

static void test_mistake(const char *text, const char *want)
{
	char buf[DAX_KERNEL_MISTAKE_LEN];

	ok(strstr(dax_kernel_mistake(text, buf), want), "'%s': %s", text, buf);
}

static void test_rules(void)
{
	int rule;
	int kernel;

	for (rule = 0; rule < DAX_RULE_NR; rule++) {
		int nr = 0;

		for (kernel = DAX_KERNEL_OLDEST; kernel < DAX_KERNEL_NR; kernel++)
			nr += dax_kernel_has((enum dax_kernel)kernel,
					     (enum dax_kernel_rule)rule);
		ok(nr > 0 && nr < DAX_KERNEL_NR - 1,
		   "rule %d is a difference: %d kernels have it", rule, nr);
	}
	ok(!dax_kernel_has(DAX_KERNEL_6_12, DAX_RULE_COUNTS_UNITS) &&
		   dax_kernel_has(DAX_KERNEL_6_18, DAX_RULE_COUNTS_UNITS),
	   "touched units count since 6.18");
	ok(dax_kernel_has_call(DAX_KERNEL_6_1, 450) &&
		   !dax_kernel_has_call(DAX_KERNEL_6_1, DAX_KERNEL_FIRST_LATE_CALL),
	   "6.1 has no cachestat");
	ok(dax_kernel_has_call(DAX_KERNEL_6_12, 462) &&
		   !dax_kernel_has_call(DAX_KERNEL_6_12, 463),
	   "6.12 has mseal, and no setxattrat");
	ok(dax_kernel_has_call(DAX_KERNEL_6_18, 469) &&
		   !dax_kernel_has_call(DAX_KERNEL_6_18, 470) &&
		   dax_kernel_has_call(DAX_KERNEL_7_3, 470),
	   "7.3 has listns, and 6.18 has not");
}

static void test_state(void)
{
	static struct dax_state state;

	is(dax_state_kernel(&state), DAX_KERNEL_6_12, "an old daemon does not say");
	state.kernel = DAX_KERNEL_7_3;
	is(dax_state_kernel(&state), DAX_KERNEL_7_3, "the daemon's");
	state.kernel = DAX_KERNEL_NR;
	is(dax_state_kernel(&state), DAX_KERNEL_6_12, "a number that is none");
}

int main(void)
{
	test_names();
	test_host("6.1.0-56-amd64", DAX_KERNEL_6_1);
	test_host("5.10.0", DAX_KERNEL_6_1);
	test_host("6.11.9", DAX_KERNEL_6_1);
	test_host("6.12.117", DAX_KERNEL_6_12);
	test_host("6.18.44-x", DAX_KERNEL_6_18);
	test_host("7.0.1", DAX_KERNEL_6_18);
	test_host("7.3.4+deb13-amd64", DAX_KERNEL_7_3);
	test_host("8.0", DAX_KERNEL_7_3);
	test_host("", DAX_KERNEL_6_1);
	test_host("six", DAX_KERNEL_6_1);
	test_mistake("6.14", "did you mean '6.12'");
	test_mistake("v7.3", "did you mean '7.3'");
	test_mistake("hots", "did you mean 'host'");
	test_mistake("linux", "'linux' is not one of 6.1, 6.12, 6.18, 7.3, host (");
	test_rules();
	test_state();
	return tap_done();
}
