// SPDX-License-Identifier: BSD-2-Clause
/* munmap.* and mprotect.*: whole mappings, aligned parts, and unaligned parts. */
#include "tests/conformance/call.h"

/* Map three units, touch the first two, and reserve space before and behind. */
static char *three(int prot)
{
	int fd = dev_open(O_RDWR);
	char *w = map_units(2);
	char *at = area(5 * A) + A;

	put(w, 0x81);
	put(w + A, 0x82);
	map_at(at, fd, 3 * A, prot, 0);
	say_load(at);
	say_load(at + A);
	return at;
}

struct part {
	const char *name;
	int units; /* where it begins */
	long pages;
	long bytes;
	int len_units;
	long len_pages;
	long len_bytes;
};

static const struct part part[] = {
	{"all", 0, 0, 0, 3, 0, 0},
	{"head", 0, 0, 0, 1, 0, 0},
	{"middle", 1, 0, 0, 1, 0, 0},
	{"tail", 2, 0, 0, 1, 0, 0},
	{"head_two", 0, 0, 0, 2, 0, 0},
	{"tail_two", 1, 0, 0, 2, 0, 0},
	{"first_byte", 0, 0, 0, 0, 0, 1},
	{"first_page", 0, 0, 0, 0, 1, 0},
	{"second_page", 0, 1, 0, 0, 1, 0},
	{"last_page", 3, -1, 0, 0, 1, 0},
	{"unit_less_page", 0, 0, 0, 1, -1, 0},
	{"unit_less_byte", 0, 0, 0, 1, 0, -1},
	{"unit_plus_byte", 0, 0, 0, 1, 0, 1},
	{"unit_plus_page", 0, 0, 0, 1, 1, 0},
	{"page_at_middle", 1, 0, 0, 0, 1, 0},
	{"page_before_middle", 1, -1, 0, 0, 1, 0},
	{"unit_off_by_page", 0, 1, 0, 1, 0, 0},
	{"middle_less_page", 1, 0, 0, 1, -1, 0},
	{"middle_less_byte", 1, 0, 0, 1, 0, -1},
	{"tail_less_page", 2, 0, 0, 1, -1, 0},
	{"tail_less_byte", 2, 0, 0, 1, 0, -1},
	{"all_less_page", 0, 0, 0, 3, -1, 0},
	{"all_less_byte", 0, 0, 0, 3, 0, -1},
	{"all_from_second_page", 0, 1, 0, 3, -1, 0},
	{"with_space_behind", 1, 0, 0, 3, 0, 0},
	{"with_page_behind", 2, 0, 0, 1, 1, 0},
	{"with_space_before", -1, 0, 0, 2, 0, 0},
	{"with_page_before", 0, -1, 0, 1, 1, 0},
	{"before_and_a_page", -1, 0, 0, 1, 1, 0},
	{"behind_and_a_page", 3, -1, 0, 1, 1, 0},
	{"odd_address", 0, 0, 1, 1, 0, 0},
	{"empty", 0, 0, 0, 0, 0, 0},
	{"too_long", 0, 0, 0, 0, 0, -1},
};

static char *part_start(char *at, const struct part *p)
{
	return at + p->units * (off_t)A + p->pages * (off_t)P + p->bytes;
}

static size_t part_length(const struct part *p)
{
	return p->len_units * A + p->len_pages * P + p->len_bytes;
}

/* If a unit is a page, some parts have no or a negative length, or are complete. */
static void munmap_case(const long *arg)
{
	const struct part *p = &part[arg[0]];
	char *at = three(PROT_READ | PROT_WRITE);

	say_ok(c_munmap(part_start(at, p), part_length(p)));
	say_layout(at - A, 5 * A);
	label("0"), say_load(at);
	label("1A"), say_load(at + A);
}

static void mprotect_case(const long *arg)
{
	const struct part *p = &part[arg[0]];
	int fd = dev_open(O_RDWR);
	char *at = area(5 * A) + A;

	/* untouched: the content of a touched 1G unit is undefined after mprotect */
	map_at(at, fd, 3 * A, PROT_READ | PROT_WRITE, 0);
	say_ok(c_mprotect(part_start(at, p), part_length(p), arg[1]));
	say_layout(at - A, 5 * A);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(part); i++) {
		case_make(munmap_case, ARGS(i), "munmap.part.%s", part[i].name);
		case_make(mprotect_case, ARGS(i, PROT_READ), "mprotect.read.%s",
			  part[i].name);
		case_make(mprotect_case, ARGS(i, PROT_READ | PROT_WRITE),
			  "mprotect.same.%s", part[i].name);
	}
}

CASE("munmap.twice")
{
	char *at = three(PROT_READ);

	say_ok(c_munmap(at, A));
	say_ok(c_munmap(at, A));
	say_ok(c_munmap(at, 3 * A));
	say_layout(at - A, 5 * A);
}

CASE("munmap.over_hole")
{
	char *at = three(PROT_READ);

	must(c_munmap(at + A, A) == 0);
	say_ok(c_munmap(at, 3 * A));
	say_layout(at - A, 5 * A);
}

CASE("munmap.neighbour_survives_refusal")
{
	char *at = three(PROT_READ | PROT_WRITE);
	char *n = mmap(at - P, P, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	put(n, 0x83);
	say_ok(c_munmap(n, P + A / 2));
	say_load(n);
	say_load(at);
}

CASE("munmap.two_mappings_at_once")
{
	int fd = dev_open(O_RDWR);
	int other = dev_open(O_RDWR);
	char *at = area(2 * A);

	map_at(at, fd, A, PROT_READ, 0);
	map_at(at + A, other, A, PROT_READ, A);
	say_ok(c_munmap(at, 2 * A));
	say_layout(at, 2 * A);
}

CASE("munmap.two_mappings_second_refused")
{
	int fd = dev_open(O_RDWR);
	int other = dev_open(O_RDWR);
	char *at = area(2 * A);

	map_at(at, fd, A, PROT_READ, 0);
	map_at(at + A, other, A, PROT_READ, A);
	say_ok(c_munmap(at, A + A / 2));
	say_layout(at, 2 * A);
}

CASE("munmap.then_map_again")
{
	int fd = dev_open(O_RDWR);
	char *at = area(A);
	int i;

	for (i = 0; i < 20; i++) {
		map_at(at, fd, A, PROT_READ | PROT_WRITE, 0);
		put(at, i);
		must(c_munmap(at, A) == 0);
	}
	map_at(at, fd, A, PROT_READ, 0);
	say_load(at);
}

CASE("munmap.other_mapping_keeps_data")
{
	char *a = map_units(1);
	char *b = map_units(1);

	put(a, 0x84);
	must(c_munmap(a, A) == 0);
	say_load(b);
	say_store(b, 0x85);
	say_load(b);
}

static void mprotect_whole_case(const long *arg)
{
	int fd = dev_open(arg[2]);
	char *p = map(fd, A, arg[0], 0);

	put(map_units(1), 0x86);
	say_ok(c_mprotect(p, A, arg[1]));
	label("load"), say_load(p);
	if (arg[2] == O_RDWR)
		label("store"), say_store(p, 0x87);
}

MATRIX
{
	static const char *const prot[] = {"none", "r",  "w",  "rw",
					   "x",    "rx", "wx", "rwx"};
	int from, to;

	for (from = 0; from < 4; from++)
		for (to = 0; to < 8; to++)
			if (to != PROT_EXEC) /* readable or not depends on the CPU */
				case_make(mprotect_whole_case, ARGS(from, to, O_RDWR),
					  "mprotect.whole.%s_to_%s", prot[from],
					  prot[to]);
	for (to = 0; to < 8; to++)
		if (to != PROT_EXEC)
			case_make(mprotect_whole_case, ARGS(PROT_READ, to, O_RDONLY),
				  "mprotect.rdonly_fd.r_to_%s", prot[to]);
}

/* mprotect after an access. At 1G the old entry may survive in the TLB. */
CASE("mprotect.touched.to_read")
{
	char *p = map_units(1);

	skip_at_1g();
	put(p, 0x88);
	say_ok(c_mprotect(p, A, PROT_READ));
	say_store(p, 0x89);
	say_load(p);
	say_ok(c_mprotect(p, A, PROT_READ | PROT_WRITE));
	say_store(p, 0x8a);
	say_load(p);
}

CASE("mprotect.touched.to_none")
{
	char *p = map_units(1);

	skip_at_1g();
	put(p, 0x88);
	say_ok(c_mprotect(p, A, PROT_NONE));
	say_load(p);
	say_ok(c_mprotect(p, A, PROT_READ));
	say_load(p);
}

CASE("mprotect.touched.part")
{
	char *p = map_units(2);

	skip_at_1g();
	put(p, 0x8b);
	put(p + A, 0x8c);
	say_ok(c_mprotect(p, A, PROT_READ));
	say_store(p, 1);
	say_store(p + A, 1);
	say_load(p);
	say_load(p + A);
}

CASE("mprotect.there_and_back_merges")
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);

	must(c_mprotect(at + A, A, PROT_READ) == 0);
	say_layout(at, 3 * A);
	must(c_mprotect(at + A, A, PROT_READ | PROT_WRITE) == 0);
	say_layout(at, 3 * A);
}

CASE("mprotect.rdonly_fd.part")
{
	char *p = map(dev_open(O_RDONLY), 2 * A, PROT_READ, 0);

	label("unit"), say_ok(c_mprotect(p, A, PROT_READ | PROT_WRITE));
	label("page"), say_ok(c_mprotect(p, P, PROT_READ | PROT_WRITE));
	label("page-none"), say_ok(c_mprotect(p, P, PROT_NONE));
	say_layout(p, 2 * A);
}

CASE("mprotect.off_the_end")
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, 0);

	munmap(at + 2 * A, A);
	say_ok(c_mprotect(at, 3 * A, PROT_READ));
	say_layout(at, 3 * A);
}

CASE("mprotect.over_hole")
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);

	must(c_munmap(at + A, A) == 0);
	say_ok(c_mprotect(at, 3 * A, PROT_READ));
	say_layout(at, 3 * A);
}

CASE("mprotect.over_two_mappings")
{
	char *at = area(2 * A);

	map_at(at, dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);
	map_at(at + A, dev_open(O_RDONLY), A, PROT_READ, 0);
	say_ok(c_mprotect(at, 2 * A, PROT_NONE));
	say_ok(c_mprotect(at, 2 * A, PROT_READ | PROT_WRITE));
	say_layout(at, 2 * A);
}

CASE("mprotect.neighbour_and_odd_part")
{
	char *at = area(2 * A) + A;

	mmap(at - P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	map_at(at, dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);
	say_ok(c_mprotect(at - P, 2 * P, PROT_READ));
	say_layout(at - P, P + A);
}

CASE("mprotect.bad_arguments")
{
	char *p = map_units(1);

	label("odd"), say_ok(c_mprotect(p + 1, A, PROT_READ));
	label("prot"), say_ok(c_mprotect(p, A, 0x100));
	label("prot-unaligned"), say_ok(c_mprotect(p, P, 0x100));
	label("growsdown"), say_ok(c_mprotect(p, A, PROT_READ | PROT_GROWSDOWN));
	label("growsup"), say_ok(c_mprotect(p, A, PROT_READ | PROT_GROWSUP));
	label("both"),
		say_ok(c_mprotect(p, A, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	label("empty"), say_ok(c_mprotect(p, 0, PROT_READ));
	label("overflow"), say_ok(c_mprotect(p, -P, PROT_READ));
	label("unmapped"), say_ok(c_mprotect(bad_pointer(P), P, PROT_READ));
}

CASE("mprotect.beyond_the_device")
{
	char *p = map(dev_open(O_RDWR), 2 * A, PROT_READ, S - A);

	say_ok(c_mprotect(p, 2 * A, PROT_READ | PROT_WRITE));
	say_store(p, 1);
	say_store(p + A, 1);
}

CASE("mprotect.pkey")
{
	char *p = map_units(1);
	long r = syscall(SYS_pkey_mprotect, p, A, PROT_READ, -1);

	if (r < 0 && errno == ENOSYS)
		skip("no pkey_mprotect");
	say_ok(r);
	say_ok(A > P ? syscall(SYS_pkey_mprotect, p, P, PROT_NONE, -1) : 0);
	say_store(p, 1);
}
