// SPDX-License-Identifier: BSD-2-Clause
/* madvise.*: each advice on whole mappings and parts, and its effect. */
#include "tests/conformance/call.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static const struct {
	const char *name;
	int advice;
} advice[] = {
	{"normal", MADV_NORMAL},
	{"random", MADV_RANDOM},
	{"sequential", MADV_SEQUENTIAL},
	{"willneed", MADV_WILLNEED},
	{"dontneed", MADV_DONTNEED},
	{"free", MADV_FREE},
	{"remove", MADV_REMOVE},
	{"dontfork", MADV_DONTFORK},
	{"dofork", MADV_DOFORK},
	{"mergeable", MADV_MERGEABLE},
	{"unmergeable", MADV_UNMERGEABLE},
	{"hugepage", MADV_HUGEPAGE},
	{"nohugepage", MADV_NOHUGEPAGE},
	{"dontdump", MADV_DONTDUMP},
	{"dodump", MADV_DODUMP},
	{"wipeonfork", MADV_WIPEONFORK},
	{"keeponfork", MADV_KEEPONFORK},
	{"cold", MADV_COLD},
	{"pageout", MADV_PAGEOUT},
	{"populate_read", MADV_POPULATE_READ},
	{"populate_write", MADV_POPULATE_WRITE},
	{"dontneed_locked", MADV_DONTNEED_LOCKED},
	{"collapse", MADV_COLLAPSE},
	{"5", 5},
	{"6", 6},
	{"7", 7},
	{"26", 26},
	{"99", 99},
	{"minus_one", -1},
};

/* Advise an untouched mapping, then a touched one: no advice loses data. */
static void whole_case(const long *arg)
{
	char *p = map_units(2);

	put(map_units(1) + 5, 0xa1);
	label("untouched"), say_ok(c_madvise(p, 2 * A, arg[0]));
	label("load"), say_load(p + 5);
	label("touched"), say_ok(c_madvise(p, 2 * A, arg[0]));
	label("load"), say_load(p + 5);
}

static void part_case(const long *arg)
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);

	put(map_units(1) + 5, 0xa2);
	say_ok(c_madvise(at + arg[1] * (off_t)A + arg[2] * (off_t)P,
			 arg[3] < 0 ? (size_t)-arg[3] * P : arg[3] * A, arg[0]));
	say_layout(at, 3 * A);
	say_load(at + 5);
}

static void wrong_case(const long *arg)
{
	char *at = map_at(area(2 * A), dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);

	munmap(at + A, A);
	label("odd-address"), say_ok(c_madvise(at + 1, A, arg[0]));
	label("empty"), say_ok(c_madvise(at, 0, arg[0]));
	label("overflow"), say_ok(c_madvise(at, -A, arg[0]));
	label("unmapped"), say_ok(c_madvise(at + A, A, arg[0]));
	label("into-hole"), say_ok(c_madvise(at, 2 * A, arg[0]));
}

static void other_case(const long *arg)
{
	char *ro = map(dev_open(O_RDONLY), A, PROT_READ, 0);
	char *none = map(dev_open(O_RDWR), A, PROT_NONE, 0);
	char *beyond = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, S);

	label("read-only"), say_ok(c_madvise(ro, A, arg[0]));
	label("none"), say_ok(c_madvise(none, A, arg[0]));
	label("beyond"), say_ok(c_madvise(beyond, A, arg[0]));
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(advice); i++) {
		const char *name = advice[i].name;
		int adv = advice[i].advice;

		case_make(whole_case, ARGS(adv), "madvise.whole.%s", name);
		case_make(other_case, ARGS(adv), "madvise.other.%s", name);
		if (adv < 0 || (adv > 4 && adv < 8) || adv > 25)
			continue;
		case_make(part_case, ARGS(adv, 1, 0, 1), "madvise.unit.%s", name);
		case_make(part_case, ARGS(adv, 1, 0, -1), "madvise.page_at_unit.%s",
			  name);
		case_make(part_case, ARGS(adv, 0, 1, -1), "madvise.page.%s", name);
		case_make(wrong_case, ARGS(adv), "madvise.wrong.%s", name);
	}
}

CASE("madvise.dontneed.refaults_data")
{
	char *p = map_units(1);

	fill(p, 4096, 30);
	say_ok(c_madvise(p, A, MADV_DONTNEED));
	say("%d", is_filled(p, 4096, 30));
	say_ok(c_madvise(p, P, MADV_DONTNEED));
	say("%d", is_filled(p, 4096, 30));
}

CASE("madvise.dontneed.other_mapping_untouched")
{
	char *a = map_units(1);
	char *b = map_units(1);

	put(a, 0xa3);
	get(b);
	say_ok(c_madvise(a, A, MADV_DONTNEED));
	say_load(b);
}

static void nohugepage_case(const long *arg)
{
	char *p = map_units(2);

	put(map_units(2), 0xa4);
	put(map_units(2) + A, 0xa5);
	get(p);
	say_ok(c_madvise(p, 2 * A, MADV_NOHUGEPAGE));
	label("touched"), say_load(p);
	label("untouched"), say_load(p + A);
	if (arg[0]) {
		say_ok(c_madvise(p, 2 * A, MADV_HUGEPAGE));
		label("again"), say_load(p);
		label("again"), say_load(p + A);
	} else {
		say_ok(c_madvise(p, 2 * A, MADV_DONTNEED));
		label("dropped"), say_load(p);
	}
}

MATRIX
{
	case_make(nohugepage_case, ARGS(0), "madvise.nohugepage.touching");
	case_make(nohugepage_case, ARGS(1), "madvise.nohugepage.undone");
}

CASE("madvise.nohugepage.never_touched_then_undone")
{
	char *p = map_units(1);

	say_ok(c_madvise(p, A, MADV_NOHUGEPAGE));
	say_ok(c_madvise(p, A, MADV_HUGEPAGE));
	say_store(p, 1);
}

CASE("madvise.nohugepage.kernel_access")
{
	char *p = map_units(1);
	char b[16] = "";
	int m = memfd();

	must(write(m, b, 16) == 16);
	say_ok(c_madvise(p, A, MADV_NOHUGEPAGE));
	say_ret(write(m, p, 16));
	say_ret(pread(m, p, 16, 0));
}

static void child_loads(void *p)
{
	say_load(p);
}

CASE("madvise.dontfork.child_lacks_it")
{
	char *p = map_units(1);

	put(p, 0xa6);
	say_ok(c_madvise(p, A, MADV_DONTFORK));
	in_child(child_loads, p);
	say_load(p);
	say_ok(c_madvise(p, A, MADV_DOFORK));
	in_child(child_loads, p);
}

CASE("madvise.dontfork.one_unit")
{
	char *p = map_units(2);

	put(p, 0xa7);
	put(p + A, 0xa8);
	say_ok(c_madvise(p + A, A, MADV_DONTFORK));
	in_child(child_loads, p);
	in_child(child_loads, p + A);
}

CASE("madvise.dontfork.split_refused")
{
	char *p = map_units(2);

	put(p, 0xa9);
	say_ok(c_madvise(p, P, MADV_DONTFORK));
	in_child(child_loads, p);
}

CASE("madvise.populate.then_resident")
{
	char *p = map_units(1);

	put(map_units(1), 0xaa);
	say_ok(c_madvise(p, A, MADV_POPULATE_WRITE));
	say_load(p);
	say_ok(c_madvise(p, P, MADV_POPULATE_READ));
}

CASE("madvise.populate.partly_beyond")
{
	char *p = map(dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, S - A);

	say_ok(c_madvise(p, 2 * A, MADV_POPULATE_READ));
	say_ok(c_madvise(p, 2 * A, MADV_POPULATE_WRITE));
	say_ok(c_madvise(p, A, MADV_POPULATE_WRITE));
	say_ok(c_madvise(p + A, A, MADV_POPULATE_READ));
}

CASE("madvise.remove.keeps_data")
{
	char *p = map_units(1);

	put(p, 0xab);
	say_ok(c_madvise(p, A, MADV_REMOVE));
	say_load(p);
	say_ok(c_madvise(p, P, MADV_REMOVE));
	say_ok(c_madvise(map(dev_open(O_RDONLY), A, PROT_READ, 0), A, MADV_REMOVE));
}

CASE("libc.posix_madvise")
{
	static const int list[] = {POSIX_MADV_NORMAL,     POSIX_MADV_RANDOM,
				   POSIX_MADV_SEQUENTIAL, POSIX_MADV_WILLNEED,
				   POSIX_MADV_DONTNEED,   99};
	char *p = map_units(1);
	size_t i;

	put(p, 0xac);
	for (i = 0; i < COUNT(list); i++)
		say("%s", err_name(posix_madvise(p, A, list[i])));
	say("%s", err_name(posix_madvise(p, P, POSIX_MADV_RANDOM)));
	say("%s", err_name(posix_madvise(p + 1, P, POSIX_MADV_NORMAL)));
	say_load(p);
}

CASE("madvise.process_madvise")
{
	char *p = map_units(1);
	struct iovec v = {p, A};
	int self = syscall(SYS_pidfd_open, getpid(), 0);
	static const int list[] = {MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_DONTNEED};
	size_t i;

	if (self < 0)
		skip("no pidfd_open");
	put(p, 0xad);
	for (i = 0; i < COUNT(list); i++) {
		long r = syscall(SYS_process_madvise, self, &v, 1L, (long)list[i], 0L);

		if (r == (long)A)
			say("all");
		else
			say_ret(r);
	}
	say_load(p);
}
