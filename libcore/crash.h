/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crash states: what a power failure may leave of a device's content.
 *
 * Beside the content that the program sees stands "the media". At a fence of a thread,
 * the lines that it has flushed since go to the media. Before that, each line that
 * differs is in doubt: it may survive or not. A crash state is the media plus a subset of
 * the lines in doubt.
 *
 * Use: dax_crash_init(), then for each fence dax_crash_next(), dax_crash_choose(), and
 * for each chosen state dax_crash_is_new() and dax_crash_content() of all lines.
 */
#ifndef DAX_CRASH_H
#define DAX_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/crash_log.h"

enum dax_crash_kind {
	DAX_CRASH_NONE, /* no line in doubt survives */
	DAX_CRASH_ALL,
	DAX_CRASH_ONLY, /* one survives */
	DAX_CRASH_BUT,  /* one does not */
	DAX_CRASH_RAND,
	DAX_CRASH_KINDS,
};

struct dax_crash_state {
	enum dax_crash_kind kind;
	uint64_t arg; /* ONLY, BUT: the line's offset; RAND: a number from 1 on */
};

#define DAX_CRASH_RAND_MAX 1000
#define DAX_CRASH_LINES    16 /* of one fence, for ONLY and BUT */

/* The states to try at each fence. */
struct dax_crash_choice {
	bool kinds[DAX_CRASH_KINDS];
	unsigned int nr_rand;
	uint64_t seed;
};

#define DAX_CRASH_CHOICE "none,all,only,but,rand:2"

struct dax_crash_line {
	uint64_t off;
	const uint8_t *live;
	const uint8_t *media;
	uint32_t version;       /* number of changes that were seen */
	uint32_t media_version; /* that of the media's content; 0: the start image's */
	uint32_t flushed;       /* the last version that was flushed; 0: none */
	uint32_t doubt;  /* its place in the list of lines in doubt, from 1; 0: none */
	uint64_t fence;  /* the fence before which it changed last */
	uint64_t pos;    /* in the log, behind its last change */
	uint16_t caller; /* of its last flush */
};

struct dax_crash_pending {
	uint32_t line;
	uint32_t version;
	const uint8_t *content;
};

struct dax_crash_thread {
	struct dax_crash_pending *pending;
	size_t nr;
	size_t room;
};

#define DAX_CRASH_OFFSETS 4

/* Lines of one kind: their number, and some of their offsets and callers. */
struct dax_crash_lines {
	uint64_t nr;
	uint64_t offs[DAX_CRASH_OFFSETS];
	uint16_t callers[DAX_CRASH_OFFSETS]; /* 0: not known */
};

struct dax_crash {
	const uint8_t *start; /* the device's content before the run */
	const uint8_t *log;
	uint64_t len;
	uint64_t pos;
	bool is_over;
	const struct dax_crash_record *at; /* the fence; NULL: the end of the run */

	uint64_t fence; /* its number, from 1; the run's end has the last */
	uint64_t said;  /* bytes of standard output before it */
	struct dax_crash_line *lines;
	uint32_t nr_lines;
	uint32_t *doubt; /* numbers of the lines in doubt */
	uint32_t nr_doubt;

	uint32_t *table; /* of lines by offset, number plus 1 */
	uint32_t table_mask;
	struct dax_crash_thread *threads;
	uint32_t nr_threads;
	const struct dax_crash_record **callers; /* by number */
	uint32_t nr_callers;
	uint64_t media_key[2];

	struct dax_crash_state *states; /* chosen */
	size_t nr_states;
	uint32_t *fresh; /* for the choice */

	uint64_t (*known)[2]; /* keys of states that were there */
	size_t nr_known;
	size_t known_room;

	struct dax_crash_lines flushed_twice; /* without a change between */
	uint64_t possible;                    /* states; UINT64_MAX: more */
};

int dax_crash_init(struct dax_crash *c, const uint8_t *start, uint64_t size,
		   const uint8_t *log, uint64_t len);
int dax_crash_next(struct dax_crash *c);
void dax_crash_choose(struct dax_crash *c, const struct dax_crash_choice *choice);
int dax_crash_is_new(struct dax_crash *c, const struct dax_crash_choice *choice,
		     const struct dax_crash_state *state);
const uint8_t *dax_crash_content(const struct dax_crash *c,
				 const struct dax_crash_choice *choice,
				 const struct dax_crash_state *state, uint32_t line);
void dax_crash_left(const struct dax_crash *c, struct dax_crash_lines *ret_unflushed,
		    struct dax_crash_lines *ret_unfenced);
const char *dax_crash_caller(const struct dax_crash *c, uint16_t caller,
			     uint64_t *ret_addr);
void dax_crash_free(struct dax_crash *c);

#endif
