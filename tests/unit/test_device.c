/* SPDX-License-Identifier: BSD-2-Clause */
/* Device names. */
#include <errno.h>
#include <string.h>

#include "libcore/device.h"

#include "tests/unit/tap.h"

static void test_good(const char *name, uint32_t want_region, uint32_t want_id)
{
	uint32_t region = 77;
	uint32_t id = 77;

	ok(dax_name_parse(name, &region, &id) == 0 && region == want_region &&
		   id == want_id,
	   "'%s' is device %u of region %u", name, want_id, want_region);
}

static void test_bad(const char *name)
{
	uint32_t region = 77;
	uint32_t id = 77;

	ok(dax_name_parse(name, &region, &id) == -EINVAL && region == 77 && id == 77,
	   "'%s' is no name", name);
}

int main(void)
{
	static const char *const bad[] = {
		"",        "d",           "da",          "dax",
		"dax.",    "dax0",        "dax0.",       "dax.0",
		"dax00.0", "dax0.00",     "dax01.0",     "dax0.01",
		"dax0.0 ", " dax0.0",     "dax0.0\n",    "dax-1.0",
		"dax0.-1", "dax+1.0",     "Dax0.0",      "dbx0.0",
		"day0.0",  "dax0:0",      "dax0.0.0",    "dax0x1.0",
		"dax 0.0", "dax100000.0", "dax0.100000",
	};
	struct dax_device dev = {.flags = DAX_DEVICE_ALIVE | DAX_DEVICE_OPENED};
	size_t i;

	test_good("dax0.0", 0, 0);
	test_good("dax1.10", 1, 10);
	test_good("dax99999.99999", 99999, 99999);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		test_bad(bad[i]);
	ok(!strcmp(dax_name_of_node("/dev/dax0.0"), "dax0.0"), "a node names its device");
	ok(!strcmp(dax_name_of_node("/devices"), "/devices"), "another path does not");
	ok(!strcmp(dax_name_of_node("dax1.0"), "dax1.0"), "a name is its own");
	ok(dax_device_is_alive(&dev), "a bound device is alive");
	dev.flags = DAX_DEVICE_GONE;
	ok(!dax_device_is_alive(&dev), "a deleted device is not");
	is(dax_device_page(&dev), 4096, "pages of 4 KiB can be mapped alone");
	dev.flags = DAX_DEVICE_PAGES_2M;
	is(dax_device_page(&dev), 2 << 20, "a huge page can't be mapped in part");
	dev.flags = DAX_DEVICE_PAGES_1G;
	is(dax_device_page(&dev), 1 << 30, "a gigantic one neither");
	return tap_done();
}
