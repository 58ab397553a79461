/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing of text as the kernel's attributes parse it. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "libcore/kstr.h"

#include "tests/unit/tap.h"

static void test_u64(const char *text, unsigned int base, int want, uint64_t want_value)
{
	uint64_t value = 77;
	int r = dax_kstr_u64(text, base, &value);

	ok(r == want && value == (r < 0 ? 77 : want_value), "u64 base %u '%s'", base,
	   text);
}

static void test_int(const char *text, int want, int want_value)
{
	int value = 77;
	int r = dax_kstr_int(text, &value);

	ok(r == want && value == (r < 0 ? 77 : want_value), "int '%s'", text);
}

static void test_bool(const char *text, int want, bool want_value)
{
	bool value = !want_value;
	int r = dax_kstr_bool(text, &value);

	ok(r == want && value == (r < 0 ? !want_value : want_value), "bool '%s'", text);
}

static void test_range(const char *text, int want, uint64_t want_start, uint64_t want_end)
{
	uint64_t start = 77;
	uint64_t end = 77;
	char buf[128];
	int r;

	snprintf(buf, sizeof(buf), "%s", text);
	r = dax_kstr_range(buf, &start, &end);
	ok(r == want && start == (r < 0 ? 77 : want_start) &&
		   end == (r < 0 ? 77 : want_end),
	   "range '%s'", text);
}

static void test_chomp(const char *text, const char *want)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%s", text);
	ok(dax_kstr_chomp(buf) == buf && !strcmp(buf, want), "chomp leaves '%s'", want);
}

static void test_numbers(void)
{
	test_u64("0", 0, 0, 0);
	test_u64("2097152", 0, 0, 2097152);
	test_u64("2097152\n", 0, 0, 2097152);
	test_u64("+4096", 0, 0, 4096);
	test_u64("0x200000", 0, 0, 2097152);
	test_u64("0X1aF", 0, 0, 0x1af);
	test_u64("010000000", 0, 0, 2097152);
	test_u64("18446744073709551615", 0, 0, UINT64_MAX);
	test_u64("0xffffffffffffffff", 0, 0, UINT64_MAX);
	test_u64("18446744073709551616", 0, -ERANGE, 0);
	test_u64("18446744073709551620", 0, -ERANGE, 0);
	test_u64("99999999999999999999 x", 0, -ERANGE, 0);
	test_u64("", 0, -EINVAL, 0);
	test_u64("\n", 0, -EINVAL, 0);
	test_u64("-1", 0, -EINVAL, 0);
	test_u64("++1", 0, -EINVAL, 0);
	test_u64("1\n\n", 0, -EINVAL, 0);
	test_u64(" 1", 0, -EINVAL, 0);
	test_u64("1 ", 0, -EINVAL, 0);
	test_u64("0b1", 0, -EINVAL, 0);
	test_u64("2M", 0, -EINVAL, 0);
	test_u64("abc", 0, -EINVAL, 0);
	test_u64("0x", 0, -EINVAL, 0);
	test_u64("0xg", 0, -EINVAL, 0);
	test_u64("08", 0, -EINVAL, 0);
	test_u64("10", 16, 0, 16);
	test_u64("0x10", 16, 0, 16);
	test_u64("FF", 16, 0, 255);
	test_u64("0x", 16, -EINVAL, 0);
	test_u64("0y1", 16, -EINVAL, 0);

	test_int("1", 0, 1);
	test_int("01\n", 0, 1);
	test_int("0x1", 0, 1);
	test_int("+1", 0, 1);
	test_int("-1", 0, -1);
	test_int("2147483647", 0, INT_MAX);
	test_int("-2147483648", 0, INT_MIN);
	test_int("2147483648", -ERANGE, 0);
	test_int("-2147483649", -ERANGE, 0);
	test_int("-+1", -EINVAL, 0);
	test_int("1 ", -EINVAL, 0);
	test_int("", -EINVAL, 0);
}

static void test_ids(void)
{
	static const char *const good[] = {
		"dax0.0",
		"dax1.17",
		"dax-1.0",
		"dax2147483647.-2147483648",
	};
	static const char *const bad[] = {
		"foo",
		"dax",
		"dax1",
		"dax1.",
		"dax.1",
		"dax1.1 ",
		"dax01.1",
		"dax1.00",
		"dax-0.1",
		"dax+1.1",
		"dax1.1x",
		"dax1,1",
		" dax1.1",
		"dax--1.0",
		"dax1.1\n",
		"dax2147483648.0",
		"dax0.-2147483649",
		"dax12345678901234.0",
		"",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(dax_kstr_is_dax_id(good[i]), "'%s' is an id", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!dax_kstr_is_dax_id(bad[i]), "'%s' is no id", bad[i]);
}

#define UUID "01234567-89ab-cdef-ABCD-EF0123456789"

static void test_uevents(void)
{
	static const char *const good[] = {
		"add",
		"remove",
		"change",
		"move",
		"online",
		"offline",
		"bind",
		"unbind",
		"add " UUID,
		"add " UUID " A=1",
		"add " UUID " A=1 Bb2=3x",
	};
	static const char *const bad[] = {
		"",
		"ad",
		"addd",
		"ADD",
		"garbage",
		" add",
		"add ",
		"add x",
		"add " UUID "x",
		"add " UUID " ",
		"add " UUID " A",
		"add " UUID " A=",
		"add " UUID " A=1 ",
		"add " UUID " A=1,B=2",
		"add " UUID " A_B=1",
		"add " UUID " A~=1",
		"add 01234567x89ab-cdef-ABCD-EF0123456789",
		"add 01234567-89ab-cdef-ABCD-EF012345678z",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(dax_kstr_is_uevent(good[i]), "'%s' is an event", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!dax_kstr_is_uevent(bad[i]), "'%s' is no event", bad[i]);
}

int main(void)
{
	static const char *const yes[] = {"y", "Y", "1", "t", "T", "on", "ON", "yes\n"};
	static const char *const no[] = {"n", "N", "0", "f", "F", "off", "oF", "no\n"};
	static const char *const neither[] = {"", "\n", "2", "o", "ox", "x", " 1"};
	size_t i;

	test_numbers();
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		test_bool(yes[i], 0, true);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		test_bool(no[i], 0, false);
	for (i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
		test_bool(neither[i], -EINVAL, false);

	test_range("0-0", 0, 0, 0);
	test_range("100000000-1001fffff", 0, 0x100000000, 0x1001fffff);
	test_range("0x100000000-0x1001fffff\n", 0, 0x100000000, 0x1001fffff);
	test_range("2-1", 0, 2, 1);
	test_range("", -EINVAL, 0, 0);
	test_range("1", -EINVAL, 0, 0);
	test_range("text", -EINVAL, 0, 0);
	test_range("-1", -EINVAL, 0, 0);
	test_range("1-", -EINVAL, 0, 0);
	test_range("1-2-3", -EINVAL, 0, 0);
	test_range(" 1-2", -EINVAL, 0, 0);
	test_range("1-2 ", -EINVAL, 0, 0);
	test_range("10000000000000000-1", -ERANGE, 0, 0);
	test_range("1-10000000000000000", -ERANGE, 0, 0);

	test_chomp("dax0.1\n", "dax0.1");
	test_chomp("dax0.1", "dax0.1");
	test_chomp("x\n\n", "x\n");
	test_chomp("\n", "");
	test_chomp("", "");

	test_ids();
	test_uevents();
	return tap_done();
}
