/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of devices in /proc/PID/pagemap and PAGEMAP_SCAN, as on the recorded kernels. */
#include "libcore/pagemap.h"
#include "libcore/pagemap_scan.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

#define PRESENT   (DAX_PM_PRESENT | DAX_PM_SOFT_DIRTY)
#define EXCLUSIVE (PRESENT | DAX_PM_FILE | DAX_PM_EXCLUSIVE | 7)

static void test_entries(void)
{
	is(dax_pagemap_entry(DAX_KERNEL_7_3, 2 * DAX_MIB, DAX_PM_SOFT_DIRTY, 0),
	   DAX_PM_SOFT_DIRTY, "an untouched unit");
	is(dax_pagemap_entry(DAX_KERNEL_7_3, 2 * DAX_MIB, EXCLUSIVE, EXCLUSIVE),
	   EXCLUSIVE, "a touched one");
	is(dax_pagemap_entry(DAX_KERNEL_7_3, 2 * DAX_MIB, DAX_PM_SOFT_DIRTY, EXCLUSIVE),
	   EXCLUSIVE, "a page of it that the store does not have");
	is(dax_pagemap_entry(DAX_KERNEL_6_12, 2 * DAX_MIB, EXCLUSIVE, EXCLUSIVE),
	   PRESENT | DAX_PM_FILE | 7, "6.12 does not count mappings");
	is(dax_pagemap_entry(DAX_KERNEL_6_12, DAX_PAGE, EXCLUSIVE, EXCLUSIVE),
	   PRESENT | 7, "at 4K it sees no file");
	is(dax_pagemap_entry(DAX_KERNEL_6_18, DAX_PAGE, EXCLUSIVE, EXCLUSIVE), EXCLUSIVE,
	   "6.18 does");
	is(dax_pagemap_entry(DAX_KERNEL_7_3, DAX_GIB, EXCLUSIVE, EXCLUSIVE),
	   DAX_PM_SOFT_DIRTY, "nothing is present at 1G");
	is(dax_pagemap_entry(DAX_KERNEL_7_3, DAX_PAGE, DAX_PM_GUARD, 0), DAX_PM_GUARD,
	   "a guard page");
}

static void test_categories(void)
{
	is(dax_scan_categories(DAX_KERNEL_7_3, 2 * DAX_MIB, DAX_PM_SOFT_DIRTY), 0x80,
	   "an untouched unit");
	is(dax_scan_categories(DAX_KERNEL_7_3, DAX_GIB, PRESENT), 0x80, "1G");
	is(dax_scan_categories(DAX_KERNEL_7_3, 2 * DAX_MIB, PRESENT), 0xcc, "2M");
	is(dax_scan_categories(DAX_KERNEL_6_18, 2 * DAX_MIB, PRESENT), 0xce,
	   "2M on 6.18");
	is(dax_scan_categories(DAX_KERNEL_6_12, 2 * DAX_MIB, PRESENT), 0xca, "on 6.12");
	is(dax_scan_categories(DAX_KERNEL_6_12, DAX_PAGE, PRESENT), 0x8a, "at 4K");
	is(dax_scan_categories(DAX_KERNEL_6_12, DAX_PAGE, DAX_PM_PRESENT), 0xa,
	   "after clear_refs");
}

static void is_last(const struct dax_scan_state *s, uint64_t nr, uint64_t start,
		    uint64_t end, uint64_t categories, const char *what)
{
	ok(s->nr == nr && s->last.start == start && s->last.end == end &&
		   s->last.categories == categories,
	   "%s", what);
}

static void test_regions(void)
{
	const uint64_t p = DAX_PAGE;
	struct dax_scan arg = {.vec_len = 2, .mask = 0x8, .returned = 0x48};
	struct dax_scan_state s = {.arg = &arg};

	is(dax_scan_add(&s, 0, 2 * p, 0), 2 * p, "not wanted");
	is_last(&s, 0, 0, 0, 0, "so no region");
	is(dax_scan_add(&s, 2 * p, 4 * p, 0x4e), 4 * p, "wanted");
	is(dax_scan_add(&s, 4 * p, 5 * p, 0x4a), 5 * p, "goes on");
	is_last(&s, 1, 2 * p, 5 * p, 0x48, "one region, with what was asked for");
	is(dax_scan_add(&s, 5 * p, 6 * p, 0xa), 6 * p, "others");
	is_last(&s, 2, 5 * p, 6 * p, 0x8, "a second region");
	is(dax_scan_add(&s, 7 * p, 8 * p, 0xa), 7 * p, "no room for a third");
	is_last(&s, 2, 5 * p, 6 * p, 0x8, "the second is the last");

	arg = (struct dax_scan){.vec_len = 2, .max_pages = 3, .returned = 0xff};
	s = (struct dax_scan_state){.arg = &arg};
	is(dax_scan_add(&s, 0, 2 * p, 0), 2 * p, "two pages");
	is(dax_scan_add(&s, 2 * p, 4 * p, 0), 3 * p, "the third is the last");
	is_last(&s, 1, 0, 3 * p, 0, "it is in the region");
	is(dax_scan_add(&s, 3 * p, 4 * p, 0x8), 3 * p, "no page more");
	ok(s.pages == 3 && s.nr == 1, "than that");

	arg = (struct dax_scan){
		.vec_len = 1, .inverted = 0x8, .any_of = 0xc, .returned = 8};
	s = (struct dax_scan_state){.arg = &arg};
	is(dax_scan_add(&s, 0, p, 0x8), p, "inverted");
	is(s.nr, 0, "not present is wanted");
	dax_scan_add(&s, p, 2 * p, 0);
	is_last(&s, 1, p, 2 * p, 0, "as here");

	arg.vec_len = 0;
	s = (struct dax_scan_state){.arg = &arg};
	is(dax_scan_add(&s, 0, p, 0), p, "without a vector it goes on");
	is(s.nr, 0, "and finds nothing");
}

int main(void)
{
	test_entries();
	test_categories();
	test_regions();
	return tap_done();
}
