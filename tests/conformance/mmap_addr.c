// SPDX-License-Identifier: BSD-2-Clause
/* addr.*: addresses of mappings: alignment, hints, MAP_FIXED, neighbours. */
#include <sys/personality.h>

#include "tests/conformance/call.h"

static bool is_aligned(const void *p)
{
	return ((uintptr_t)p & (A - 1)) == 0;
}

static void choice_case(const long *arg)
{
	size_t len = arg[0] * A;
	char *p = map(dev_open(O_RDWR), len, PROT_READ | PROT_WRITE, arg[1] * A);

	say(is_aligned(p) ? "aligned" : "unaligned");
	say_units("", len);
}

MATRIX
{
	case_make(choice_case, ARGS(1, 0), "addr.choice.one_unit");
	case_make(choice_case, ARGS(2, 0), "addr.choice.two_units");
	case_make(choice_case, ARGS(7, 0), "addr.choice.seven_units");
	case_make(choice_case, ARGS(1, 1), "addr.choice.offset");
	case_make(choice_case, ARGS(2, 1000), "addr.choice.offset_beyond_end");
}

CASE("addr.choice.many")
{
	int fd = dev_open(O_RDONLY);
	int i, aligned = 0;

	for (i = 0; i < 20; i++) {
		mmap(NULL, P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		aligned += is_aligned(map(fd, A, PROT_READ, 0));
	}
	say("%d", aligned);
}

CASE("addr.choice.32bit")
{
#ifdef MAP_32BIT
	char *p =
		c_mmap(NULL, A, PROT_READ, MAP_SHARED | MAP_32BIT, dev_open(O_RDONLY), 0);

	say_map(p);
	if (p != MAP_FAILED)
		say("low=%d aligned=%d", (uintptr_t)p < 1UL << 31, is_aligned(p));
#else
	skip("x86-64 only");
#endif
}

CASE("addr.choice.offset_of_half_unit")
{
	if (A == P)
		skip("not with pages as units");
	say_ok(try_map(dev_open(O_RDONLY), 2 * A, PROT_READ, MAP_SHARED, A / 2));
}

enum {
	FREE,
	TAKEN
};

/* A hint in a range that is free, or taken by another mapping. */
static void hint_case(const long *arg)
{
	char *at = area(3 * A);
	char *hint = at + arg[1] * P + arg[2];
	char *p;

	if (arg[0] == FREE)
		munmap(at, 3 * A);
	p = c_mmap(hint, A, PROT_READ, MAP_SHARED, dev_open(O_RDONLY), arg[3] * A);
	if (p == MAP_FAILED)
		say_map(p);
	else if (p >= at && p < at + 3 * A)
		say_units("hint+", p - at);
	else
		say(is_aligned(p) ? "elsewhere aligned" : "elsewhere");
}

MATRIX
{
	case_make(hint_case, ARGS(FREE, 0, 0), "addr.hint.free.aligned");
	case_make(hint_case, ARGS(FREE, 0, 1), "addr.hint.free.aligned_low_bits");
	case_make(hint_case, ARGS(FREE, 0, 4095), "addr.hint.free.aligned_all_low_bits");
	case_make(hint_case, ARGS(FREE, 1, 0), "addr.hint.free.plus_page");
	case_make(hint_case, ARGS(FREE, 1, 17), "addr.hint.free.plus_page_low_bits");
	case_make(hint_case, ARGS(FREE, 0, 0, 1), "addr.hint.free.other_offset");
}

/*
 * With a taken hint the kernel falls back to the ordinary search, whose result is aligned
 * only by chance. All that can be checked is that no other mapping is replaced.
 */
CASE("addr.hint.taken_is_not_replaced")
{
	char *at = area(A);
	char *p = c_mmap(at, A, PROT_READ, MAP_SHARED, dev_open(O_RDONLY), 0);

	say("%s", p == at ? "replaced" : "kept");
	say_layout(at, A);
}

CASE("addr.hint.low_addresses")
{
	static const uintptr_t hint[] = {1, 8, 4095};
	size_t i;

	/* rounded down to page 0: the same as no hint */
	for (i = 0; i < COUNT(hint); i++) {
		char *p = c_mmap(bad_pointer(hint[i]), A, PROT_READ, MAP_SHARED,
				 dev_open(O_RDONLY), 0);

		if (p == MAP_FAILED)
			say_map(p);
		else
			say(is_aligned(p) ? "aligned" : "unaligned");
	}
}

CASE("addr.hint.in_use_by_device")
{
	int fd = dev_open(O_RDWR);
	char *at = map_at(area(A), fd, A, PROT_READ | PROT_WRITE, 0);
	char *p = c_mmap(at, A, PROT_READ, MAP_SHARED, fd, A);

	put(at, 0x61);
	say("%s", p == at ? "replaced" : "kept");
	say_load(at);
}

static void fixed_case(const long *arg)
{
	char *at = area(4 * A);
	char *p = c_mmap(at + arg[0] * (off_t)A + arg[1] * (off_t)P + arg[2],
			 A + arg[3] * (off_t)P, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, dev_open(O_RDWR), 0);

	say_map(p);
	say_layout(at, 4 * A);
}

MATRIX
{
	case_make(fixed_case, ARGS(0, 0), "addr.fixed.aligned");
	case_make(fixed_case, ARGS(1, 0), "addr.fixed.second_unit");
	case_make(fixed_case, ARGS(0, 1), "addr.fixed.plus_page");
	case_make(fixed_case, ARGS(1, -1), "addr.fixed.minus_page");
	case_make(fixed_case, ARGS(0, 0, 1), "addr.fixed.low_bits");
	case_make(fixed_case, ARGS(0, 0, 0, 1), "addr.fixed.length_plus_page");
	case_make(fixed_case, ARGS(0, 0, 0, -1), "addr.fixed.length_minus_page");
	case_make(fixed_case, ARGS(0, 1, 0, -1), "addr.fixed.both_off");
}

/* The driver refuses only after the old mappings are removed. */
static void fixed_fails_case(const long *arg)
{
	char *at = area(4 * A);
	char *old = mmap(at + A, A + P, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	int fd = dev_open(arg[1] & PROT_WRITE ? O_RDONLY : O_RDWR);
	char *p;

	put(map_units(1), 3);
	put(old, 1);
	put(old + A, 2);
	p = c_mmap(at + arg[2] * (off_t)P + A, A, arg[1], arg[0] | MAP_FIXED, fd, arg[3]);
	say_map(p);
	label("first"), say_load(old);
	label("last"), say_load(old + A);
	say_layout(at, 4 * A);
}

MATRIX
{
	case_make(fixed_fails_case, ARGS(MAP_SHARED, PROT_READ, 1, 0),
		  "addr.fixed_fails.plus_page");
	case_make(fixed_fails_case, ARGS(MAP_PRIVATE, PROT_READ, 0, 0),
		  "addr.fixed_fails.private");
	case_make(fixed_fails_case, ARGS(MAP_SHARED, PROT_READ, 0, 1),
		  "addr.fixed_fails.offset1");
	case_make(fixed_fails_case, ARGS(MAP_SHARED, PROT_WRITE, 0, 0),
		  "addr.fixed_fails.access");
	case_make(fixed_fails_case, ARGS(0, PROT_READ, 0, 0), "addr.fixed_fails.type0");
	case_make(fixed_fails_case, ARGS(MAP_SHARED | MAP_HUGETLB, PROT_READ, 0, 0),
		  "addr.fixed_fails.hugetlb");
	case_make(fixed_fails_case, ARGS(MAP_SHARED | MAP_GROWSDOWN, PROT_READ, 0, 0),
		  "addr.fixed_fails.growsdown");
}

CASE("addr.fixed.odd_length_takes_old_away")
{
	char *at = area(3 * A);
	char *old = mmap(at, 2 * A, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	char *p;

	put(map_units(1), 3);
	put(old, 1);
	p = c_mmap(at, A + P, PROT_READ, MAP_SHARED | MAP_FIXED, dev_open(O_RDWR), 0);
	say_map(p);
	say_load(at);
	say_layout(at, 3 * A);
}

CASE("addr.fixed.null")
{
	char *p =
		c_mmap(NULL, A, PROT_READ, MAP_SHARED | MAP_FIXED, dev_open(O_RDONLY), 0);

	if (t.root)
		skip("root may");
	say_map(p);
}

CASE("addr.fixed.end_of_address_space")
{
	/* the end depends on the machine's page tables, but is below this address */
	say_map(c_mmap(bad_pointer(1UL << 57), A, PROT_READ, MAP_SHARED | MAP_FIXED,
		       dev_open(O_RDONLY), 0));
	say_map(c_mmap(bad_pointer(1UL << 63), A, PROT_READ, MAP_SHARED | MAP_FIXED,
		       dev_open(O_RDONLY), 0));
	say_map(c_mmap(bad_pointer(-A), A, PROT_READ, MAP_SHARED | MAP_FIXED,
		       dev_open(O_RDONLY), 0));
}

static void noreplace_case(const long *arg)
{
	char *at = area(3 * A);
	char *p;

	munmap(at, 3 * A);
	if (arg[0] == TAKEN)
		mmap(at + A, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
	p = c_mmap(at + arg[1] * (off_t)A + arg[2] * (off_t)P, A, PROT_READ,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, dev_open(O_RDONLY), 0);
	say_map(p);
	say_layout(at, 3 * A);
}

MATRIX
{
	case_make(noreplace_case, ARGS(FREE, 1, 0), "addr.noreplace.free.aligned");
	case_make(noreplace_case, ARGS(FREE, 1, 1), "addr.noreplace.free.plus_page");
	case_make(noreplace_case, ARGS(TAKEN, 1, 0), "addr.noreplace.taken.aligned");
	case_make(noreplace_case, ARGS(TAKEN, 0, 1), "addr.noreplace.taken.overlap");
	case_make(noreplace_case, ARGS(TAKEN, 0, 0), "addr.noreplace.taken.before");
	case_make(noreplace_case, ARGS(TAKEN, 2, 0), "addr.noreplace.taken.after");
}

CASE("addr.over.itself")
{
	int fd = dev_open(O_RDWR);
	char *at = map_at(area(2 * A), fd, 2 * A, PROT_READ | PROT_WRITE, 0);

	put(at, 0x62);
	put(at + A, 0x63);
	map_at(at, fd, A, PROT_READ | PROT_WRITE, A);
	say_load(at);
	say_load(at + A);
	say_layout(at, 2 * A);
}

CASE("addr.over.half_of_it")
{
	int fd = dev_open(O_RDWR);
	char *at = map_at(area(4 * A), fd, 3 * A, PROT_READ | PROT_WRITE, 0);

	map_at(at + A, fd, A, PROT_READ, 0);
	say_layout(at, 4 * A);
}

/* Another mapping over a part: the old one can only be cut at units. */
static void over_case(const long *arg)
{
	char *at =
		map_at(area(4 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);
	char *p;

	put(at, 0x64);
	put(at + A, 0x65);
	p = c_mmap(at + arg[0] * (off_t)A + arg[1] * (off_t)P,
		   arg[2] * (off_t)A + arg[3] * (off_t)P, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say_map(p);
	label("0"), say_load(at);
	label("1A"), say_load(at + A);
	say_layout(at, 4 * A);
}

MATRIX
{
	case_make(over_case, ARGS(0, 0, 1, 0), "addr.over.anonymous.head");
	case_make(over_case, ARGS(1, 0, 1, 0), "addr.over.anonymous.middle");
	case_make(over_case, ARGS(2, 0, 1, 0), "addr.over.anonymous.tail");
	case_make(over_case, ARGS(0, 0, 3, 0), "addr.over.anonymous.all");
	case_make(over_case, ARGS(0, 0, 0, 1), "addr.over.anonymous.first_page");
	case_make(over_case, ARGS(1, 0, 0, 1), "addr.over.anonymous.page_at_unit");
	case_make(over_case, ARGS(1, -1, 0, 1), "addr.over.anonymous.page_before_unit");
	case_make(over_case, ARGS(3, -1, 0, 1), "addr.over.anonymous.last_page");
	case_make(over_case, ARGS(1, 1, 1, 0), "addr.over.anonymous.unit_off_by_page");
	case_make(over_case, ARGS(3, -1, 0, 2), "addr.over.anonymous.across_end");
	case_make(over_case, ARGS(0, 0, 3, 1), "addr.over.anonymous.longer");
}

CASE("addr.over.memfd")
{
	char *at = map_at(area(2 * A), dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);
	int m = memfd();

	must(ftruncate(m, P) == 0);
	say_map(c_mmap(at, P, PROT_READ, MAP_PRIVATE | MAP_FIXED, m, 0));
	say_layout(at, A);
}

static void neighbour_case(const long *arg)
{
	int fd = dev_open(O_RDWR);
	int other = arg[0] ? dev_open(O_RDWR) : fd;
	char *at = area(3 * A);

	map_at(at, fd, A, PROT_READ | PROT_WRITE, 0);
	map_at(at + A, other, A, arg[2] ? PROT_READ : PROT_READ | PROT_WRITE, arg[1] * A);
	say_layout(at, 3 * A);
}

MATRIX
{
	case_make(neighbour_case, ARGS(0, 1, 0), "addr.neighbour.same_fd_merges");
	case_make(neighbour_case, ARGS(0, 0, 0), "addr.neighbour.same_fd_other_offset");
	case_make(neighbour_case, ARGS(0, 1, 1), "addr.neighbour.same_fd_other_prot");
	case_make(neighbour_case, ARGS(1, 1, 0), "addr.neighbour.other_open");
}

CASE("addr.neighbour.dup_merges")
{
	int fd = dev_open(O_RDWR);
	char *at = area(3 * A);

	map_at(at, fd, A, PROT_READ | PROT_WRITE, 0);
	map_at(at + A, c_dup(fd), A, PROT_READ | PROT_WRITE, A);
	say_layout(at, 3 * A);
}

CASE("addr.neighbour.below_merges")
{
	int fd = dev_open(O_RDWR);
	char *at = area(3 * A);

	map_at(at + A, fd, A, PROT_READ | PROT_WRITE, A);
	map_at(at, fd, A, PROT_READ | PROT_WRITE, 0);
	say_layout(at, 3 * A);
}

CASE("addr.neighbour.gap_filled")
{
	int fd = dev_open(O_RDWR);
	char *at = area(4 * A);

	map_at(at, fd, A, PROT_READ | PROT_WRITE, 0);
	map_at(at + 2 * A, fd, A, PROT_READ | PROT_WRITE, 2 * A);
	map_at(at + A, fd, A, PROT_READ | PROT_WRITE, A);
	say_layout(at, 4 * A);
}

CASE("addr.alias.two_mappings_one_memory")
{
	int fd = dev_open(O_RDWR);
	char *a = map(fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	char *b = map(fd, A, PROT_READ | PROT_WRITE, A);

	fill(a + A, 4096, 8);
	say("%d", is_filled(b, 4096, 8));
	fill(b + A - 4096, 4096, 9);
	say("%d", is_filled(a + 2 * A - 4096, 4096, 9));
}

CASE("addr.alias.hundred_mappings")
{
	int fd = dev_open(O_RDWR);
	char *p[100];
	size_t i, good = 0;

	for (i = 0; i < COUNT(p); i++)
		p[i] = map(fd, A, PROT_READ | PROT_WRITE, 0);
	for (i = 0; i < COUNT(p); i++)
		put(p[i] + i, i);
	for (i = 0; i < COUNT(p); i++)
		good += get(p[0] + i) == i && get(p[99 - i] + i) == i;
	say("%zu", good);
}

/* Every part of the device shows its own bytes. */

CASE("addr.data.units_differ")
{
	int fd = dev_open(O_RDWR);
	char *all = map(fd, S, PROT_READ | PROT_WRITE, 0);
	unsigned int units = S / A < 8 ? S / A : 8;
	unsigned int i, good = 0;

	for (i = 0; i < units; i++)
		fill(all + S - (i + 1) * A, 256, 100 + i);
	for (i = 0; i < units; i++) {
		char *one = map(fd, A, PROT_READ, S - (i + 1) * A);

		good += is_filled(one, 256, 100 + i);
	}
	say("%s", good == units ? "all" : "some");
}

CASE("addr.data.first_and_last_byte")
{
	char *p = map(dev_open(O_RDWR), S, PROT_READ | PROT_WRITE, 0);

	put(p, 0x66);
	put(p + S - 1, 0x67);
	put(p + A - 1, 0x68);
	put(p + A, 0x69);
	say_load(p);
	say_load(p + S - 1);
	say_load(p + A - 1);
	say_load(p + A);
}

CASE("addr.data.survives")
{
	char *p = map_units(1);

	fill(p, 4096, 10);
	c_munmap(p, A);
	say("%d", is_filled(map_units(1), 4096, 10));
}
