// SPDX-License-Identifier: BSD-2-Clause
/* mmap.*: protection, type, flags, length and offset. mmap_addr.c is about addresses. */
#include <sys/resource.h>

#include "tests/conformance/call.h"

#ifndef MAP_32BIT
#define MAP_32BIT 0 /* x86-64 only has it */
#endif
#define X86_32BIT 0x40

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#define VALIDATE MAP_SHARED_VALIDATE

static void prot_case(const long *arg)
{
	say_ok(try_map(dev_open(arg[0]), A, arg[2], arg[1], 0));
}

MATRIX
{
	static const struct {
		const char *name;
		int flag;
	} mode[] = {{"rdonly", O_RDONLY},
		    {"wronly", O_WRONLY},
		    {"rdwr", O_RDWR},
		    {"accmode", 3}},
	  type[] = {{"shared", MAP_SHARED},
		    {"private", MAP_PRIVATE},
		    {"validate", VALIDATE}};
	static const char *const prot[] = {"none", "r",  "w",  "rw",
					   "x",    "rx", "wx", "rwx"};
	size_t i, j;
	int k;

	for (i = 0; i < COUNT(type); i++)
		for (j = 0; j < COUNT(mode); j++)
			for (k = 0; k < 8; k++)
				case_make(prot_case, ARGS(mode[j].flag, type[i].flag, k),
					  "mmap.prot.%s.%s.%s", type[i].name,
					  mode[j].name, prot[k]);
}

CASE("mmap.prot.unknown_bits")
{
	static const int bits[] = {0x8, 0x10, 0x100, 0x1000000, 0x2000000, 0x40000000};
	size_t i;

	for (i = 0; i < COUNT(bits); i++) {
		label("0x%x", bits[i]);
		say_ok(try_map(dev_open(O_RDWR), A, PROT_READ | bits[i], MAP_SHARED, 0));
	}
}

/*
 * Accesses that the protection allows. x86 has no write-only memory, and the processor
 * decides whether memory with PROT_EXEC alone can be read.
 */
static void allows_case(const long *arg)
{
	char *p = map(dev_open(O_RDWR), A, arg[0], 0);

	put(map_units(1), 0x50);
	label("load"), say_load(p);
	label("store"), say_store(p, 0);
}

MATRIX
{
	static const char *const prot[] = {"none", "r",  "w",  "rw",
					   "x",    "rx", "wx", "rwx"};
	int k;

	for (k = 0; k < 8; k++)
		if (k != PROT_EXEC)
			case_make(allows_case, ARGS(k), "mmap.allows.%s", prot[k]);
}

CASE("mmap.prot.exec_runs")
{
#ifdef __x86_64__
	static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* return 42 */
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
	int (*fn)(void);
	int r;

	memcpy(p, code, sizeof(code));
	memcpy(&fn, &p, sizeof(fn));
	r = fn();
	say("%d", r);
#else
	skip("code for x86-64 only");
#endif
}

CASE("mmap.prot.exec_not_allowed")
{
#ifdef __x86_64__
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);
	void (*fn)(void);

	put(p, 0xc3);
	memcpy(&fn, &p, sizeof(fn));
	fn();
	say("ran");
#else
	skip("code for x86-64 only");
#endif
}

static void type_case(const long *arg)
{
	say_ok(try_map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, arg[0], 0));
}

/*
 * Map with one flag, then access: in 6.12 memory with MAP_STACK cannot be accessed. Flags
 * that need an address get one in an area; MAP_GROWSDOWN, HUGETLB and others just fail.
 */
static void flag_case(const long *arg)
{
	int fixed = MAP_FIXED | MAP_FIXED_NOREPLACE;
	char *place = arg[1] & fixed ? area(A) : NULL;
	char *p;

	if (arg[1] & MAP_FIXED_NOREPLACE)
		munmap(place, A);
	p = c_mmap(place, A, PROT_READ | PROT_WRITE, arg[0] | arg[1], dev_open(O_RDWR),
		   0);
	say_map(p);
	if (p == MAP_FAILED)
		return;
	if (arg[1] & MAP_32BIT)
		say("low=%d", (uintptr_t)p < 1UL << 32);
	say_store(p, 0x51);
	label("dev"), say("%d", !(arg[1] & MAP_ANONYMOUS) && get(map_units(1)) == 0x51);
}

MATRIX
{
	static const struct {
		const char *name;
		int flag;
	} type[] = {{"shared", MAP_SHARED},
		    {"private", MAP_PRIVATE},
		    {"validate", VALIDATE}};
	static const struct {
		const char *name;
		int flag;
	} known[] = {
		{"fixed", MAP_FIXED},
		{"anonymous", MAP_ANONYMOUS},
		{"32bit", MAP_32BIT},
		{"growsdown", MAP_GROWSDOWN},
		{"denywrite", MAP_DENYWRITE},
		{"executable", MAP_EXECUTABLE},
		{"locked", MAP_LOCKED},
		{"noreserve", MAP_NORESERVE},
		{"populate", MAP_POPULATE},
		{"nonblock", MAP_NONBLOCK},
		{"populate_nonblock", MAP_POPULATE | MAP_NONBLOCK},
		{"stack", MAP_STACK},
		{"hugetlb", MAP_HUGETLB},
		{"hugetlb_2m", MAP_HUGETLB | 21 << 26},
		{"sync", MAP_SYNC},
		{"fixed_noreplace", MAP_FIXED_NOREPLACE},
		{"uninitialized", 0x4000000},
		{"huge_2m_bits", 21 << 26},
		{"huge_1g_bits", 30 << 26},
		{"sync_populate", MAP_SYNC | MAP_POPULATE},
		{"sync_fixed", MAP_SYNC | MAP_FIXED},
	};
	size_t i, j;

	for (i = 0; i < 16; i++)
		case_make(type_case, ARGS(i), "mmap.type.%zu", i);
	for (i = 0; i < COUNT(type); i++) {
		for (j = 0; j < COUNT(known); j++)
			case_make(flag_case, ARGS(type[i].flag, known[j].flag),
				  "mmap.flag.%s.%s", type[i].name, known[j].name);
		for (j = 4; j < 32; j++) /* also flags without a name */
			if (!(1U << j &
			      (MAP_FIXED | MAP_ANONYMOUS | X86_32BIT | MAP_GROWSDOWN |
			       MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |
			       MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
			       MAP_HUGETLB | MAP_SYNC | MAP_FIXED_NOREPLACE)))
				case_make(flag_case, ARGS(type[i].flag, (int)(1U << j)),
					  "mmap.flag.%s.bit%02zu", type[i].name, j);
	}
}

CASE("mmap.flag.anonymous_ignores_device")
{
	char *p = c_mmap(NULL, 3 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 dev_open(O_RDWR), 0);

	say_map(p);
	say_load(p);
	say_ok(c_munmap(p + P, P));
}

CASE("mmap.flag.locked_beyond_end")
{
	char *p =
		c_mmap(NULL, A, PROT_READ, MAP_SHARED | MAP_LOCKED, dev_open(O_RDWR), S);

	say_map(p);
	if (p != MAP_FAILED)
		say_load(p);
}

CASE("mmap.flag.populate_beyond_end")
{
	char *p = c_mmap(NULL, 2 * A, PROT_READ, MAP_SHARED | MAP_POPULATE,
			 dev_open(O_RDWR), S - A);

	say_map(p);
	say_load(p + A);
}

CASE("mmap.flag.locked_without_limit")
{
	struct rlimit lim = {0, 0};

	setrlimit(RLIMIT_MEMLOCK, &lim);
	say_ok(try_map(dev_open(O_RDWR), A, PROT_READ, MAP_SHARED | MAP_LOCKED, 0));
}

CASE("mmap.flag.stack_beside_plain")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	char *q = c_mmap(NULL, A, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_STACK, fd, 0);
	char name[64];

	must(q != MAP_FAILED);
	put(p, 0x52);
	say_load(q);
	smaps_field(q, "VmFlags", name, sizeof(name));
	say("[%s]", name);
}

struct length {
	const char *name;
	int units;
	long bytes; /* added */
	bool page;  /* or pages */
};

static const struct length length[] = {
	{"0", 0, 0, 0},           {"1", 0, 1, 0},      {"1P-1", 0, 4095, 0},
	{"1P", 0, 1, 1},          {"1A-2P", 1, -2, 1}, {"1A-1P", 1, -1, 1},
	{"1A-4095", 1, -4095, 0}, {"1A-1", 1, -1, 0},  {"1A", 1, 0, 0},
	{"1A+1", 1, 1, 0},        {"1A+1P", 1, 1, 1},  {"2A-1P", 2, -1, 1},
	{"2A-4095", 2, -4095, 0}, {"2A-1", 2, -1, 0},  {"2A", 2, 0, 0},
	{"2A+1P", 2, 1, 1},       {"3A", 3, 0, 0},
};

static void length_case(const long *arg)
{
	const struct length *l = &length[arg[0]];
	size_t len = l->units * A + l->bytes * (l->page ? P : 1);
	struct vma v;
	char *p;

	if (len > 4 * A)
		skip("not with pages as units");
	p = c_mmap(NULL, len, PROT_READ, MAP_SHARED, dev_open(O_RDONLY), 0);
	say_map(p);
	if (p == MAP_FAILED)
		return;
	must(vma_list(p, 1, &v, 1) == 1);
	say_units("", v.end - v.start);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(length); i++)
		case_make(length_case, ARGS(i), "mmap.length.%s", length[i].name);
}

static void long_case(const long *arg)
{
	size_t len = arg[0] ? (size_t)arg[0] : 0;
	char *p = c_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, dev_open(O_RDWR),
			 0);

	say_map(p);
	if (p == MAP_FAILED)
		return;
	put(p, 0x53);
	label("first"), say_load(p);
	label("last"), say_load(p + len - 1);
	say_ok(c_munmap(p, len));
}

MATRIX
{
	static const struct {
		const char *name;
		unsigned long len;
	} list[] = {
		{"1T", 1UL << 40},   {"32T", 1UL << 45},    {"128T", 1UL << 47},
		{"2_62", 1UL << 62}, {"2_63", 1UL << 63},   {"-1", -1UL},
		{"-1P", -4096UL},    {"-1G", -(1UL << 30)},
	};
	size_t i;

	for (i = 0; i < COUNT(list); i++)
		case_make(long_case, ARGS(list[i].len), "mmap.length.%s", list[i].name);
}

static void whole_case(const long *arg)
{
	size_t len = S + arg[0] * A;
	char *p = c_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, dev_open(O_RDWR),
			 0);

	say_map(p);
	if (p == MAP_FAILED)
		return;
	put(p + S - 1 - A, 0x54);
	label("last"), say_load(p + S - 1 - A);
	label("end"), say_load(p + len - 1 - (arg[0] > 0 ? 0 : A));
}

MATRIX
{
	case_make(whole_case, ARGS(0), "mmap.length.device");
	case_make(whole_case, ARGS(1), "mmap.length.device+1A");
	case_make(whole_case, ARGS(1000), "mmap.length.device+1000A");
}

/*
 * Offsets. With two units the address that the kernel chooses does not depend on chance.
 */

struct offset {
	const char *name;
	int from; /* 0: zero, 1: end of the device, 2: 1 << 62, 3: LONG_MIN */
	int units;
	long bytes;
	bool page;
};

static const struct offset offset[] = {
	{"0", 0, 0, 0, 0},        {"1", 0, 0, 1, 0},        {"4095", 0, 0, 4095, 0},
	{"1P", 0, 0, 1, 1},       {"1A", 0, 1, 0, 0},       {"1A-1P", 0, 1, -1, 1},
	{"1A+1P", 0, 1, 1, 1},    {"1A-1", 0, 1, -1, 0},    {"2A", 0, 2, 0, 0},
	{"S-2A", 1, -2, 0, 0},    {"S-1A", 1, -1, 0, 0},    {"S-1P", 1, 0, -1, 1},
	{"S", 1, 0, 0, 0},        {"S+1P", 1, 0, 1, 1},     {"S+1A", 1, 1, 0, 0},
	{"S+100A", 1, 100, 0, 0}, {"2_62", 2, 0, 0, 0},     {"2_62+1A", 2, 1, 0, 0},
	{"2_62+1P", 2, 0, 1, 1},  {"LONG_MIN", 3, 0, 0, 0}, {"LONG_MIN+1P", 3, 0, 1, 1},
};

static off_t offset_value(const struct offset *o)
{
	const uint64_t from[] = {0, S, 1UL << 62, 1UL << 63};

	return from[o->from] + o->units * A + o->bytes * (o->page ? P : 1);
}

static void offset_case(const long *arg)
{
	const struct offset *o = &offset[arg[0]];
	char *p = c_mmap(NULL, 2 * A, PROT_READ, MAP_SHARED, dev_open(O_RDONLY),
			 offset_value(o));

	say_map(p);
	if (p != MAP_FAILED)
		say_layout(p, 2 * A);
}

/* At a fixed address the kernel's choice of address has no influence. */
static void offset_fixed_case(const long *arg)
{
	const struct offset *o = &offset[arg[0]];
	char *at = area(A);
	char *p = c_mmap(at, A, PROT_READ, MAP_SHARED | MAP_FIXED, dev_open(O_RDONLY),
			 offset_value(o));

	say_map(p);
	if (p != MAP_FAILED)
		say_layout(p, A);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(offset); i++) {
		case_make(offset_case, ARGS(i), "mmap.offset.%s", offset[i].name);
		case_make(offset_fixed_case, ARGS(i), "mmap.offset_fixed.%s",
			  offset[i].name);
	}
}

static void overflow_case(const long *arg)
{
	off_t off = arg[0] * A + arg[1] * P;
	char *p = c_mmap(area(A), A, PROT_READ, MAP_SHARED | MAP_FIXED,
			 dev_open(O_RDONLY), off);

	say_map(p);
	if (p != MAP_FAILED)
		say_load(p);
}

MATRIX
{
	case_make(overflow_case, ARGS(0, -1), "mmap.offset_fixed.-1P");
	case_make(overflow_case, ARGS(-1, 0), "mmap.offset_fixed.-1A");
	case_make(overflow_case, ARGS(-1, -1), "mmap.offset_fixed.-1A-1P");
	case_make(overflow_case, ARGS(-2, 0), "mmap.offset_fixed.-2A");
	case_make(overflow_case, ARGS(-3, 0), "mmap.offset_fixed.-3A");
}

struct order {
	const char *name;
	int open; /* -1: a bad descriptor */
	int prot;
	int flags;
	long units; /* length */
	long bytes;
	long off; /* in units if negative */
};

static const struct order order[] = {
	{"empty", O_RDWR, PROT_READ, MAP_SHARED, 0, 0, 0},
	{"empty_badfd", -1, PROT_READ, MAP_SHARED, 0, 0, 0},
	{"empty_offset1", O_RDWR, PROT_READ, MAP_SHARED, 0, 0, 1},
	{"empty_private", O_RDWR, PROT_READ, MAP_PRIVATE, 0, 0, 0},
	{"badfd_offset1", -1, PROT_READ, MAP_SHARED, 1, 0, 1},
	{"badfd_type0", -1, PROT_READ, 0, 1, 0, 0},
	{"badfd_private", -1, PROT_READ, MAP_PRIVATE, 1, 0, 0},
	{"rdonly_write_odd", O_RDONLY, PROT_WRITE, MAP_SHARED, 1, 1, 0},
	{"rdonly_write_private", O_RDONLY, PROT_WRITE, MAP_PRIVATE, 1, 0, 0},
	{"rdonly_write_hugetlb", O_RDONLY, PROT_WRITE, MAP_SHARED | MAP_HUGETLB, 1, 0, 0},
	{"rdonly_write_validate_unknown", O_RDONLY, PROT_WRITE, VALIDATE | 0x200, 1, 0,
	 0},
	{"rdonly_write_offset1", O_RDONLY, PROT_WRITE, MAP_SHARED, 1, 0, 1},
	{"private_odd", O_RDWR, PROT_READ, MAP_PRIVATE, 1, 1, 0},
	{"private_growsdown", O_RDWR, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, 1, 0, 0},
	{"wronly_odd", O_WRONLY, PROT_WRITE, MAP_SHARED, 1, 1, 0},
	{"wronly_type0", O_WRONLY, PROT_WRITE, 0, 1, 0, 0},
	{"wronly_hugetlb", O_WRONLY, PROT_WRITE, MAP_SHARED | MAP_HUGETLB, 1, 0, 0},
	{"wronly_growsdown", O_WRONLY, PROT_WRITE, MAP_SHARED | MAP_GROWSDOWN, 1, 0, 0},
	{"overflow_private", O_RDWR, PROT_READ, MAP_PRIVATE, 1, 0, -1},
	{"overflow_wronly", O_WRONLY, PROT_READ, MAP_SHARED, 1, 0, -1},
	{"long_private", O_RDWR, PROT_READ, MAP_PRIVATE, 0, 1L << 62, 0},
	{"long_wronly", O_WRONLY, PROT_READ, MAP_SHARED, 0, 1L << 62, 0},
};

static void order_case(const long *arg)
{
	const struct order *o = &order[arg[0]];
	int fd = o->open < 0 ? 777 : dev_open(o->open);

	say_ok(try_map(fd, o->units * A + o->bytes, o->prot, o->flags,
		       o->off < 0 ? o->off * (off_t)A : o->off));
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(order); i++)
		case_make(order_case, ARGS(i), "mmap.order.%s", order[i].name);
}

CASE("mmap.errors.bad_descriptors")
{
	int fd = dev_open(O_RDWR);

	c_close(fd);
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	say_ok(try_map(-1, A, PROT_READ, MAP_SHARED, 0));
	say_ok(try_map(dev_open(O_PATH), A, PROT_READ, MAP_SHARED, 0));
	say_ok(try_map(c_open("/dev", O_RDONLY, 0), A, PROT_READ, MAP_SHARED, 0));
}

CASE("mmap.errors.address_space_limit")
{
	struct rlimit lim = {A / 2, A / 2};
	int fd = dev_open(O_RDWR);

	if (A <= P)
		skip("a limit below one page hits everything");
	setrlimit(RLIMIT_AS, &lim);
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
}

CASE("mmap.closed_descriptor_keeps_mapping")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);

	c_close(fd);
	put(p, 0x55);
	say_load(p);
	say_ok(c_munmap(p, A));
}

/* mmap with no free descriptor number, and with one. */
CASE("mmap.no_free_descriptor")
{
	struct rlimit lim = {16, 64};
	int fd = dev_open(O_RDWR);

	setrlimit(RLIMIT_NOFILE, &lim);
	while (c_open("/dev/null", O_RDONLY, 0) >= 0)
		;
	say("%s", err_name(errno));
	say_ok(try_map(fd, A, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, S));
	say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
}

CASE("mmap.no_free_descriptor.second_time")
{
	struct rlimit lim = {16, 64};
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);

	put(p, 0x5b);
	setrlimit(RLIMIT_NOFILE, &lim);
	while (c_open("/dev/null", O_RDONLY, 0) >= 0)
		;
	p = c_mmap(NULL, A, PROT_READ, MAP_SHARED, fd, 0);
	say_map(p);
	if (p != MAP_FAILED)
		say_load(p);
}
