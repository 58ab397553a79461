/* SPDX-License-Identifier: BSD-2-Clause */
/* Crash states: lines in doubt, the choice of states, their words, and the log. */
#include <errno.h>
#include <string.h>

#include "libcore/crash.h"
#include "libcore/crash_log.h"
#include "libcore/crash_text.h"

#include "tests/unit/fail_calloc.h"
#include "tests/unit/tap.h"

#define SIZE 65536

static uint8_t start[SIZE];
static uint64_t log_words[65536];
static uint8_t *const log_bytes = (uint8_t *)log_words;
static uint64_t log_len;
static struct dax_crash c;
static struct dax_crash_choice choice = {.seed = 1};

static uint16_t caller; /* of the next records */

static void put(uint16_t event, uint32_t thread, uint64_t off, uint64_t len)
{
	const struct dax_crash_record r = {.event = event,
					   .caller = caller,
					   .thread = thread,
					   .off = off,
					   .len = len};

	memcpy(log_bytes + log_len, &r, sizeof(r));
	log_len += sizeof(r);
}

/* Store lines that are filled with a byte. */
static void store(uint64_t off, int byte, int nr)
{
	put(DAX_CRASH_STORE, 0, off, (uint64_t)nr * 64);
	memset(log_bytes + log_len, byte, (size_t)nr * 64);
	log_len += (uint64_t)nr * 64;
}

static void flush(uint32_t thread, uint64_t off, uint64_t len)
{
	put(DAX_CRASH_FLUSH, thread, off, len);
}

static void fence(uint32_t thread, uint64_t said)
{
	put(DAX_CRASH_FENCE, thread, said, 0);
}

/* Name the next caller, with a path of 8 bytes at most, and let it call. */
static void name_caller(uint64_t addr, const char *path, size_t len)
{
	caller++;
	put(DAX_CRASH_CALLER, 0, addr, len);
	strncpy((char *)log_bytes + log_len, path, 8);
	log_len += 8;
}

static int begin(void)
{
	return dax_crash_init(&c, start, SIZE, log_bytes, log_len);
}

static void end(void)
{
	dax_crash_free(&c);
	log_len = 0;
	caller = 0;
}

/* The first byte that a state has at an offset. */
static int byte_at(enum dax_crash_kind kind, uint64_t arg, uint64_t off)
{
	const struct dax_crash_state state = {.kind = kind, .arg = arg};
	uint32_t i;

	for (i = 0; i < c.nr_lines; i++)
		if (c.lines[i].off == off)
			return dax_crash_content(&c, &choice, &state, i)[0];
	return -1;
}

static int is_new(enum dax_crash_kind kind, uint64_t arg)
{
	const struct dax_crash_state state = {.kind = kind, .arg = arg};

	return dax_crash_is_new(&c, &choice, &state);
}

static void test_doubt(void)
{
	struct dax_crash_lines unflushed;
	struct dax_crash_lines unfenced;

	store(0, 1, 2);
	flush(1, 0, 128);
	fence(1, 5);
	store(64, 2, 1);
	flush(1, 64, 64);
	store(64, 3, 1);
	store(256, 1, 1);
	fence(1, 6);
	flush(1, 256, 64);
	is(begin(), 0, "a log");
	is(dax_crash_next(&c), 1, "its first fence");
	is(c.fence, 1, "is number 1");
	is(c.said, 5, "what was said by then");
	is(c.nr_doubt, 2, "both lines are in doubt");
	is(byte_at(DAX_CRASH_NONE, 0, 0), 0, "none: the first is not there");
	is(byte_at(DAX_CRASH_ALL, 0, 0), 1, "all: it is");
	is(byte_at(DAX_CRASH_ONLY, 64, 0), 0, "only the other");
	is(byte_at(DAX_CRASH_ONLY, 64, 64), 1, "only this one");
	is(byte_at(DAX_CRASH_BUT, 64, 0), 1, "but the other");
	is(byte_at(DAX_CRASH_BUT, 64, 64), 0, "but this one");
	is(dax_crash_next(&c), 1, "the second fence");
	is(c.nr_doubt, 2, "the flushed lines are safe, others are in doubt");
	is(byte_at(DAX_CRASH_NONE, 0, 64), 1, "the media has what was fenced");
	is(byte_at(DAX_CRASH_ALL, 0, 64), 3, "or the last store");
	is(dax_crash_next(&c), 1, "the end");
	is(c.fence, 3, "has a number of its own");
	is(byte_at(DAX_CRASH_NONE, 0, 64), 2,
	   "a flush moves the content that it found, not later stores");
	is(c.nr_doubt, 2, "a flush without a fence moves nothing");
	is(c.possible, 4 + 4 + 4, "subsets of each moment");
	is(dax_crash_next(&c), 0, "nothing follows the end");
	dax_crash_left(&c, &unflushed, &unfenced);
	is(unflushed.nr, 1, "one line was not flushed again");
	is(unflushed.offs[0], 64, "it is this one");
	is(unfenced.nr, 1, "one was not fenced");
	is(unfenced.offs[0], 256, "it is this one");
	is(c.flushed_twice.nr, 0, "none was flushed twice");
	end();
}

static void test_threads(void)
{
	store(0, 1, 1);
	flush(1, 0, 64);
	fence(2, 0);
	store(0, 2, 1);
	flush(2, 0, 64);
	fence(2, 0);
	fence(1, 0);
	begin();
	dax_crash_next(&c);
	dax_crash_next(&c);
	is(c.nr_doubt, 1, "a fence of another thread does not help");
	dax_crash_next(&c);
	is(c.nr_doubt, 0, "its own does");
	dax_crash_next(&c);
	is(byte_at(DAX_CRASH_NONE, 0, 0), 2, "an older flush does not undo a newer one");
	end();
}

static void test_twice(void)
{
	int i;

	store(0, 1, 2);
	flush(1, 0, 128);
	fence(1, 0);
	flush(1, 0, SIZE);
	store(64, 2, 1);
	flush(1, 64, 64);
	for (i = 0; i < DAX_CRASH_OFFSETS; i++)
		flush(1, 64, 64);
	begin();
	while (dax_crash_next(&c) > 0)
		;
	is(c.flushed_twice.nr, 2 + DAX_CRASH_OFFSETS, "lines flushed without a change");
	is(c.flushed_twice.offs[0], 0, "the first");
	is(c.flushed_twice.offs[1], 64, "the second");
	end();
}

static void test_back(void)
{
	store(0, 1, 3);
	store(0, 0, 1);
	fence(1, 0);
	begin();
	dax_crash_next(&c);
	is(c.nr_doubt, 2, "a line with its former content is not in doubt");
	end();
}

static void test_choice(void)
{
	bool has_both[2] = {false};
	int i;

	for (i = 0; i < 40; i++)
		store((uint64_t)(39 - i) * 64, 1, 1);
	fence(1, 0);
	store(8192, 1, 1);
	fence(1, 0);
	begin();
	is(dax_crash_text_choice("none,all,only,but,rand:3", &choice), 0, "all kinds");
	dax_crash_next(&c);
	dax_crash_choose(&c, &choice);
	is(c.nr_states, 2 + 2 * DAX_CRASH_LINES + 3, "as many states as may be");
	is(c.states[0].kind, DAX_CRASH_NONE, "none first");
	is(c.states[2].arg, 0, "lines in order");
	is(c.states[3].arg, 2 * 64, "at equal distances");
	is(c.states[c.nr_states - 1].kind, DAX_CRASH_RAND, "random ones last");
	for (i = 0; i < 40; i++)
		has_both[byte_at(DAX_CRASH_RAND, 1, (uint64_t)i * 64)] = true;
	ok(has_both[0] && has_both[1], "some of the lines survive");
	dax_crash_next(&c);
	dax_crash_choose(&c, &choice);
	is(c.nr_states, 2 + 2 + 3, "lines had their turn at the fence before");
	dax_crash_text_choice("only", &choice);
	dax_crash_choose(&c, &choice);
	is(c.nr_states, 1, "one kind");
	is(c.states[0].arg, 8192, "and one line");
	end();
}

static void test_equal(void)
{
	int i;

	store(0, 1, 1);
	flush(1, 0, 64);
	fence(1, 0);
	store(64, 1, 1);
	fence(1, 0);
	fence(1, 9);
	for (i = 0; i < 300; i++)
		store(1024 + (uint64_t)i * 64, 1, 1);
	fence(1, 9);
	begin();
	dax_crash_next(&c);
	is(is_new(DAX_CRASH_NONE, 0), 1, "a state");
	is(is_new(DAX_CRASH_ALL, 0), 1, "another one");
	is(is_new(DAX_CRASH_BUT, 0), 0, "one equal to the first");
	dax_crash_next(&c);
	is(is_new(DAX_CRASH_NONE, 0), 0, "one equal to that of another fence");
	is(is_new(DAX_CRASH_ALL, 0), 1, "a new one");
	dax_crash_next(&c);
	is(is_new(DAX_CRASH_ALL, 0), 1, "equal content, but more was said");
	dax_crash_next(&c);
	for (i = 0; i < 300; i++)
		if (is_new(DAX_CRASH_ONLY, 1024 + (uint64_t)i * 64) != 1)
			break;
	is(i, 300, "many");
	is(is_new(DAX_CRASH_ONLY, 1024), 0, "all are remembered");
	is(is_new(DAX_CRASH_NONE, 0), 1, "the media, after more was said");
	is(is_new(DAX_CRASH_KINDS, 0), 0, "an unknown kind leaves the media");
	is(c.possible, UINT64_MAX, "too many subsets to count");
	dax_crash_next(&c);
	is(c.possible, UINT64_MAX, "and they stay so");
	end();
}

static void test_callers(void)
{
	struct dax_crash_lines unflushed;
	struct dax_crash_lines unfenced;
	uint64_t addr = 0;

	store(0, 1, 1);
	name_caller(0x1234, "a/one", 8);
	flush(1, 0, 64);
	store(64, 1, 1);
	name_caller(0x9999, "two", 8);
	caller--;
	name_caller(0x5678, "two", 8);
	flush(1, 0, 64);
	store(128, 1, 1);
	is(begin(), 0, "a log with callers");
	is(dax_crash_next(&c), 1, "goes on to the end");
	is(dax_crash_next(&c), 0, "which is all");
	dax_crash_left(&c, &unflushed, &unfenced);
	ok(unfenced.nr == 1 && unfenced.callers[0] == 2, "who flushed last");
	ok(c.flushed_twice.nr == 1 && c.flushed_twice.callers[0] == 2, "and in vain");
	ok(unflushed.nr == 2 && unflushed.offs[0] == 64 && unflushed.callers[0] == 2,
	   "who flushed next");
	is(unflushed.callers[1], 0, "nobody did");
	ok(!strcmp(dax_crash_caller(&c, 1, &addr), "a/one") && addr == 0x1234,
	   "where the first is");
	ok(!strcmp(dax_crash_caller(&c, 2, &addr), "two") && addr == 0x5678,
	   "the second");
	end();
}

static void test_damaged(void)
{
	store(0, 1, 1);
	is((log_len--, begin()), -EBADMSG, "half a line");
	log_len = 10;
	is(begin(), -EBADMSG, "half a record");
	log_len = 0;
	put(7, 0, 0, 0);
	is(begin(), -EBADMSG, "an unknown event");
	log_len = 0;
	flush(1, SIZE, 64);
	is(begin(), -EBADMSG, "a place behind the device");
	log_len = 0;
	flush(1, 0, 7);
	is(begin(), -EBADMSG, "no whole line");
	log_len = 0;
	fence(1U << 30, 0);
	is(begin(), -EBADMSG, "a thread beyond all numbers");
	log_len = 0;
	put(DAX_CRASH_CALLER, 0, 0, 8);
	is(begin(), -EBADMSG, "a caller without a number");
	log_len = 0;
	caller = 1;
	fence(1, 0);
	is(begin(), -EBADMSG, "a caller without a name");
	log_len = 0;
	name_caller(0, "second", 8);
	is(begin(), -EBADMSG, "the second without the first");
	log_len = 0;
	caller = 0;
	name_caller(0, "endless!", 8);
	is(begin(), -EBADMSG, "a path without an end");
	log_len = 0;
	caller = 0;
	name_caller(0, "long", UINT64_MAX - 7);
	is(begin(), -EBADMSG, "a path that is too long");
	end();
}

static void test_no_memory(void)
{
	int i;

	for (i = 0; i < 100; i++)
		store((uint64_t)i * 64, 1, 1);
	flush(1, 0, 100 * 64);
	fence(1, 0);
	for (i = 0; i < 7; i++) {
		fail_calloc_after = i;
		is(begin(), -ENOMEM, "no memory to begin");
	}
	fail_calloc_after = -1;
	begin();
	fail_calloc_after = 0;
	is(dax_crash_next(&c), -ENOMEM, "no memory for flushes");
	fail_calloc_after = -1;
	dax_crash_free(&c);
	begin();
	fail_calloc_after = 1;
	is(dax_crash_next(&c), -ENOMEM, "nor for more of them");
	fail_calloc_after = -1;
	dax_crash_free(&c);
	begin();
	is(dax_crash_next(&c), 1, "enough memory");
	fail_calloc_after = 0;
	is(is_new(DAX_CRASH_ALL, 0), -ENOMEM, "none for states");
	fail_calloc_after = -1;
	end();
}

static void test_words(void)
{
	static const char *const wrong[] = {
		"",          "none,",  "most",
		"rand",      "rand:0", "rand:",
		"rand:1001", "none:1", "rand:99999999999999999999999"};
	static const char *const wrong_states[] = {
		"", "1", "1:", "x:none", "1:only", "1:only:", "1:all:1"};
	static const char *const wrong_ranges[] = {"", "5..3", "1-2", "1..2x"};
	char name[DAX_CRASH_STATE_LEN];
	struct dax_crash_state state;
	uint64_t range[2];
	uint64_t n;
	size_t i;

	is(dax_crash_text_choice("none,rand:4", &choice), 0, "two kinds");
	ok(choice.kinds[DAX_CRASH_NONE] && !choice.kinds[DAX_CRASH_ALL] &&
		   choice.nr_rand == 4,
	   "are these");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		is(dax_crash_text_choice(wrong[i], &choice), -EINVAL, "kinds: '%s'",
		   wrong[i]);
	is(dax_crash_text_state("71:only:0x3c0600", &n, &state), 0, "a state");
	ok(n == 71 && state.kind == DAX_CRASH_ONLY && state.arg == 0x3c0600, "is this");
	ok(!strcmp(dax_crash_text_format(&state, ':', name), "only:0x3c0600"), "%s",
	   name);
	is(dax_crash_text_state("7:all", &n, &state), 0, "one without a line");
	ok(!strcmp(dax_crash_text_format(&state, ' ', name), "all"), "%s", name);
	is(dax_crash_text_state("7:rand:2", &n, &state), 0, "a random one");
	ok(!strcmp(dax_crash_text_format(&state, ' ', name), "rand 2"), "%s", name);
	for (i = 0; i < sizeof(wrong_states) / sizeof(wrong_states[0]); i++)
		is(dax_crash_text_state(wrong_states[i], &n, &state), -EINVAL,
		   "state: '%s'", wrong_states[i]);
	is(dax_crash_text_fences("3..9", range), 0, "fences");
	ok(range[0] == 3 && range[1] == 9, "are these");
	is(dax_crash_text_fences("3..", range), 0, "from one on");
	ok(range[0] == 3 && range[1] == UINT64_MAX, "are these");
	is(dax_crash_text_fences("..9", range), 0, "up to one");
	ok(range[0] == 1 && range[1] == 9, "are these");
	is(dax_crash_text_fences("9", range), 0, "one");
	ok(range[0] == 9 && range[1] == 9, "is this");
	for (i = 0; i < sizeof(wrong_ranges) / sizeof(wrong_ranges[0]); i++)
		is(dax_crash_text_fences(wrong_ranges[i], range), -EINVAL, "fences: '%s'",
		   wrong_ranges[i]);
}

static uint64_t emitted[8][2];
static int nr_emitted;

static void emit(void *arg, uint64_t off, const uint8_t *data, uint64_t len)
{
	ok(data == (uint8_t *)arg + off, "the new content is in the copy");
	emitted[nr_emitted][0] = off;
	emitted[nr_emitted++][1] = len;
}

static void test_diff(void)
{
	static uint8_t live[4 * 4096];
	static uint8_t seen[4 * 4096];

	live[64] = live[128] = 1;
	live[4095] = live[4096] = 1;
	live[3 * 4096] = 1;
	dax_crash_log_diff(live, seen, 0, 3 * 4096, emit, seen);
	is(nr_emitted, 3, "runs of changed lines");
	ok(emitted[0][0] == 64 && emitted[0][1] == 128, "two lines together");
	ok(emitted[1][0] == 4032 && emitted[1][1] == 64, "the last line of a page");
	ok(emitted[2][0] == 4096 && emitted[2][1] == 64, "the first of the next");
	nr_emitted = 0;
	dax_crash_log_diff(live, seen, 0, 3 * 4096, emit, seen);
	is(nr_emitted, 0, "the second look finds nothing");
	dax_crash_log_diff(live, seen, 3 * 4096, 3 * 4096 + 64, emit, seen);
	is(nr_emitted, 1, "a part of a page");
}

int main(void)
{
	test_doubt();
	test_threads();
	test_twice();
	test_back();
	test_choice();
	test_equal();
	test_callers();
	test_damaged();
	test_no_memory();
	test_words();
	test_diff();
	return tap_done();
}
