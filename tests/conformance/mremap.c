// SPDX-License-Identifier: BSD-2-Clause
/* mremap.*: growing, shrinking, moving, duplicating. */
#include "tests/conformance/call.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/*
 * Map two units at a known place, with room for four behind; most cases begin so. Moving
 * a touched mapping is undefined at 1G (the kernel loses such entries and leaves them in
 * the TLB), so the mapping is not touched there.
 */
static char *begin(bool touched)
{
	char *w = map_units(2);
	char *at = area(6 * A);

	put(w, 0x91);
	put(w + A, 0x92);
	munmap(at, 6 * A);
	map_at(at, dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, 0);
	if (touched) {
		skip_at_1g();
		get(at);
		get(at + A);
	}
	return at;
}

static void say_two(const char *p)
{
	label("0"), say_load(p);
	label("1A"), say_load(p + A);
}

static bool is_aligned(const void *p)
{
	return ((uintptr_t)p & (A - 1)) == 0;
}

struct resize {
	const char *name;
	int units;
	long pages;
	long bytes;
};

static const struct resize resize[] = {
	{"to_three", 3, 0, 0},      {"to_four", 4, 0, 0},
	{"to_same", 2, 0, 0},       {"to_one", 1, 0, 0},
	{"to_less_page", 2, -1, 0}, {"to_less_byte", 2, 0, -1},
	{"to_plus_page", 2, 1, 0},  {"to_plus_byte", 2, 0, 1},
	{"to_page", 0, 1, 0},       {"to_byte", 0, 0, 1},
	{"to_nothing", 0, 0, 0},    {"to_one_plus_page", 1, 1, 0},
};

static void in_place_case(const long *arg)
{
	const struct resize *r = &resize[arg[0]];
	char *at = begin(arg[1]);
	char *p = c_mremap(at, 2 * A, r->units * A + r->pages * P + r->bytes, 0, NULL);

	if (p == MAP_FAILED)
		say_map(p);
	else
		say(p == at ? "in-place" : "moved");
	say_layout(at, 5 * A);
	say_two(at);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(resize); i++) {
		case_make(in_place_case, ARGS(i, 0), "mremap.in_place.untouched.%s",
			  resize[i].name);
		case_make(in_place_case, ARGS(i, 1), "mremap.in_place.touched.%s",
			  resize[i].name);
	}
}

CASE("mremap.in_place.no_room")
{
	char *at = begin(false);

	mmap(at + 2 * A, P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say_map(c_mremap(at, 2 * A, 3 * A, 0, NULL));
	say_map(c_mremap(at, 2 * A, 2 * A + P, 0, NULL));
	say_layout(at, 3 * A);
}

CASE("mremap.in_place.beyond_the_device")
{
	char *at = area(4 * A);
	char *p;

	munmap(at, 4 * A);
	map_at(at, dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, S - A);
	p = c_mremap(at, A, 3 * A, 0, NULL);
	say_map(p);
	label("0"), say_store(at, 1);
	label("1A"), say_load(at + A);
	say_layout(at, 4 * A);
}

/*
 * Growing by a page leaves the end off the align: new accesses fail until it is cut off.
 */
CASE("mremap.odd_end.repaired_by_munmap")
{
	char *at = begin(false);

	must(c_mremap(at, 2 * A, 2 * A + P, 0, NULL) == at);
	say_two(at);
	say_ok(c_munmap(at + 2 * A, P));
	say_two(at);
	say_layout(at, 3 * A);
}

CASE("mremap.odd_end.repaired_by_growing")
{
	char *at = begin(false);

	must(c_mremap(at, 2 * A, 2 * A + P, 0, NULL) == at);
	say_map(c_mremap(at, 2 * A + P, 3 * A, 0, NULL));
	say_two(at);
	say_layout(at, 3 * A);
}

CASE("mremap.odd_end.dontneed_loses_touched")
{
	char *at = begin(true);

	must(c_mremap(at, 2 * A, 2 * A + P, 0, NULL) == at);
	say_two(at);
	say_ok(c_madvise(at, A, MADV_DONTNEED));
	say_two(at);
	say_ok(c_munmap(at + 2 * A, P));
	say_two(at);
}

CASE("mremap.odd_end.calls")
{
	char *at = begin(false);

	must(c_mremap(at, 2 * A, 2 * A + P, 0, NULL) == at);
	label("mprotect"), say_ok(c_mprotect(at, 2 * A + P, PROT_READ));
	label("mprotect-tail"), say_ok(c_mprotect(at + 2 * A, P, PROT_NONE));
	label("msync"), say_ok(c_msync(at, 2 * A + P, MS_SYNC));
	label("munmap-head"), say_ok(c_munmap(at, A));
	label("munmap-page"), say_ok(c_munmap(at + A, P));
	label("munmap-all"), say_ok(c_munmap(at + A, A + P));
	say_layout(at, 3 * A);
}

static void move_case(const long *arg)
{
	const struct resize *r = &resize[arg[0]];
	size_t len = r->units * A + r->pages * P + r->bytes;
	char *at = begin(false);
	char *p;

	/* no room to grow: it must move */
	mmap(at + 2 * A, P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	p = c_mremap(at, 2 * A, len, MREMAP_MAYMOVE, NULL);
	if (p == MAP_FAILED) {
		say_map(p);
		say_two(at);
		return;
	}
	say(p == at ? "stayed" : is_aligned(p) ? "moved aligned" : "moved");
	label("old"), say_layout(at, 2 * A);
	label("new"), say_layout(p, len);
	label("0"), say_load(p);
	if (len > A)
		label("1A"), say_load(p + A);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(resize); i++)
		case_make(move_case, ARGS(i), "mremap.maymove.%s", resize[i].name);
}

CASE("mremap.maymove.touched_keeps_data")
{
	char *at = begin(true);
	char *p;

	mmap(at + 2 * A, P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	p = c_mremap(at, 2 * A, 4 * A, MREMAP_MAYMOVE, NULL);
	say_map(p);
	say_two(p);
	say_load(at);
}

/* MREMAP_FIXED: the target, in units and pages of a second area. */
static void fixed_case(const long *arg)
{
	char *at = begin(arg[3]);
	char *room = area(5 * A);
	char *p = c_mremap(at, 2 * A, arg[2] * A, MREMAP_MAYMOVE | MREMAP_FIXED,
			   room + A + arg[0] * (off_t)P + arg[1]);

	say_map(p);
	label("old"), say_layout(at, 2 * A);
	label("new"), say_layout(room, 5 * A);
	if (p != MAP_FAILED)
		say_two(p);
}

MATRIX
{
	case_make(fixed_case, ARGS(0, 0, 2), "mremap.fixed.aligned");
	case_make(fixed_case, ARGS(0, 0, 2, 1), "mremap.fixed.aligned_touched");
	case_make(fixed_case, ARGS(1, 0, 2), "mremap.fixed.plus_page");
	case_make(fixed_case, ARGS(1, 0, 2, 1), "mremap.fixed.plus_page_touched");
	case_make(fixed_case, ARGS(0, 1, 2), "mremap.fixed.odd_address");
	case_make(fixed_case, ARGS(0, 0, 3), "mremap.fixed.growing");
}

CASE("mremap.fixed.shrinking")
{
	char *at = begin(false);
	char *room = area(3 * A);

	say_map(c_mremap(at, 2 * A, A, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	label("old"), say_layout(at, 2 * A);
	label("new"), say_layout(room, 3 * A);
	label("0"), say_load(room);
}

CASE("mremap.fixed.overlap")
{
	char *at = begin(false);

	say_map(c_mremap(at, 2 * A, 2 * A, MREMAP_MAYMOVE | MREMAP_FIXED, at + A));
	say_map(c_mremap(at, A, A, MREMAP_MAYMOVE | MREMAP_FIXED, at));
	say_layout(at, 3 * A);
}

CASE("mremap.fixed.without_maymove")
{
	char *at = begin(false);

	say_map(c_mremap(at, 2 * A, 2 * A, MREMAP_FIXED, area(2 * A)));
	say_layout(at, 2 * A);
}

static void part_case(const long *arg)
{
	char *at = begin(false);
	char *room = area(3 * A);
	char *p = c_mremap(at + arg[0] * (off_t)A + arg[1] * (off_t)P,
			   arg[2] * (off_t)A + arg[3] * (off_t)P,
			   arg[2] * (off_t)A + arg[3] * (off_t)P,
			   MREMAP_MAYMOVE | MREMAP_FIXED, room);

	say_map(p);
	label("old"), say_layout(at, 2 * A);
	label("new"), say_layout(room, 3 * A);
	if (p != MAP_FAILED)
		label("0"), say_load(p);
}

MATRIX
{
	case_make(part_case, ARGS(0, 0, 1, 0), "mremap.part.head");
	case_make(part_case, ARGS(1, 0, 1, 0), "mremap.part.tail");
	case_make(part_case, ARGS(0, 0, 0, 1), "mremap.part.first_page");
	case_make(part_case, ARGS(1, 0, 0, 1), "mremap.part.page_at_unit");
	case_make(part_case, ARGS(2, -1, 0, 1), "mremap.part.last_page");
	case_make(part_case, ARGS(0, 1, 1, 0), "mremap.part.unit_off_by_page");
	case_make(part_case, ARGS(0, 0, 3, 0), "mremap.part.longer_than_mapping");
}

static void grow_part_case(const long *arg)
{
	char *at = begin(false);
	char *p = c_mremap(at + arg[0] * A, A, 2 * A, arg[1], NULL);

	if (p == MAP_FAILED)
		say_map(p);
	else
		say(p == at + arg[0] * A ? "in-place"
		    : is_aligned(p)      ? "moved aligned"
					 : "moved");
	say_layout(at, 2 * A);
	if (p != MAP_FAILED)
		label("new"), say_layout(p, 2 * A);
}

MATRIX
{
	case_make(grow_part_case, ARGS(0, 0), "mremap.part.grow_head");
	case_make(grow_part_case, ARGS(1, 0), "mremap.part.grow_tail");
	case_make(grow_part_case, ARGS(0, MREMAP_MAYMOVE),
		  "mremap.part.grow_head_maymove");
}

CASE("mremap.part.shrink_head")
{
	char *at = begin(false);

	say_map(c_mremap(at, A, P, 0, NULL));
	say_layout(at, 2 * A);
	say_map(c_mremap(at, A, A / 2, MREMAP_MAYMOVE, NULL));
	say_layout(at, 2 * A);
}

/* old_size 0 makes a second mapping of the same part of the device. */

static void duplicate_case(const long *arg)
{
	char *at = begin(false);
	char *p = c_mremap(at + arg[0] * (off_t)P, 0, arg[1] * A + arg[2] * P, arg[3],
			   NULL);

	if (p == MAP_FAILED) {
		say_map(p);
	} else {
		/* where a page goes is chance */
		if (arg[1])
			say(is_aligned(p) ? "aligned" : "unaligned");
		say_layout(p, arg[1] * A + arg[2] * P);
		label("copy"), say_load(p);
	}
	label("0"), say_load(at);
}

MATRIX
{
	case_make(duplicate_case, ARGS(0, 1, 0, MREMAP_MAYMOVE), "mremap.duplicate.unit");
	case_make(duplicate_case, ARGS(0, 2, 0, MREMAP_MAYMOVE),
		  "mremap.duplicate.whole");
	case_make(duplicate_case, ARGS(0, 3, 0, MREMAP_MAYMOVE),
		  "mremap.duplicate.longer");
	case_make(duplicate_case, ARGS(0, 0, 1, MREMAP_MAYMOVE), "mremap.duplicate.page");
	case_make(duplicate_case, ARGS(0, 1, 0, 0), "mremap.duplicate.without_maymove");
}

CASE("mremap.duplicate.shares_memory")
{
	char *at = begin(false);
	char *p = c_mremap(at, 0, A, MREMAP_MAYMOVE, NULL);

	must(p != MAP_FAILED);
	put(p, 0x93);
	say_load(at);
	say_ok(c_munmap(p, A));
	say_load(at);
}

CASE("mremap.duplicate.to_fixed")
{
	char *at = begin(false);
	char *room = area(2 * A);

	say_map(c_mremap(at + A, 0, A, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	say_layout(room, 2 * A);
	say_load(room);
}

CASE("mremap.dontunmap.keeps_both")
{
	char *at = begin(false);
	char *p = c_mremap(at, 2 * A, 2 * A, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	say_map(p);
	if (p == MAP_FAILED)
		return;
	say(is_aligned(p) ? "aligned" : "unaligned");
	say_two(p);
	say_two(at);
	put(p, 0x94);
	say_load(at);
}

CASE("mremap.dontunmap.touched")
{
	char *at = begin(true);
	char *p = c_mremap(at, 2 * A, 2 * A, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	say_map(p);
	if (p == MAP_FAILED)
		return;
	say_two(p);
	say_two(at);
}

CASE("mremap.dontunmap.fixed")
{
	char *at = begin(false);
	char *room = area(2 * A);

	say_map(c_mremap(at, 2 * A, 2 * A,
			 MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, room));
	say_layout(room, 2 * A);
	say_layout(at, 2 * A);
}

CASE("mremap.dontunmap.bad")
{
	char *at = begin(false);

	label("resize"), say_map(c_mremap(at, 2 * A, 3 * A,
					  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	label("alone"), say_map(c_mremap(at, 2 * A, 2 * A, MREMAP_DONTUNMAP, NULL));
	label("part"),
		say_map(c_mremap(at, A, A, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	say_layout(at, 2 * A);
}

CASE("mremap.bad_arguments")
{
	char *at = begin(false);

	label("odd"), say_map(c_mremap(at + 1, A, A, MREMAP_MAYMOVE, NULL));
	label("flags"), say_map(c_mremap(at, A, A, 0x100, NULL));
	label("nothing-there"), say_map(c_mremap(at + 3 * A, A, A, MREMAP_MAYMOVE, NULL));
	label("huge"), say_map(c_mremap(at, 2 * A, 1UL << 62, MREMAP_MAYMOVE, NULL));
	label("wrap"), say_map(c_mremap(at, 2 * A, -1UL, MREMAP_MAYMOVE, NULL));
	label("zero-zero"), say_map(c_mremap(at, 0, 0, MREMAP_MAYMOVE, NULL));
	say_layout(at, 2 * A);
}
