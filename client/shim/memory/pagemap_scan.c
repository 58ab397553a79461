/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answer PAGEMAP_SCAN, an ioctl on /proc/self/pagemap, about this process's own mappings.
 *
 * The kernel checks the arguments and scans what is no dax mapping; in these the shim looks
 * which units were touched. Both add what they find to one list of regions.
 */
#include "client/shim/memory/pagemap_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "libcore/pagemap_scan.h"
#include "libcore/size.h"

#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/pagemap_show.h"
#include "client/shim/memory/piece.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/session.h"

/* Regions that the kernel reports at once. */
#define NR_REGIONS 64

struct scanning {
	int fd;      /* the program's */
	int pagemap; /* the shim's */
	struct dax_scan_state state;
	uint64_t at; /* where it has come to */
};

/* Adds a range. Return: 0, -EFAULT, or 1 if the scan stops. */
static int add(struct scanning *s, uint64_t end, uint64_t categories)
{
	struct dax_scan_state *state = &s->state;
	const struct dax_scan_region *vec =
		(const struct dax_scan_region *)(uintptr_t)state->arg->vec;
	const uint64_t pages = state->pages;

	s->at = dax_scan_add(state, s->at, end, categories);
	if (state->pages != pages && shim_poke((void *)(uintptr_t)(vec + state->nr - 1),
					       &state->last, sizeof(*vec)) < 0)
		return -EFAULT;
	return s->at < end;
}

/* Scans a piece of a dax mapping, likewise. */
static int scan_units(struct scanning *s, const struct shim_piece *piece)
{
	const enum dax_kernel kernel = shim_session_kernel();
	const uint64_t align = piece->vma.align;
	int r = 0;

	while (s->at < piece->end && r == 0) {
		const uint64_t unit = dax_round_down(s->at, align);

		r = add(s, dax_min(unit + align, piece->end),
			dax_scan_categories(kernel, align,
					    shim_pagemap_unit(s->pagemap, unit, align)));
	}
	return r;
}

/* Lets the kernel scan a piece without dax mappings, likewise, or another negative errno. */
static int scan_others(struct scanning *s, const struct shim_piece *piece)
{
	struct dax_scan_region found[NR_REGIONS];
	struct dax_scan arg = *s->state.arg;
	int r = 0;

	arg.size = sizeof(arg);
	arg.vec = (uintptr_t)found;
	arg.vec_len = NR_REGIONS;
	arg.max_pages = 0;
	arg.returned = DAX_SCAN_ALL;
	arg.end = piece->end;
	while (s->at < piece->end && r == 0) {
		long n;
		long i;

		arg.start = s->at;
		n = sys3(ioctl, s->fd, DAX_PAGEMAP_SCAN, &arg);
		if (n < 0)
			return (int)n;
		for (i = 0; i < n && r == 0; i++) {
			s->at = found[i].start;
			r = add(s, found[i].end, found[i].categories);
		}
		if (r == 0)
			s->at = arg.walk_end;
	}
	return r;
}

/* Scans the range. Return: 0 or a negative errno. */
static int scan_locked(struct scanning *s)
{
	const uint64_t end = s->state.arg->end;
	int r = 0;

	while (s->at < end && r == 0) {
		const struct shim_piece piece = shim_piece_at_locked(s->at, end);

		r = shim_piece_is_ours(&piece) ? scan_units(s, &piece)
					       : scan_others(s, &piece);
	}
	return r < 0 ? r : 0;
}

/**
 * shim_pagemap_scan() - do what ioctl(PAGEMAP_SCAN) does
 * @fd:		any descriptor
 * @arg:	the program's argument, a pointer that may be bad
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: the number of regions, a negative errno, or -EXDEV if the kernel must answer alone.
 */
long shim_pagemap_scan(int fd, void *arg)
{
	struct dax_scan *theirs = arg;
	struct scanning s = {.fd = fd};
	struct dax_scan asked;
	struct dax_scan none;
	uint64_t mask;
	long r;

	if (shim_peek(&asked, arg, sizeof(asked)) < 0 || asked.flags ||
	    asked.end <= asked.start ||
	    !shim_maps_overlap(asked.start, asked.end - asked.start) ||
	    !shim_pagemap_show_is_own(fd))
		return -EXDEV;
	asked.end = dax_round_up(asked.end, DAX_PAGE);
	none = asked;
	none.end = none.start;
	r = sys3(ioctl, fd, DAX_PAGEMAP_SCAN, &none);
	s.pagemap = shim_pagemap_open();
	if (r == 0 && s.pagemap < 0)
		r = s.pagemap;
	s.state.arg = &asked;
	s.at = asked.start;
	if (r == 0 && shim_lock_masked(&mask)) {
		r = scan_locked(&s);
		shim_unlock_masked(mask);
	}
	if (s.pagemap >= 0)
		sys1(close, s.pagemap);
	if (r == 0)
		r = shim_poke(&theirs->walk_end, &s.at, sizeof(s.at));
	return r < 0 ? r : (long)s.state.nr;
}
