/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing and formatting of sizes, and the arithmetic. */
#include <errno.h>
#include <string.h>

#include "libcore/size.h"

#include "tests/unit/tap.h"

static void test_parse(const char *text, int want, uint64_t want_size)
{
	uint64_t size = 77;
	int r = dax_size_parse(text, &size);

	ok(r == want && size == (r < 0 ? 77 : want_size), "parse '%s'", text);
}

static void test_format(uint64_t size, const char *want)
{
	char buf[DAX_SIZE_STRLEN];
	uint64_t again = ~size;

	ok(!strcmp(dax_size_format(size, buf), want), "%s is written so", want);
	if (size <= DAX_SIZE_MAX)
		ok(dax_size_parse(buf, &again) == 0 && again == size, "%s is read back",
		   buf);
}

static void test_arithmetic(void)
{
	ok(dax_is_pow2(1) && dax_is_pow2(4096) && dax_is_pow2(UINT64_C(1) << 63),
	   "powers of two");
	ok(!dax_is_pow2(0) && !dax_is_pow2(3) && !dax_is_pow2(UINT64_MAX),
	   "no powers of two");
	ok(dax_is_aligned(0, 4096) && dax_is_aligned(8192, 4096) &&
		   !dax_is_aligned(8191, 4096),
	   "alignment");
	is(dax_round_down(8191, 4096), 4096, "down");
	is(dax_round_up(4097, 4096), 8192, "up");
	is(dax_round_up(8192, 4096), 8192, "up, aligned");
	is(dax_round_up(UINT64_MAX, 4096), 0, "up wraps at the top");
	is(dax_min(1, 2), 1, "min");
	is(dax_min(2, 1), 1, "min, swapped");
	is(dax_max(1, 2), 2, "max");
	is(dax_max(2, 1), 2, "max, swapped");
	is(dax_shift(2 * DAX_MIB), 21, "shift of 2M");
	ok(dax_is_align(4096) && dax_is_align(2 * DAX_MIB) && dax_is_align(DAX_GIB),
	   "4K, 2M and 1G are aligns");
	ok(!dax_is_align(0) && !dax_is_align(8192) && !dax_is_align(2 * DAX_GIB),
	   "others are not");
}

int main(void)
{
	test_parse("0", 0, 0);
	test_parse("4096", 0, 4096);
	test_parse("010", 0, 10);
	test_parse("0x200000", 0, 2 * DAX_MIB);
	test_parse("0XaBcDeF", 0, 0xabcdef);
	test_parse("64k", 0, 64 * DAX_KIB);
	test_parse("64K", 0, 64 * DAX_KIB);
	test_parse("2m", 0, 2 * DAX_MIB);
	test_parse("2M", 0, 2 * DAX_MIB);
	test_parse("2MiB", 0, 2 * DAX_MIB);
	test_parse("2MB", 0, 2 * DAX_MIB);
	test_parse("1g", 0, DAX_GIB);
	test_parse("1G", 0, DAX_GIB);
	test_parse("64t", 0, 64 * DAX_TIB);
	test_parse("64T", 0, DAX_SIZE_MAX);
	test_parse("0x2M", 0, 2 * DAX_MIB);
	test_parse("70368744177664", 0, DAX_SIZE_MAX);
	test_parse("70368744177665", -ERANGE, 0);
	test_parse("65T", -ERANGE, 0);
	test_parse("99999999999999999999999999", -ERANGE, 0);
	test_parse("99999999999999999999999999Q", -EINVAL, 0);
	test_parse("", -EINVAL, 0);
	test_parse("M", -EINVAL, 0);
	test_parse("0x", -EINVAL, 0);
	test_parse("0xg", -EINVAL, 0);
	test_parse("-1", -EINVAL, 0);
	test_parse("+1", -EINVAL, 0);
	test_parse(" 1", -EINVAL, 0);
	test_parse("1 ", -EINVAL, 0);
	test_parse("1.5G", -EINVAL, 0);
	test_parse("2Mi", -EINVAL, 0);
	test_parse("2MiBB", -EINVAL, 0);
	test_parse("2B", -EINVAL, 0);
	test_parse("1P", -EINVAL, 0);

	test_format(0, "0");
	test_format(1, "1");
	test_format(4097, "4097");
	test_format(1024, "1K");
	test_format(2 * DAX_MIB, "2M");
	test_format(510 * DAX_MIB, "510M");
	test_format(3 * DAX_GIB, "3G");
	test_format(DAX_SIZE_MAX, "64T");
	test_format(UINT64_C(1) << 60, "1048576T");
	test_format(UINT64_MAX, "18446744073709551615");

	test_arithmetic();
	return tap_done();
}
