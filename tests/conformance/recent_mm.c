// SPDX-License-Identifier: BSD-2-Clause
/*
 * recent.*: what came after Linux 6.1 for memory, on a device's mappings: mseal, guard
 * pages, advice to oneself, futex2, moves of several mappings, PROCMAP_QUERY, PAGEMAP_SCAN.
 */
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"
#include "tests/conformance/recent.h"

#define GUARD_INSTALL 102
#define GUARD_REMOVE  103

/* Two units at a known place, with room behind. */
static char *two_units(void)
{
	char *w = map_units(2);
	char *at = area(4 * A);

	put(w, 0xc1);
	put(w + P, 0xc4);
	put(w + A, 0xc2);
	munmap(at, 4 * A);
	return map_at(at, dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, 0);
}

/* ---- mseal ---- */

static long seal(char *p, size_t len, unsigned long flags)
{
	return syscall(NR_MSEAL, p, len, flags);
}

static void seal_case(const long *arg)
{
	char *at = two_units();

	say_ok(seal(at + arg[0] * (long)P, arg[1] * A + arg[2] * P,
		    (unsigned long)arg[3]));
	say_layout(at, 2 * A);
	label("munmap"), say_ok(c_munmap(at, A));
	label("munmap-second"), say_ok(c_munmap(at + A, A));
}

MATRIX
{
	case_make(seal_case, ARGS(0, 2, 0, 0), "recent.mseal.whole");
	case_make(seal_case, ARGS(0, 1, 0, 0), "recent.mseal.unit");
	case_make(seal_case, ARGS(0, 0, 1, 0), "recent.mseal.page");
	case_make(seal_case, ARGS(1, 1, 0, 0), "recent.mseal.off_by_page");
	case_make(seal_case, ARGS(0, 0, 0, 0), "recent.mseal.empty");
	case_make(seal_case, ARGS(0, 2, 0, 1), "recent.mseal.flags");
	case_make(seal_case, ARGS(0, 5, 0, 0), "recent.mseal.into_hole");
}

CASE("recent.mseal.refuses")
{
	char *at = two_units();
	char *room = area(2 * A);

	label("seal"), say_ok(seal(at, 2 * A, 0));
	label("again"), say_ok(seal(at, 2 * A, 0));
	label("mprotect"), say_ok(c_mprotect(at, A, PROT_READ));
	label("mremap"), say_map(c_mremap(at, 2 * A, A, 0, NULL));
	label("move"),
		say_map(c_mremap(at, 2 * A, 2 * A, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	label("over"), say_map(c_mmap(at, A, PROT_READ, MAP_SHARED | MAP_FIXED,
				      dev_open(O_RDONLY), 0));
	label("dontneed"), say_ok(c_madvise(at, 2 * A, MADV_DONTNEED));
	label("random"), say_ok(c_madvise(at, 2 * A, MADV_RANDOM));
	label("lock"), say_ok(c_mlock(at, A));
	say_load(at);
	say_store(at + A, 0xc3);
	say_layout(at, 2 * A);
}

CASE("recent.mseal.read_only")
{
	char *p = map(dev_open(O_RDONLY), A, PROT_READ, 0);

	label("seal"), say_ok(seal(p, A, 0));
	label("dontneed"), say_ok(c_madvise(p, A, MADV_DONTNEED));
	label("munmap"), say_ok(c_munmap(p, A));
}

/* ---- guard pages ---- */

static void guard_case(const long *arg)
{
	char *at = two_units();

	label("install"), say_ok(c_madvise(at + arg[0] * (long)A + arg[1] * (long)P,
					   arg[2] * A + arg[3] * P, GUARD_INSTALL));
	label("0"), say_load(at);
	label("page"), say_load(at + P);
	label("1A"), say_load(at + A);
	label("remove"), say_ok(c_madvise(at, 2 * A, GUARD_REMOVE));
	label("0"), say_load(at);
	label("1A"), say_load(at + A);
}

MATRIX
{
	case_make(guard_case, ARGS(0, 0, 2, 0), "recent.guard.whole");
	case_make(guard_case, ARGS(1, 0, 1, 0), "recent.guard.second_unit");
	case_make(guard_case, ARGS(0, 0, 0, 1), "recent.guard.page");
	case_make(guard_case, ARGS(0, 1, 0, 1), "recent.guard.second_page");
	case_make(guard_case, ARGS(0, 0, 0, 0), "recent.guard.empty");
	case_make(guard_case, ARGS(0, 0, 4, 0), "recent.guard.into_hole");
}

CASE("recent.guard.read_only")
{
	char *p = map(dev_open(O_RDONLY), A, PROT_READ, 0);

	label("install"), say_ok(c_madvise(p, A, GUARD_INSTALL));
	label("remove"), say_ok(c_madvise(p, A, GUARD_REMOVE));
}

CASE("recent.guard.kernel_access")
{
	char *at = two_units();
	int m = memfd();

	label("install"), say_ok(c_madvise(at + A, A, GUARD_INSTALL));
	label("write"), say_ret(write(m, at + A, 16));
	label("write-first"), say_ret(write(m, at, 16));
}

/* ---- process_madvise of the process itself ---- */

static const struct {
	const char *name;
	int advice;
} own_advice[] = {
	{"normal", MADV_NORMAL},
	{"random", MADV_RANDOM},
	{"dontneed", MADV_DONTNEED},
	{"free", 8},
	{"remove", MADV_REMOVE},
	{"dontfork", MADV_DONTFORK},
	{"mergeable", MADV_MERGEABLE},
	{"hugepage", MADV_HUGEPAGE},
	{"dontdump", MADV_DONTDUMP},
	{"populate_read", 22},
	{"collapse", 25},
	{"guard", GUARD_INSTALL},
	{"unknown", 999},
};

static void own_advice_case(const long *arg)
{
	char *at = two_units();
	struct iovec v[2] = {{at, A}, {at + A, A}};
	long self = syscall(434, getpid(), 0);
	long r;

	must(self >= 0);
	r = syscall(NR_PROCESS_MADVISE, self, v, 2L, (long)own_advice[arg[0]].advice, 0L);
	if (r > 0)
		say_units("", (uint64_t)r);
	else
		say_ret(r);
	label("flags"), say_ret(syscall(NR_PROCESS_MADVISE, self, v, 1L,
					(long)own_advice[arg[0]].advice, 1L));
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(own_advice); i++)
		case_make(own_advice_case, ARGS((long)i), "recent.advise_self.%s",
			  own_advice[i].name);
}

CASE("recent.advise_self.pidfd_self")
{
	char *at = two_units();
	struct iovec v = {at, A};
	long r = syscall(NR_PROCESS_MADVISE, -10001L, &v, 1L, (long)MADV_COLD, 0L);

	say("%s", r == (long)A ? "all" : r < 0 ? err_name(errno) : "some");
}

/* ---- futex2 ---- */

static void futex_case(const long *arg)
{
	unsigned int *p = (unsigned int *)(void *)map_units(1);
	const unsigned int flags = 2U | (unsigned int)arg[0]; /* 32 bit */
	struct {
		uint64_t value;
		uint64_t address;
		uint32_t flags;
		uint32_t reserved;
	} waiters[2] = {{0, (uintptr_t)p, flags, 0}, {0, (uintptr_t)(p + 1), flags, 0}};

	p[0] = 7;
	p[1] = 8;
	label("wake"), say_ret(syscall(NR_FUTEX_WAKE, p, 0xffffffffUL, 1L, flags));
	label("wait"),
		say_ret(syscall(NR_FUTEX_WAIT, p, 1UL, 0xffffffffUL, flags, NULL, 1L));
	label("requeue"), say_ret(syscall(NR_FUTEX_REQUEUE, waiters, 0, 1, 1));
}

MATRIX
{
	case_make(futex_case, ARGS(0), "recent.futex2.shared");
	case_make(futex_case, ARGS(0x80), "recent.futex2.private");
	case_make(futex_case, ARGS(0x40), "recent.futex2.unknown_flag");
}

/* ---- mremap of several mappings, since Linux 6.17 ---- */

/* Two neighbours that do not merge: of the second unit, and of the first. */
static char *two_mappings(int gap)
{
	char *w = map_units(2);
	char *at = area(4 * A);
	int fd = dev_open(O_RDWR);

	put(w, 0xc1);
	put(w + A, 0xc2);
	munmap(at, 4 * A);
	map_at(at, fd, A, PROT_READ | PROT_WRITE, A);
	return map_at(at + (1 + gap) * (long)A, fd, A, PROT_READ | PROT_WRITE, 0) -
	       (1 + gap) * (long)A;
}

static void move_case(const long *arg)
{
	char *at = two_mappings((int)arg[1]);
	char *room = area(4 * A);
	const size_t len = (2 + arg[1]) * A;

	say_map(c_mremap(at, len, len + arg[2] * A, (int)arg[0], room));
	label("from"), say_layout(at, 3 * A);
	label("to"), say_layout(room, 3 * A);
	if (arg[0] & MREMAP_FIXED)
		label("load"), say_load(room);
}

MATRIX
{
	const int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

	case_make(move_case, ARGS(fixed, 0, 0), "recent.move.two");
	case_make(move_case, ARGS(fixed, 1, 0), "recent.move.two_with_a_gap");
	case_make(move_case, ARGS(fixed, 0, 1), "recent.move.two_growing");
	case_make(move_case, ARGS(fixed | 4, 0, 0), "recent.move.two_dontunmap");
}

CASE("recent.move.part_over_hole")
{
	char *at = two_units();
	char *room = area(4 * A);

	munmap(at + 2 * A, 2 * A);
	say_map(c_mremap(at + A, 2 * A, 2 * A, MREMAP_MAYMOVE | MREMAP_FIXED, room));
	label("from"), say_layout(at, 3 * A);
	label("to"), say_layout(room, 2 * A);
}

/* ---- mmap and prctl ---- */

static void map_type_case(const long *arg)
{
	int fd = dev_open(O_RDWR);

	label("rw"), say_ok(try_map(fd, A, PROT_READ | PROT_WRITE, (int)arg[0], 0));
	label("none"), say_ok(try_map(fd, A, PROT_NONE, (int)arg[0], 0));
	label("odd"), say_ok(try_map(fd, A, PROT_READ, (int)arg[0], 1));
	label("rdonly"),
		say_ok(try_map(dev_open(O_RDONLY), A, PROT_READ, (int)arg[0], 0));
}

MATRIX
{
	case_make(map_type_case, ARGS(0x08), "recent.mmap.droppable");
	case_make(map_type_case, ARGS(0x09), "recent.mmap.type_9");
}

static void thp_case(const long *arg)
{
	char *p = map_units(1);

	label("set"), say_ret(prctl(PR_SET_THP_DISABLE, arg[0], arg[1], 0, 0));
	label("get"), say_ret(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	label("load"), say_load(p + 5);
	label("new"), say_load(map_units(1) + 6);
	label("off"), say_ret(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
}

static void thp_prepared_case(const long *arg)
{
	put(map_units(1) + 5, 0xc5);
	put(map_units(1) + 6, 0xc6);
	thp_case(arg);
}

MATRIX
{
	case_make(thp_prepared_case, ARGS(1, 2), "recent.thp_disable.except_advised");
	case_make(thp_prepared_case, ARGS(1, 1), "recent.thp_disable.flag_1");
	case_make(thp_prepared_case, ARGS(1, 4), "recent.thp_disable.flag_4");
	case_make(thp_prepared_case, ARGS(0, 2), "recent.thp_disable.off_with_flag");
}

/* PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, Linux 6.3 */
CASE("recent.prctl.mdwe")
{
	char *p = map_units(1);
	char *x = map(dev_open(O_RDWR), A, PROT_READ | PROT_EXEC, 0);

	label("set"), say_ret(prctl(65, 1, 0, 0, 0));
	label("gain"), say_ok(c_mprotect(p, A, PROT_READ | PROT_EXEC));
	label("keep"), say_ok(c_mprotect(x, A, PROT_READ | PROT_EXEC));
	label("wx"), say_ok(try_map(dev_open(O_RDWR), A,
				    PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, 0));
	label("rx"), say_ok(try_map(dev_open(O_RDWR), A, PROT_READ | PROT_EXEC,
				    MAP_SHARED, 0));
}

/* PR_SET_VMA, PR_SET_VMA_ANON_NAME: for anonymous memory only */
CASE("recent.prctl.vma_name")
{
	say_ok(prctl(0x53564d41, 0, (unsigned long)map_units(1), A, "name"));
}

/* PR_SET_MEMORY_MERGE, Linux 6.4 */
CASE("recent.prctl.memory_merge")
{
	char flags[256];
	char *p = map_units(1);

	label("set"), say_ret(prctl(67, 1, 0, 0, 0));
	smaps_field(p, "VmFlags", flags, sizeof(flags));
	say("%s", strstr(flags, " mg") ? "merges" : "no");
	smaps_field(map_units(1), "VmFlags", flags, sizeof(flags));
	say("%s", strstr(flags, " mg") ? "merges" : "no");
}

/* set_mempolicy_home_node(2), Linux 5.17 */
CASE("recent.home_node")
{
	char *p = map_units(1);
	unsigned long nodes = 1;

	label("without-policy"), say_ret(syscall(450, p, A, 0UL, 0UL));
	label("bind"), say_ret(c_mbind(p, A, 2, &nodes, 8, 0));
	label("home"), say_ret(syscall(450, p, A, 0UL, 0UL));
	label("node"), say_ret(syscall(450, p, A, 999UL, 0UL));
	label("flags"), say_ret(syscall(450, p, A, 0UL, 1UL));
}

/* ---- PROCMAP_QUERY, Linux 6.11 ---- */

struct procmap {
	uint64_t size;
	uint64_t query_flags;
	uint64_t address;
	uint64_t start;
	uint64_t end;
	uint64_t flags;
	uint64_t page_size;
	uint64_t offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t name_size;
	uint32_t build_id_size;
	uint64_t name;
	uint64_t build_id;
};

static long procmap(struct procmap *q, const char *p, uint64_t flags, char name[256])
{
	int fd = c_open("/proc/self/maps", O_RDONLY, 0);
	long r;

	must(fd >= 0);
	*q = (struct procmap){.size = sizeof(*q), .query_flags = flags};
	q->address = (uintptr_t)p;
	q->name = (uintptr_t)name;
	q->name_size = 256;
	r = c_ioctl(fd, 0xc0686611, q);
	c_close(fd);
	return r;
}

static void say_procmap(const char *base, const char *p, uint64_t flags)
{
	char name[256] = "";
	struct procmap q;
	struct stat st;

	if (procmap(&q, p, flags, name) < 0) {
		say_ok(-1);
		return;
	}
	say_units("at", q.start - (uintptr_t)base);
	say_units("len", q.end - q.start);
	say_units("off", q.offset);
	say_units("page", q.page_size);
	say("0x%lx", (unsigned long)q.flags);
	must(c_stat(t.dev, &st) == 0);
	say("%d%d", q.inode == st.st_ino, makedev(q.dev_major, q.dev_minor) == st.st_dev);
	say_text(name);
}

static void procmap_case(const long *arg)
{
	char *at = two_units();

	say_procmap(at, at + arg[0] * (long)A + arg[1], (uint64_t)arg[2]);
}

MATRIX
{
	case_make(procmap_case, ARGS(0, 0, 0), "recent.procmap.first");
	case_make(procmap_case, ARGS(1, 77, 0), "recent.procmap.middle");
	case_make(procmap_case, ARGS(1, 0, 1), "recent.procmap.readable");
	case_make(procmap_case, ARGS(1, 0, 2), "recent.procmap.writable");
	case_make(procmap_case, ARGS(1, 0, 4), "recent.procmap.executable");
	case_make(procmap_case, ARGS(1, 0, 8), "recent.procmap.shared");
	case_make(procmap_case, ARGS(-1, 0, 0x30), "recent.procmap.next_of_file");
	case_make(procmap_case, ARGS(1, 0, 0x80), "recent.procmap.unknown_flag");
}

CASE("recent.procmap.of_a_part")
{
	char *p = map(dev_open(O_RDONLY), A, PROT_READ, 2 * A);

	say_procmap(p, p, 0);
	c_munmap(p, A);
	label("gone"), say_procmap(p, p, 0);
}

/* ---- PAGEMAP_SCAN, Linux 6.7 ---- */

struct scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t inverted;
	uint64_t mask;
	uint64_t any_of;
	uint64_t wanted;
};

struct scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/* Scan the pages of this process. Return: as ioctl(2). */
static long scan_pages(struct scan *s)
{
	int fd = c_open("/proc/self/pagemap", O_RDONLY, 0);
	long n;

	must(fd >= 0);
	s->size = sizeof(*s);
	n = c_ioctl(fd, 0xc0606610, s);
	c_close(fd);
	return n;
}

static void say_scan(const char *at, size_t len, uint64_t flags, uint64_t mask)
{
	static struct scan_region found[8];
	struct scan s = {.flags = flags,
			 .start = (uintptr_t)at,
			 .end = (uintptr_t)at + len,
			 .vec = (uintptr_t)found,
			 .vec_len = COUNT(found),
			 .mask = mask,
			 /* wpallowed, file, present, huge: not what others share */
			 .wanted = 0x1 | 0x4 | 0x8 | 0x40};
	long n = scan_pages(&s);
	long i;

	if (n < 0)
		say_ok(n);
	else
		say("%ld", n);
	for (i = 0; i < n; i++) {
		say_units("at", found[i].start - (uintptr_t)at);
		say_units("len", found[i].end - found[i].start);
		say("0x%lx", (unsigned long)found[i].categories);
	}
}

CASE("recent.pagemap_scan.untouched")
{
	char *at = two_units();

	say_scan(at, 2 * A, 0, 0x8);
}

CASE("recent.pagemap_scan.loaded")
{
	char *at = two_units();

	get(at);
	say_scan(at, 2 * A, 0, 0x8);
}

CASE("recent.pagemap_scan.stored")
{
	char *at = two_units();

	put(at + A, 1);
	say_scan(at, 2 * A, 0, 0x8);
}

CASE("recent.pagemap_scan.both")
{
	char *at = two_units();

	put(at, 1);
	put(at + A, 1);
	say_scan(at, 2 * A, 0, 0x8);
}

/* Say all that a scan with few results answers. */
static void say_scan_of(const char *at, struct scan s)
{
	static struct scan_region found[8];
	long n;
	long i;

	s.start += (uintptr_t)at;
	s.end += (uintptr_t)at;
	s.vec = (uintptr_t)found;
	n = scan_pages(&s);
	say_ret(n);
	if (n < 0)
		return;
	say_units("walked", s.walk_end - (uintptr_t)at);
	for (i = 0; i < n; i++) {
		say_units("at", found[i].start - (uintptr_t)at);
		say_units("len", found[i].end - found[i].start);
		say("0x%lx", (unsigned long)found[i].categories);
	}
}

CASE("recent.pagemap_scan.all_categories")
{
	char *at = map_units(3);

	get(at);
	put(at + A, 1);
	label("all"),
		say_scan_of(at,
			    (struct scan){.end = 3 * A, .vec_len = 8, .wanted = 0xff});
	label("present"), say_scan_of(at, (struct scan){.end = 3 * A,
							.vec_len = 8,
							.mask = 0x8,
							.wanted = 0xff});
	label("none"),
		say_scan_of(at, (struct scan){.end = 3 * A, .vec_len = 8, .mask = 0x8});
	label("absent"), say_scan_of(at, (struct scan){.end = 3 * A,
						       .vec_len = 8,
						       .inverted = 0x8,
						       .mask = 0x8,
						       .wanted = 0xff});
	label("any"), say_scan_of(at, (struct scan){.end = 3 * A,
						    .vec_len = 8,
						    .any_of = 0x44,
						    .wanted = 0xff});
	label("swapped"), say_scan_of(at, (struct scan){.end = 3 * A,
							.vec_len = 8,
							.any_of = 0x10,
							.wanted = 0xff});
}

CASE("recent.pagemap_scan.limits")
{
	char *at = map_units(4);

	put(at, 1);
	put(at + A, 1);
	label("page"), say_scan_of(at, (struct scan){.end = 4 * A,
						     .vec_len = 8,
						     .max_pages = 1,
						     .mask = 8,
						     .wanted = 8});
	label("unit"), say_scan_of(at, (struct scan){.end = 4 * A,
						     .vec_len = 8,
						     .max_pages = A / P,
						     .mask = 8,
						     .wanted = 8});
	label("vector"),
		say_scan_of(at, (struct scan){.end = 4 * A, .vec_len = 1, .wanted = 8});
	label("no-vector"), say_scan_of(at, (struct scan){.end = 4 * A, .wanted = 8});
	label("end"), say_scan_of(at, (struct scan){.start = A - P,
						    .end = A,
						    .vec_len = 8,
						    .wanted = 8});
	label("across"), say_scan_of(at, (struct scan){.start = A - P,
						       .end = A + P,
						       .vec_len = 8,
						       .wanted = 8});
	label("empty"),
		say_scan_of(at, (struct scan){
					.start = A, .end = A, .vec_len = 8, .wanted = 8});
}

CASE("recent.pagemap_scan.wrong")
{
	char *at = two_units();

	label("flags"), say_scan(at, 2 * A, 0x80, 0x8);
	label("odd"), say_scan(at + 1, A, 0, 0x8);
	label("category"), say_scan(at, A, 0, 1UL << 40);
	label("write-protect"), say_scan(at, A, 3, 0);
}
