/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of a run that is recorded for crash states. */
#include "libcore/crash_log.h"

#include <string.h>

#define TRIES 16

/*
 * Copy a line that another thread may be storing to. A copy that mixes two moments could
 * show a later store without an earlier one; so copy until two looks agree.
 */
static void copy_line(uint8_t *to, const uint8_t *from)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		memcpy(to, from, DAX_CRASH_LINE);
		__asm__ volatile("" : : : "memory");
		if (!memcmp(to, from, DAX_CRASH_LINE))
			return;
	}
}

static void diff_page(const uint8_t *live, uint8_t *seen, uint64_t from, uint64_t to,
		      dax_crash_emit *emit, void *arg)
{
	uint64_t start = to; /* of the run of changed lines */
	uint64_t off;

	for (off = from; off < to; off += DAX_CRASH_LINE) {
		if (memcmp(live + off, seen + off, DAX_CRASH_LINE) != 0) {
			copy_line(seen + off, live + off);
			if (start == to)
				start = off;
		} else if (start != to) {
			emit(arg, start, seen + start, off - start);
			start = to;
		}
	}
	if (start != to)
		emit(arg, start, seen + start, to - start);
}

/**
 * dax_crash_log_diff() - find the lines of a range that have changed
 * @live:	the device's content
 * @seen:	a copy of it; is brought up to date
 * @from, @to:	the range, in bytes; multiples of DAX_CRASH_LINE
 * @emit:	is called for each run of changed lines, with their new content in @seen
 * @arg:	for @emit
 */
void dax_crash_log_diff(const uint8_t *live, uint8_t *seen, uint64_t from, uint64_t to,
			dax_crash_emit *emit, void *arg)
{
	while (from < to) {
		uint64_t end = (from / DAX_CRASH_PAGE + 1) * DAX_CRASH_PAGE;

		if (end > to)
			end = to;
		if (memcmp(live + from, seen + from, end - from) != 0)
			diff_page(live, seen, from, end, emit, arg);
		from = end;
	}
}
