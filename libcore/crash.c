/* SPDX-License-Identifier: BSD-2-Clause */
/* Crash states: what a power failure may leave of a device's content. */
#include "libcore/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY_STATES 60 /* lines in doubt whose subsets are not counted */
#define THREADS_MAX (1 << 20)

/* A mixing function of the 64-bit numbers onto themselves (splitmix64). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static bool is_same(const uint8_t *a, const uint8_t *b)
{
	return a == b || !memcmp(a, b, DAX_CRASH_LINE);
}

/*
 * Add a line's content to the key of a state, or take it away. A line as at the start
 * adds nothing, so that states with equal content have equal keys.
 */
static void toggle(const struct dax_crash *c, uint64_t key[2], uint64_t off,
		   const uint8_t *content)
{
	uint64_t a = mix(off);
	uint64_t b = mix(~off);
	uint64_t word;
	int i;

	if (is_same(content, c->start + off))
		return;
	for (i = 0; i < DAX_CRASH_LINE; i += 8) {
		memcpy(&word, content + i, 8);
		a = mix(a ^ word);
		b = mix(b + word);
	}
	key[0] ^= a;
	key[1] ^= b;
}

static uint32_t *find_slot(const struct dax_crash *c, uint64_t off)
{
	uint32_t i = (uint32_t)mix(off) & c->table_mask;

	while (c->table[i] && c->lines[c->table[i] - 1].off != off)
		i = (i + 1) & c->table_mask;
	return &c->table[i];
}

/* ---- lines in doubt -------------------------------------------------------- */

static void update_doubt(struct dax_crash *c, struct dax_crash_line *line)
{
	uint32_t number = (uint32_t)(line - c->lines);

	if (is_same(line->live, line->media)) {
		if (line->doubt) {
			uint32_t last = c->doubt[--c->nr_doubt];

			c->doubt[line->doubt - 1] = last;
			c->lines[last].doubt = line->doubt;
			line->doubt = 0;
		}
		return;
	}
	line->fence = c->fence;
	if (!line->doubt) {
		c->doubt[c->nr_doubt] = number;
		line->doubt = ++c->nr_doubt;
	}
}

static void store(struct dax_crash *c, uint64_t off, const uint8_t *content)
{
	uint32_t *slot = find_slot(c, off);
	struct dax_crash_line *line;

	if (!*slot) {
		line = &c->lines[c->nr_lines++];
		*slot = c->nr_lines;
		line->off = off;
		line->media = c->start + off;
	}
	line = &c->lines[*slot - 1];
	line->live = content;
	line->version++;
	line->pos = c->pos;
	update_doubt(c, line);
}

static void note(struct dax_crash_lines *lines, uint64_t off, uint16_t caller)
{
	if (lines->nr < DAX_CRASH_OFFSETS) {
		lines->offs[lines->nr] = off;
		lines->callers[lines->nr] = caller;
	}
	lines->nr++;
}

static int add_pending(struct dax_crash_thread *t, const struct dax_crash_line *line,
		       uint32_t number)
{
	if (t->nr == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct dax_crash_pending *more = calloc(room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (t->nr)
			memcpy(more, t->pending, t->nr * sizeof(*more));
		free(t->pending);
		t->pending = more;
		t->room = room;
	}
	t->pending[t->nr++] = (struct dax_crash_pending){.line = number,
							 .version = line->version,
							 .content = line->live};
	return 0;
}

static int flush_line(struct dax_crash *c, const struct dax_crash_record *r,
		      uint32_t number)
{
	struct dax_crash_line *line = &c->lines[number];

	if (line->flushed == line->version)
		note(&c->flushed_twice, line->off, r->caller);
	line->flushed = line->version;
	line->caller = r->caller;
	return line->doubt ? add_pending(&c->threads[r->thread], line, number) : 0;
}

static int flush(struct dax_crash *c, const struct dax_crash_record *r)
{
	uint64_t off;
	uint32_t i;
	int ret = 0;

	if (r->len / DAX_CRASH_LINE > c->nr_lines) {
		for (i = 0; i < c->nr_lines && !ret; i++)
			if (c->lines[i].off - r->off < r->len)
				ret = flush_line(c, r, i);
		return ret;
	}
	for (off = r->off; off < r->off + r->len && !ret; off += DAX_CRASH_LINE) {
		i = *find_slot(c, off);
		if (i)
			ret = flush_line(c, r, i - 1);
	}
	return ret;
}

/*
 * Move what a thread has flushed to the media. An older version does not replace a newer
 * one, which another thread has moved there.
 */
static void commit(struct dax_crash *c, struct dax_crash_thread *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++) {
		const struct dax_crash_pending *p = &t->pending[i];
		struct dax_crash_line *line = &c->lines[p->line];

		if (p->version <= line->media_version)
			continue;
		toggle(c, c->media_key, line->off, line->media);
		toggle(c, c->media_key, line->off, p->content);
		line->media = p->content;
		line->media_version = p->version;
		update_doubt(c, line);
	}
	t->nr = 0;
}

/* ---- the log --------------------------------------------------------------- */

static const struct dax_crash_record *record_at(const struct dax_crash *c, uint64_t pos)
{
	return (const void *)(c->log + pos);
}

static uint64_t record_len(const struct dax_crash_record *r)
{
	bool has_data = r->event == DAX_CRASH_STORE || r->event == DAX_CRASH_CALLER;

	return sizeof(*r) + (has_data ? r->len : 0);
}

static bool is_range(const struct dax_crash_record *r, uint64_t size)
{
	return !(r->off % DAX_CRASH_LINE) && !(r->len % DAX_CRASH_LINE) &&
	       r->off <= size && r->len <= size - r->off;
}

/* Check a record but for its length. */
static bool is_sound(const struct dax_crash *c, const struct dax_crash_record *r,
		     uint64_t size)
{
	switch ((enum dax_crash_event)r->event) {
	case DAX_CRASH_STORE:
	case DAX_CRASH_FLUSH:
		return r->thread <= THREADS_MAX && r->caller <= c->nr_callers &&
		       is_range(r, size);
	case DAX_CRASH_FENCE:
		return r->thread <= THREADS_MAX && r->caller <= c->nr_callers;
	case DAX_CRASH_CALLER:
		return r->caller && r->caller <= c->nr_callers + 1 && r->len &&
		       !(r->len % 8);
	}
	return false;
}

/* Check all records and count what needs memory. */
static int measure(struct dax_crash *c, uint64_t size, uint64_t *ret_lines)
{
	uint64_t pos = 0;

	*ret_lines = 0;
	while (pos < c->len) {
		const struct dax_crash_record *r = record_at(c, pos);

		if (c->len - pos < sizeof(*r) || !is_sound(c, r, size) ||
		    record_len(r) - sizeof(*r) > c->len - pos - sizeof(*r))
			return -EBADMSG;
		if (r->event == DAX_CRASH_CALLER) {
			if (((const char *)(r + 1))[r->len - 1])
				return -EBADMSG;
			if (r->caller > c->nr_callers)
				c->nr_callers++;
			pos += record_len(r);
			continue;
		}
		if (r->event == DAX_CRASH_STORE)
			*ret_lines += r->len / DAX_CRASH_LINE;
		if (r->thread >= c->nr_threads)
			c->nr_threads = r->thread + 1;
		pos += record_len(r);
	}
	return *ret_lines > UINT32_MAX / 4 ? -EBADMSG : 0;
}

/**
 * dax_crash_init() - begin with a log
 * @c:		receives the first moment; dax_crash_free() frees its memory
 * @start:	the device's content before the run
 * @size:	the device's size, in bytes
 * @log, @len:	the log, aligned to 8 bytes; @start and @log must outlive @c
 *
 * Return: 0; -EBADMSG: the log is damaged; -ENOMEM.
 */
int dax_crash_init(struct dax_crash *c, const uint8_t *start, uint64_t size,
		   const uint8_t *log, uint64_t len)
{
	uint64_t nr;
	int r;

	memset(c, 0, sizeof(*c));
	c->start = start;
	c->log = log;
	c->len = len;
	r = measure(c, size, &nr);
	if (r < 0)
		return r;
	c->table_mask = 15;
	while (c->table_mask < nr * 2)
		c->table_mask = c->table_mask * 2 + 1;
	c->table = calloc((size_t)c->table_mask + 1, sizeof(*c->table));
	c->lines = calloc(nr + 1, sizeof(*c->lines));
	c->doubt = calloc(nr + 1, sizeof(*c->doubt));
	c->fresh = calloc(nr + 1, sizeof(*c->fresh));
	c->threads = calloc((size_t)c->nr_threads + 1, sizeof(*c->threads));
	c->callers = calloc((size_t)c->nr_callers + 1, sizeof(*c->callers));
	c->states =
		calloc(2 + 2 * DAX_CRASH_LINES + DAX_CRASH_RAND_MAX, sizeof(*c->states));
	if (!c->table || !c->lines || !c->doubt || !c->fresh || !c->threads ||
	    !c->callers || !c->states) {
		dax_crash_free(c);
		return -ENOMEM;
	}
	return 0;
}

/**
 * dax_crash_free() - free the memory
 * @c:		from dax_crash_init()
 */
void dax_crash_free(struct dax_crash *c)
{
	uint32_t i;

	for (i = 0; c->threads && i < c->nr_threads; i++)
		free(c->threads[i].pending);
	free(c->table);
	free(c->lines);
	free(c->doubt);
	free(c->fresh);
	free(c->threads);
	free(c->callers);
	free(c->states);
	free(c->known);
	memset(c, 0, sizeof(*c));
}

static void count_possible(struct dax_crash *c)
{
	uint64_t more = UINT64_C(1) << (c->nr_doubt < MANY_STATES ? c->nr_doubt : 0);

	if (c->nr_doubt >= MANY_STATES ||
	    __builtin_add_overflow(c->possible, more, &c->possible))
		c->possible = UINT64_MAX;
}

/**
 * dax_crash_next() - go on to the moment before the next fence
 * @c:		the moment
 *
 * The last moment is the end of the run, which is no fence.
 *
 * Return: 1; 0: the end has been there; -ENOMEM.
 */
int dax_crash_next(struct dax_crash *c)
{
	if (c->is_over)
		return 0;
	c->fence++;
	/* A line that stays in doubt has changed after the flush: it is new in doubt. */
	if (c->at)
		commit(c, &c->threads[c->at->thread]);
	c->at = NULL;
	while (c->pos < c->len) {
		const struct dax_crash_record *r = record_at(c, c->pos);
		const uint8_t *content = (const uint8_t *)(r + 1);
		uint64_t i;

		c->pos += record_len(r);
		if (r->event == DAX_CRASH_FENCE) {
			c->at = r;
			c->said = r->off;
			count_possible(c);
			return 1;
		}
		if (r->event == DAX_CRASH_STORE)
			for (i = 0; i < r->len; i += DAX_CRASH_LINE)
				store(c, r->off + i, content + i);
		else if (r->event == DAX_CRASH_CALLER)
			c->callers[r->caller] = r;
		else if (flush(c, r) < 0)
			return -ENOMEM;
	}
	c->is_over = true;
	c->said = UINT64_MAX;
	count_possible(c);
	return 1;
}

/* ---- states ---------------------------------------------------------------- */

static void choose(struct dax_crash *c, enum dax_crash_kind kind, uint64_t arg)
{
	c->states[c->nr_states++] = (struct dax_crash_state){.kind = kind, .arg = arg};
}

static int compare_offsets(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/*
 * The lines that have come into doubt since the last fence, in order: as numbers of
 * lines of the device, of which 2^32 are 256 GiB. Older lines had their turn.
 */
static uint32_t collect_fresh(struct dax_crash *c)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < c->nr_doubt; i++) {
		const struct dax_crash_line *line = &c->lines[c->doubt[i]];

		if (line->fence == c->fence)
			c->fresh[nr++] = (uint32_t)(line->off / DAX_CRASH_LINE);
	}
	qsort(c->fresh, nr, sizeof(*c->fresh), compare_offsets);
	return nr;
}

/**
 * dax_crash_choose() - choose states of this moment
 * @c:		the moment; its states and nr_states receive the choice
 * @choice:	the kinds of states
 *
 * ONLY and BUT take lines that changed since the last fence, DAX_CRASH_LINES of them at
 * most, at equal distances.
 */
void dax_crash_choose(struct dax_crash *c, const struct dax_crash_choice *choice)
{
	uint32_t nr = collect_fresh(c);
	uint64_t take = nr < DAX_CRASH_LINES ? nr : DAX_CRASH_LINES;
	enum dax_crash_kind kind;
	uint64_t i;

	c->nr_states = 0;
	if (choice->kinds[DAX_CRASH_NONE])
		choose(c, DAX_CRASH_NONE, 0);
	if (choice->kinds[DAX_CRASH_ALL])
		choose(c, DAX_CRASH_ALL, 0);
	for (kind = DAX_CRASH_ONLY; kind <= DAX_CRASH_BUT; kind++)
		for (i = 0; choice->kinds[kind] && i < take; i++)
			choose(c, kind,
			       (uint64_t)c->fresh[i * nr / take] * DAX_CRASH_LINE);
	for (i = 0; choice->kinds[DAX_CRASH_RAND] && i < choice->nr_rand; i++)
		choose(c, DAX_CRASH_RAND, i + 1);
}

/* True if a line in doubt survives. A coin depends on nothing but what it is for. */
static bool survives(const struct dax_crash *c, const struct dax_crash_choice *choice,
		     const struct dax_crash_state *state,
		     const struct dax_crash_line *line)
{
	switch (state->kind) {
	case DAX_CRASH_ALL:
		return true;
	case DAX_CRASH_ONLY:
		return line->off == state->arg;
	case DAX_CRASH_BUT:
		return line->off != state->arg;
	case DAX_CRASH_RAND:
		return mix(mix(mix(choice->seed ^ c->fence) ^ state->arg) ^ line->off) &
		       1;
	case DAX_CRASH_NONE:
	case DAX_CRASH_KINDS:
		break;
	}
	return false;
}

/**
 * dax_crash_content() - look up a line of a state
 * @c:		the moment
 * @choice:	gives the seed
 * @state:	the state
 * @line:	the line's number, below nr_lines
 *
 * Return: its DAX_CRASH_LINE bytes.
 */
const uint8_t *dax_crash_content(const struct dax_crash *c,
				 const struct dax_crash_choice *choice,
				 const struct dax_crash_state *state, uint32_t line)
{
	const struct dax_crash_line *l = &c->lines[line];

	return l->doubt && survives(c, choice, state, l) ? l->live : l->media;
}

static void insert_key(uint64_t (*known)[2], size_t room, const uint64_t key[2])
{
	size_t i = (size_t)key[0] & (room - 1);

	while (known[i][0] | known[i][1])
		i = (i + 1) & (room - 1);
	memcpy(known[i], key, sizeof(known[i]));
}

static bool has_key(const struct dax_crash *c, const uint64_t key[2])
{
	size_t i;

	if (!c->known_room)
		return false;
	for (i = (size_t)key[0] & (c->known_room - 1); c->known[i][0] | c->known[i][1];
	     i = (i + 1) & (c->known_room - 1))
		if (!memcmp(c->known[i], key, sizeof(c->known[i])))
			return true;
	return false;
}

/**
 * dax_crash_is_new() - tell whether a state differs from all before, and remember it
 * @c:		the moment
 * @choice:	gives the seed
 * @state:	the state
 *
 * Two states are equal if the device's content is, and what the program had said.
 *
 * Return: 1: it is new; 0: an equal one was there; -ENOMEM.
 */
int dax_crash_is_new(struct dax_crash *c, const struct dax_crash_choice *choice,
		     const struct dax_crash_state *state)
{
	uint64_t key[2] = {c->media_key[0], c->media_key[1]};
	size_t i;

	for (i = 0; i < c->nr_doubt; i++) {
		const struct dax_crash_line *line = &c->lines[c->doubt[i]];

		if (!survives(c, choice, state, line))
			continue;
		toggle(c, key, line->off, line->media);
		toggle(c, key, line->off, line->live);
	}
	key[0] ^= mix(c->said);
	key[1] ^= mix(~c->said);
	if (has_key(c, key))
		return 0;
	if (c->nr_known * 2 >= c->known_room) {
		size_t room = c->known_room ? c->known_room * 2 : 256;
		uint64_t(*more)[2] = calloc(room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		for (i = 0; i < c->known_room; i++)
			if (c->known[i][0] | c->known[i][1])
				insert_key(more, room, c->known[i]);
		free(c->known);
		c->known = more;
		c->known_room = room;
	}
	insert_key(c->known, c->known_room, key);
	c->nr_known++;
	return 1;
}

/* Find who flushed or fenced first from a place in the log on. */
static uint16_t next_caller(const struct dax_crash *c, uint64_t pos)
{
	while (pos < c->len) {
		const struct dax_crash_record *r = record_at(c, pos);

		if (r->event == DAX_CRASH_FLUSH || r->event == DAX_CRASH_FENCE)
			return r->caller;
		pos += record_len(r);
	}
	return 0;
}

/**
 * dax_crash_caller() - find out where a caller is
 * @c:		the moment, for which dax_crash_next() has returned 0
 * @caller:	its number; not 0
 * @ret_addr:	receives the address, as its file has it
 *
 * Return: the file's path, in the log.
 */
const char *dax_crash_caller(const struct dax_crash *c, uint16_t caller,
			     uint64_t *ret_addr)
{
	const struct dax_crash_record *r = c->callers[caller];

	*ret_addr = r->off;
	return (const char *)(r + 1);
}

/**
 * dax_crash_left() - find the lines that are in doubt at the end of the run
 * @c:		the moment, for which dax_crash_next() has returned 0
 * @ret_unflushed: receives the lines that were not flushed after the last store to them,
 *		and who flushed or fenced next
 * @ret_unfenced: receives the lines that were, but without a fence after it, and who
 *		flushed them
 */
void dax_crash_left(const struct dax_crash *c, struct dax_crash_lines *ret_unflushed,
		    struct dax_crash_lines *ret_unfenced)
{
	uint32_t i;

	memset(ret_unflushed, 0, sizeof(*ret_unflushed));
	memset(ret_unfenced, 0, sizeof(*ret_unfenced));
	for (i = 0; i < c->nr_lines; i++) {
		const struct dax_crash_line *line = &c->lines[i];

		if (!line->doubt)
			continue;
		if (line->flushed == line->version)
			note(ret_unfenced, line->off, line->caller);
		else
			note(ret_unflushed, line->off, next_caller(c, line->pos));
	}
}
