/* SPDX-License-Identifier: BSD-2-Clause */
/* Splitting a stretch of a device into pieces of its backing store. */
#include <stdlib.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/plan.h"
#include "libcore/size.h"
#include "libcore/state.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define A (2 * DAX_MIB)
#define P DAX_PAGE

static struct dax_state *state;

static struct dax_device device(uint64_t align)
{
	return (struct dax_device){
		.flags = DAX_DEVICE_ALIVE, .align = align, .life = 7, .nr_ranges = 1};
}

static void next_is(struct dax_plan *plan, uint64_t pos, uint64_t len, uint64_t store,
		    bool is_hole, const char *what)
{
	struct dax_segment seg = {0};
	bool is_there = dax_plan_next(plan, &seg);

	if (!ok(is_there && seg.pos == pos && seg.len == len && seg.store == store &&
			seg.is_hole == is_hole,
		"%s: %s of %#llx at %#llx", what, is_hole ? "a hole" : "memory",
		(unsigned long long)len, (unsigned long long)pos))
		printf("# got %d: pos %#llx, len %#llx, store %#llx, %s\n", is_there,
		       (unsigned long long)seg.pos, (unsigned long long)seg.len,
		       (unsigned long long)seg.store, seg.is_hole ? "hole" : "memory");
}

static void no_more(struct dax_plan *plan, const char *what)
{
	struct dax_segment seg;

	ok(!dax_plan_next(plan, &seg), "%s: that is all", what);
}

static void test_one_range(void)
{
	struct dax_device dev = device(A);
	struct dax_plan plan;

	dev.size = 4 * A;
	dev.ranges[0] = (struct dax_range){16 * A, 4 * A};
	dax_plan_init(&plan, &dev, 0, 4 * A);
	next_is(&plan, 0, 4 * A, 16 * A, false, "all of it");
	no_more(&plan, "all of it");
	dax_plan_init(&plan, &dev, A, 2 * A);
	next_is(&plan, 0, 2 * A, 17 * A, false, "a part");
	no_more(&plan, "a part");
	dax_plan_init(&plan, &dev, 3 * A, 4 * A);
	next_is(&plan, 0, A, 19 * A, false, "over the end");
	next_is(&plan, A, 3 * A, 4 * A, true, "over the end");
	no_more(&plan, "over the end");
	dax_plan_init(&plan, &dev, 9 * A, A);
	next_is(&plan, 0, A, 9 * A, true, "behind the end");
	dax_plan_init(&plan, &dev, -(2 * A), A);
	next_is(&plan, 0, A, -(2 * A), true, "near the last offset");
	dax_plan_init(&plan, &dev, 0, 0);
	no_more(&plan, "nothing");
	dev.flags = 0;
	dax_plan_init(&plan, &dev, 0, 4 * A);
	next_is(&plan, 0, 4 * A, 0, true, "a device that is not alive");
	no_more(&plan, "a device that is not alive");
}

/* A unit is mapped only if it lies completely in one range. */
static void test_ranges(void)
{
	struct dax_device dev = device(A);
	struct dax_plan plan;

	dev.nr_ranges = 2;
	dev.ranges[0] = (struct dax_range){100 * A, 2 * A};
	dev.ranges[1] = (struct dax_range){50 * A, 2 * A};
	dev.size = 4 * A;
	dax_plan_init(&plan, &dev, 0, 5 * A);
	next_is(&plan, 0, 2 * A, 100 * A, false, "two ranges");
	next_is(&plan, 2 * A, 2 * A, 50 * A, false, "two ranges");
	next_is(&plan, 4 * A, A, 4 * A, true, "two ranges");
	no_more(&plan, "two ranges");

	/* A dynamic region whose align was raised has borders that are off the align. */
	dev.ranges[0].len = A + A / 2;
	dev.ranges[1] = (struct dax_range){50 * A, 2 * A + A / 2};
	dax_plan_init(&plan, &dev, 0, 4 * A);
	next_is(&plan, 0, A, 100 * A, false, "a border in a unit");
	next_is(&plan, A, A, A, true, "a border in a unit");
	next_is(&plan, 2 * A, 2 * A, 50 * A + A / 2, false, "a border in a unit");
	no_more(&plan, "a border in a unit");
	dax_plan_init(&plan, &dev, A, A);
	next_is(&plan, 0, A, A, true, "that unit alone");
	no_more(&plan, "that unit alone");

	/* With an offset off the align (MAP_FIXED), units begin at that offset. */
	dax_plan_init(&plan, &dev, A / 2, A);
	next_is(&plan, 0, A, 100 * A + A / 2, false, "an unaligned offset");
	dax_plan_init(&plan, &dev, 3 * A + P, A);
	next_is(&plan, 0, A, 3 * A + P, true, "a unit that ends behind the end");

	dev.size = 0;
	dev.nr_ranges = 0;
	dax_plan_init(&plan, &dev, 0, A);
	next_is(&plan, 0, A, 0, true, "a device of size 0");
	/* The size exceeds the ranges: no piece is made for the missing part. */
	dev.size = 2 * A;
	dax_plan_init(&plan, &dev, 0, A);
	next_is(&plan, 0, A, 0, true, "a device without ranges");
}

static void publish(const struct dax_bad *bad, uint32_t nr)
{
	dax_state_publish_faults(state, NULL, 0, bad, nr);
}

static void test_bad(void)
{
	const struct dax_fault_who all = {.uid = UINT32_MAX};
	const struct dax_fault_who me = {.pid = 5, .uid = 1000};
	const struct dax_bad bad[] = {
		{.life = 6, .off = 0, .len = A, .who = all}, /* another device */
		{.life = 7, .off = A + P, .len = 512, .who = all},
		{.life = 7, .off = 3 * A, .len = 2 * A, .who = all},
		{.life = 7, .off = 6 * A, .len = A, .who = {.pid = 6, .uid = UINT32_MAX}},
	};
	struct dax_device dev = device(A);
	struct dax_plan plan;

	dev.size = 8 * A;
	dev.ranges[0] = (struct dax_range){0, 8 * A};
	publish(bad, 4);
	dax_plan_init(&plan, &dev, 0, 8 * A);
	next_is(&plan, 0, 8 * A, 0, false, "nobody asks what is bad");

	dax_plan_init(&plan, &dev, 0, 8 * A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, A + P, 0, false, "some is bad");
	next_is(&plan, A + P, P, A + P, true, "a sector makes its page bad");
	next_is(&plan, A + 2 * P, 2 * A - 2 * P, A + 2 * P, false,
		"the unit goes on behind it");
	next_is(&plan, 3 * A, 2 * A, 3 * A, true, "two units");
	next_is(&plan, 5 * A, 3 * A, 5 * A, false, "what is bad for another only is not");
	no_more(&plan, "some is bad");

	dax_plan_init(&plan, &dev, 4 * A, A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, A, 4 * A, true, "the second bad unit");
	no_more(&plan, "the second bad unit");
	dax_plan_init(&plan, &dev, A + P, P);
	dax_plan_set_unit(&plan, A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, P, A + P, true, "the bad page alone");
	no_more(&plan, "the bad page alone");

	/* Huge pages of a hugetlbfs can only be mapped whole. */
	dev.flags |= DAX_DEVICE_PAGES_2M;
	dax_plan_init(&plan, &dev, 0, 3 * A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, A, 0, false, "huge pages");
	next_is(&plan, A, A, A, true, "a sector makes its huge page bad");
	next_is(&plan, 2 * A, A, 2 * A, false, "huge pages");
	dev.flags &= ~(uint32_t)DAX_DEVICE_PAGES_2M;

	publish(NULL, 0);
	dax_plan_init(&plan, &dev, A + P, P);
	dax_plan_set_unit(&plan, A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, P, A + P, false, "the same page when it is good");
	dax_plan_init(&plan, &dev, 8 * A - P, 2 * P);
	dax_plan_set_unit(&plan, 0);
	next_is(&plan, 0, P, 8 * A - P, false, "the last page of the last unit");
	next_is(&plan, P, P, 8 * A, true, "a part behind the end");
	dax_plan_init(&plan, &dev, 8 * A - P, P);
	dax_plan_set_unit(&plan, A / 2);
	next_is(&plan, 0, P, 8 * A - P, true, "a part of a unit that is not served");
	dax_plan_init(&plan, &dev, 0, A);
	dax_plan_set_unit(&plan, A / 2);
	next_is(&plan, 0, A / 2, 0, true, "a unit that would begin before the device");
	next_is(&plan, A / 2, A / 2, A / 2, false, "the next one");
	dax_plan_init(&plan, &dev, 0, 8 * A);
	dax_plan_mind_bad(&plan, state, &me);
	next_is(&plan, 0, 8 * A, 0, false, "nothing is bad any more");
}

/* For random ranges, pieces are in order, without gaps, and from the right places. */
static void test_random(void)
{
	bool is_right = true;
	int round;

	srandom(2);
	for (round = 0; round < 2000 && is_right; round++) {
		struct dax_device dev = device(8 * P);
		struct dax_segment seg;
		struct dax_plan plan;
		uint64_t off = (uint64_t)random() % 100 * P;
		uint64_t len = (1 + (uint64_t)random() % 12) * dev.align;
		uint64_t done = 0;
		uint32_t i;

		dev.nr_ranges = 1 + (uint32_t)random() % 4;
		for (i = 0; i < dev.nr_ranges; i++) {
			dev.ranges[i].start = (i + 1) * 1000 * P;
			dev.ranges[i].len = (1 + (uint64_t)random() % 40) * P;
			dev.size += dev.ranges[i].len;
		}
		dax_plan_init(&plan, &dev, off, len);
		while (dax_plan_next(&plan, &seg)) {
			uint64_t at;

			is_right &= seg.pos == done && seg.len &&
				    !(seg.len & (dev.align - 1));
			for (at = 0; at < seg.len; at += dev.align) {
				uint64_t from = off + done + at;
				uint64_t base = 0;

				for (i = 0; i < dev.nr_ranges; i++) {
					if (from < base + dev.ranges[i].len)
						break;
					base += dev.ranges[i].len;
				}
				if (i == dev.nr_ranges ||
				    from + dev.align > base + dev.ranges[i].len)
					is_right &= seg.is_hole;
				else
					is_right &=
						!seg.is_hole &&
						seg.store + at ==
							dev.ranges[i].start + from - base;
			}
			done += seg.len;
		}
		is_right &= done == len;
	}
	ok(is_right, "after %d plans every unit is where it should be", round);
}

int main(void)
{
	state = calloc(1, sizeof(*state));
	if (!state)
		abort();
	dax_state_init(state);
	test_one_range();
	test_ranges();
	test_bad();
	test_random();
	free(state);
	return tap_done();
}
