/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON of libcuse-daxd: reading values and writing strings. */
#include <stdlib.h>
#include <string.h>

#include "client/lib/json_text.h"
#include "tests/unit/tap.h"

static void test_string(const char *object, const char *want)
{
	char buf[16];

	cuse_daxd_json_string(cuse_daxd_json_member(object, "k"), buf, sizeof(buf));
	ok(!strcmp(buf, want), "%s: '%s'", object, buf);
}

static void test_number(const char *object, uint64_t want)
{
	ok(cuse_daxd_json_number(cuse_daxd_json_member(object, "k")) == want, "%s",
	   object);
}

static void test_array(const char *array, int want)
{
	const char *p;
	int nr = 0;

	for (p = cuse_daxd_json_first(array); p; p = cuse_daxd_json_next(p))
		nr++;
	ok(nr == want, "%s has %d elements", array ?: "none", nr);
}

static void test_put(void)
{
	char *text = NULL;
	char back[16];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	cuse_daxd_json_put(f, "a\"b\\c\n\xc3\xa9");
	fclose(f);
	ok(!strcmp(text, "\"a\\\"b\\\\c\\u000a\xc3\xa9\""), "written: %s", text);
	cuse_daxd_json_string(text, back, sizeof(back));
	ok(!strcmp(back, "a\"b\\c\n\xc3\xa9"), "and read back");
	free(text);
}

int main(void)
{
	test_string("{\"k\":\"v\"}", "v");
	test_string(" { \"a\" : [1, {\"k\":\"no\"}, \"]\"] , \"k\" : \"yes\" } ", "yes");
	test_string("{\"kk\":\"no\",\"x\":\"\\\"k\\\":\",\"k\":\"a\\\"\\/"
		    "\\n\\u00e9\\u20ac\"}",
		    "a\"/\n\xc3\xa9\xe2\x82\xac");
	test_string("{\"k\":\"longer than the buffer\"}", "longer than the");
	test_string("{\"k\":\"123456789012345\\u20ac\"}", "123456789012345");
	test_string("{\"k\":7}", "");
	test_string("{}", "");
	test_string("[]", "");
	test_string("{\"k\"", "");
	test_string("{\"a\":1", "");
	test_string("{\"a\":1 \"k\":\"v\"}", "");
	test_string("{\"k\":\"open", "open");
	test_number("{\"k\":18446744073709551615}", UINT64_MAX);
	test_number("{\"a\":{\"b\":[[],{}]},\"k\":42}", 42);
	test_number("{\"a\":42}", 0);
	ok(cuse_daxd_json_real("1700000000.25") == 1700000000.25, "a time");
	ok(cuse_daxd_json_real("3,") == 3 && cuse_daxd_json_real(NULL) == 0,
	   "no fraction");
	test_array("[]", 0);
	test_array("[ ]", 0);
	test_array(NULL, 0);
	test_array("{}", 0);
	test_array("[1]", 1);
	test_array("[{\"a\":[1,2]}, \"x,y\" ,[[],[]], null]", 4);
	test_array("[1,2", 2);
	test_array("[[[[", 1);
	test_put();
	return tap_done();
}
