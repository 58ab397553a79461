/* SPDX-License-Identifier: BSD-2-Clause */
/* The state pages, which the daemon writes while clients read them. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/size.h"
#include "libcore/state.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define A (2 * DAX_MIB)

static struct dax_state *state;

static void begin(void)
{
	free(state);
	state = calloc(1, sizeof(*state));
	if (!state)
		abort();
	dax_state_init(state);
}

static struct dax_device device(uint64_t life, const char *name)
{
	struct dax_device dev = {.flags = DAX_DEVICE_ALIVE, .life = life, .align = A};

	strcpy(dev.name, name);
	return dev;
}

static void publish(uint32_t slot, uint64_t dev_nr, uint64_t ino,
		    const struct dax_device *dev)
{
	const struct dax_state_handle handle = {.dev = dev_nr, .ino = ino};

	dax_state_publish(state, slot, &handle, dev);
}

static void test_check(void)
{
	begin();
	is(dax_state_check(state, sizeof(*state)), 0, "new state pages are good");
	is(dax_state_check(state, sizeof(*state) + 4096), 0, "more mapped is no harm");
	is(dax_state_check(state, sizeof(*state) - 1), -EBADMSG, "less is");
	state->version++;
	is(dax_state_check(state, sizeof(*state)), -EPROTO, "of another version");
	state->version--;
	state->size--;
	is(dax_state_check(state, sizeof(*state)), -EPROTO, "of another size");
	memset(state, 0, sizeof(*state));
	is(dax_state_check(state, sizeof(*state)), -EBADMSG, "not yet made");
}

static void test_publish(void)
{
	struct dax_device dev = device(1, "dax0.0");
	struct dax_device got;
	uint32_t changes;

	begin();
	dax_state_read(state, 0, &got);
	is(got.life, 0, "a slot that was never used says so");
	is(dax_state_take_slot(state), 0, "the first slot");
	dev.nr_ranges = 1;
	dev.ranges[0] = (struct dax_range){A, 4 * A};
	changes = state->changes;
	publish(0, 8, 100, &dev);
	is(state->nr_slots, 1, "one slot is in use");
	is(state->changes, changes + 1, "who waits for changes is told");
	dax_state_read(state, 0, &got);
	ok(!memcmp(&got.ranges[0], &dev.ranges[0], sizeof(dev.ranges[0])) &&
		   got.life == 1 && got.nr_ranges == 1 && !strcmp(got.name, "dax0.0"),
	   "the description is read back");
	is(dax_state_take_slot(state), 1, "the next slot");

	dev.flags = 0;
	dev.generation = 1;
	publish(0, 8, 100, &dev);
	dax_state_read(state, 0, &got);
	ok(!dax_device_is_alive(&got) && got.generation == 1, "a change is seen");
	is(state->nr_slots, 1, "and takes no other slot");
	is(state->slots[0].seq, 2, "each goes to the copy that nobody reads");
	ok(state->slots[0].copy[1].flags == DAX_DEVICE_ALIVE, "the old one stands");
}

/* Wrong values in the pages, by mistake or malice, do not lead a reader out of bounds. */
static void test_read_bounds(void)
{
	struct dax_device got;

	begin();
	memset(state->slots[0].copy[0].name, 'x', DAX_NAME_LEN);
	state->slots[0].copy[0].nr_ranges = UINT32_MAX;
	dax_state_read(state, 0, &got);
	is(strlen(got.name), DAX_NAME_LEN - 1, "a name without end is cut");
	is(got.nr_ranges, DAX_RANGES_MAX, "too many ranges are not");
	state->nr_slots = UINT32_MAX;
	is(dax_state_find(state, 8, 100, 0), -ENOENT, "too many slots are not looked at");
	is(dax_state_find_name(state, "dax0.0"), -ENOENT, "nor by name");
}

static void test_find(void)
{
	struct dax_device dev = device(1, "dax0.0");
	struct dax_device gone = device(2, "dax0.1");

	begin();
	is(dax_state_find(state, 8, 100, 0), -ENOENT, "nothing is there");
	publish(0, 8, 100, &dev);
	gone.flags = DAX_DEVICE_GONE;
	publish(1, 8, 101, &gone);
	is(dax_state_find(state, 8, 100, 0), 0, "a handle is found");
	is(dax_state_find(state, 9, 100, 0), -ENOENT, "not on another file system");
	is(dax_state_find(state, 8, 102, 0), -ENOENT, "not with another number");
	is(dax_state_find(state, 8, 0, 0), -ENOENT, "0 is no number");
	is(dax_state_find(state, 8, 101, 0), 1,
	   "a deleted device's handle is found, too");
	is(dax_state_find(state, 8, 101, 1), -ENOENT, "what has a name is not one");
	is(dax_state_find(state, 8, 100, 1), 0, "but a device's that is there");
	is(dax_state_find_name(state, "dax0.0"), 0, "by name");
	is(dax_state_find_name(state, "dax0.1"), -ENOENT, "a deleted one is not");
	is(dax_state_find_name(state, "dax0.2"), -ENOENT, "nor what never was");

	/* A new device reuses the inode number of the deleted one. */
	dev = device(3, "dax0.1");
	publish(2, 8, 101, &dev);
	is(dax_state_find(state, 8, 101, 0), 2, "the younger one has it now");
	is(dax_state_find_name(state, "dax0.1"), 2, "and the name");

	/* A device that comes back as a character device has no st_dev. */
	publish(2, 0, 77, &dev);
	is(dax_state_find(state, 8, 101, 0), 1, "its old handle is another's again");
	is(dax_state_find(state, 0, 77, 0), 2, "its new one is found");
}

static void test_slots(void)
{
	uint32_t i;

	begin();
	for (i = 0; i < DAX_STATE_SLOTS; i++) {
		struct dax_device dev = device(i + 1, "dax0.0");

		if (dax_state_take_slot(state) != (int)i)
			break;
		publish(i, 8, i + 1, &dev);
	}
	is(i, DAX_STATE_SLOTS, "slots are used one after the other");
	is(dax_state_take_slot(state), -ENOSPC, "until there is none");
	is(state->nr_slots, DAX_STATE_SLOTS, "all are in use");
	for (i = 500; i < 510; i++) {
		struct dax_device dev = device(2000 - i, "dax0.0");

		dev.flags = DAX_DEVICE_GONE;
		publish(i, 8, i + 1, &dev);
	}
	is(dax_state_take_slot(state), 509, "then the one that is gone longest");
}

static void test_rules(void)
{
	struct dax_fault_rule rules[DAX_FAULT_RULES_MAX];
	struct dax_fault_rule got;
	uint32_t i;

	begin();
	ok(!dax_state_rule(state, 0, &got), "there are no rules at first");
	is(state->fault_calls, 0, "and no call pays for any");
	memset(rules, 0, sizeof(rules));
	for (i = 0; i < DAX_FAULT_RULES_MAX; i++) {
		rules[i].id = i + 1;
		rules[i].calls = UINT32_C(1) << (i % 3);
	}
	memset(rules[1].file, 'x', sizeof(rules[1].file));
	dax_state_publish_faults(state, rules, 2, NULL, 0);
	ok(dax_state_rule(state, 0, &got) && got.id == 1, "the first rule");
	ok(dax_state_rule(state, 1, &got) && got.id == 2, "the second");
	is(strlen(got.file), sizeof(got.file) - 1, "whose file's name is cut");
	ok(!dax_state_rule(state, 2, &got), "no third");
	is(state->fault_calls, 3, "the calls that they are for");
	dax_state_publish_faults(state, rules, DAX_FAULT_RULES_MAX, NULL, 0);
	ok(dax_state_rule(state, DAX_FAULT_RULES_MAX - 1, &got),
	   "as many as there may be");
	state->faults.copy[state->faults.seq & 1].nr_rules = UINT32_MAX;
	ok(!dax_state_rule(state, DAX_FAULT_RULES_MAX, &got), "and never more");
	dax_state_publish_faults(state, NULL, 0, NULL, 0);
	ok(!dax_state_rule(state, 0, &got), "all are gone");
	is(state->fault_calls, 0, "for every call");
}

static void test_bad(void)
{
	const struct dax_fault_who all = {.uid = UINT32_MAX};
	const struct dax_fault_who me = {.pid = 5, .uid = 1000};
	const struct dax_bad bad[] = {
		{.life = 1, .off = 5 * A, .len = A, .who = all, .rule = 1},
		{.life = 1, .off = 2 * A + 512, .len = 512, .who = all, .rule = 2},
		{.life = 1, .off = 3 * A, .len = A, .who = {.pid = 6}, .rule = 3},
		{.life = 2, .off = 0, .len = A, .who = all, .rule = 4},
	};
	struct dax_bad got;

	begin();
	ok(!dax_state_next_bad(state, 1, &me, 0, A, &got), "nothing is bad at first");
	dax_state_publish_faults(state, NULL, 0, bad, 4);
	ok(dax_state_next_bad(state, 1, &me, 0, A, &got) && got.rule == 2,
	   "the one that begins first, in whatever order they are");
	ok(got.off == 2 * A && got.len == A, "as a whole page");
	ok(dax_state_next_bad(state, 1, &me, 2 * A + 4096, A, &got) && got.rule == 2,
	   "the same from its middle on");
	ok(dax_state_next_bad(state, 1, &me, 3 * A, A, &got) && got.rule == 1,
	   "what is another process's is not for me");
	ok(dax_state_next_bad(state, 1, NULL, 3 * A, A, &got) && got.rule == 3,
	   "but for whom asks for anybody");
	ok(!dax_state_next_bad(state, 1, &me, 6 * A, A, &got), "nothing is behind it");
	ok(dax_state_next_bad(state, 2, &me, 0, A, &got) && got.rule == 4,
	   "another device has its own");
	ok(dax_state_next_bad(state, 1, &me, 0, 4096, &got) && got.len == 4096,
	   "as a page of 4 KiB, if that can be mapped alone");
	state->faults.copy[state->faults.seq & 1].nr_bad = UINT32_MAX;
	ok(dax_state_next_bad(state, 2, &me, 0, A, &got), "never more than there may be");
}

#define ROUNDS 100000

static uint32_t is_over;

/*
 * A reader never sees half of a change: all values that it reads are of one generation.
 */
static void *reader(void *arg)
{
	const struct dax_fault_who me = {.pid = 1};
	bool is_torn = false;

	(void)arg;
	while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
		struct dax_fault_rule rule;
		struct dax_device dev;
		struct dax_bad bad;

		dax_state_read(state, 0, &dev);
		is_torn |= dev.nr_ranges && (dev.size != dev.generation ||
					     dev.ranges[0].start != dev.generation ||
					     dev.ranges[3].len != dev.generation);
		if (dax_state_rule(state, 0, &rule))
			is_torn |= rule.nth != rule.seed;
		if (dax_state_next_bad(state, 1, &me, 0, 1, &bad))
			is_torn |= bad.off + 1 != bad.len;
	}
	return is_torn ? (void *)"torn" : NULL;
}

static void test_threads(void)
{
	pthread_t thread;
	void *torn;
	uint64_t i;

	begin();
	if (pthread_create(&thread, NULL, reader, NULL))
		abort();
	for (i = 1; i < ROUNDS; i++) {
		struct dax_fault_rule rule = {.nth = i, .seed = i};
		struct dax_bad bad = {
			.life = 1, .off = i, .len = i + 1, .who = {.uid = UINT32_MAX}};
		struct dax_device dev = device(1, "dax0.0");
		int k;

		dev.generation = dev.size = i;
		dev.nr_ranges = 4;
		for (k = 0; k < 4; k++)
			dev.ranges[k] = (struct dax_range){i, i};
		publish(0, 8, 1, &dev);
		dax_state_publish_faults(state, &rule, 1, &bad, 1);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &torn);
	ok(!torn, "a reader saw whole descriptions only, in %d changes", ROUNDS);
}

int main(void)
{
	test_check();
	test_publish();
	test_read_bounds();
	test_find();
	test_slots();
	test_rules();
	test_bad();
	test_threads();
	free(state);
	return tap_done();
}
