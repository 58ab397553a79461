// SPDX-License-Identifier: BSD-2-Clause
/* proc.*: what /proc shows of the device and its mappings. */
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"

/* Say the maps line of @p with the node's numbers and name replaced. */
static void say_maps_line(const void *p)
{
	struct stat st;
	struct vma v;
	char ident[64];

	must(vma_list(p, 1, &v, 1) == 1 && c_stat(t.dev, &st) == 0);
	snprintf(ident, sizeof(ident), "%02x:%02x %lu", major(st.st_dev),
		 minor(st.st_dev), (unsigned long)st.st_ino);
	say("%s", v.perms);
	say_units("off+", v.offset);
	say("%s", strcmp(ident, v.ident) == 0 ? "node" : "other-file");
	say_text(v.path);
	say_units("len", v.end - v.start);
}

static void maps_case(const long *arg)
{
	say_maps_line(map(dev_open(arg[0]), arg[2] * A, arg[1], arg[3] * A));
}

MATRIX
{
	case_make(maps_case, ARGS(O_RDWR, PROT_READ | PROT_WRITE, 1, 0),
		  "proc.maps.rdwr_rw");
	case_make(maps_case, ARGS(O_RDWR, PROT_READ, 1, 0), "proc.maps.rdwr_r");
	case_make(maps_case, ARGS(O_RDWR, PROT_NONE, 1, 0), "proc.maps.rdwr_none");
	case_make(maps_case, ARGS(O_RDWR, PROT_WRITE, 1, 0), "proc.maps.rdwr_w");
	case_make(maps_case, ARGS(O_RDWR, 7, 1, 0), "proc.maps.rdwr_rwx");
	case_make(maps_case, ARGS(O_RDONLY, PROT_READ, 1, 0), "proc.maps.rdonly_r");
	case_make(maps_case, ARGS(O_RDONLY, PROT_NONE, 1, 0), "proc.maps.rdonly_none");
	case_make(maps_case, ARGS(O_RDWR, PROT_READ, 2, 1), "proc.maps.offset");
	case_make(maps_case, ARGS(O_RDWR, PROT_READ, 3, 0), "proc.maps.three_units");
}

CASE("proc.maps.through_symlink")
{
	char *link = temp_name("link");
	int fd;

	must(symlink(t.dev, link) == 0);
	fd = c_open(link, O_RDWR, 0);
	unlink(link);
	say_maps_line(map(fd, A, PROT_READ, 0));
}

CASE("proc.maps.through_proc_fd")
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_PATH));
	say_maps_line(map(c_open(path, O_RDWR, 0), A, PROT_READ, 0));
}

CASE("proc.maps.after_close")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ, 0);

	c_close(fd);
	say_maps_line(p);
}

static void child_line(void *p)
{
	say_maps_line(p);
}

CASE("proc.maps.in_child")
{
	in_child(child_line, map_units(1));
}

CASE("proc.maps.gone_after_munmap")
{
	char *p = map_units(1);
	struct vma v;

	c_munmap(p, A);
	say("%d", vma_list(p, A, &v, 1));
}

static void say_field(const void *p, const char *field)
{
	char text[256];
	unsigned long kb;
	char rest;

	smaps_field(p, field, text, sizeof(text));
	label("%s", field);
	if (sscanf(text, "%lu k%c", &kb, &rest) == 2 && kb)
		say_units("", kb * 1024);
	else
		say("[%s]", text);
}

CASE("proc.smaps.page_size")
{
	char *p = map_units(2);

	say_field(p, "Size");
	say_field(p, "KernelPageSize");
	say_field(p, "MMUPageSize");
}

static void smaps_counts(char *p)
{
	static const char *const field[] = {"Rss",
					    "Pss",
					    "Shared_Clean",
					    "Shared_Dirty",
					    "Private_Clean",
					    "Private_Dirty",
					    "Referenced",
					    "Anonymous",
					    "AnonHugePages",
					    "ShmemPmdMapped",
					    "FilePmdMapped",
					    "Shared_Hugetlb",
					    "Private_Hugetlb",
					    "Swap",
					    "Locked",
					    "THPeligible"};
	size_t i;

	for (i = 0; i < COUNT(field); i++)
		say_field(p, field[i]);
}

CASE("proc.smaps.counts_untouched")
{
	smaps_counts(map_units(2));
}

CASE("proc.smaps.counts_touched")
{
	char *p = map_units(2);

	put(p, 1);
	smaps_counts(p);
}

static void flags_case(const long *arg)
{
	char *p = c_mmap(NULL, A, arg[1], arg[2], dev_open(arg[0]), 0);
	char text[256];

	must(p != MAP_FAILED);
	if (arg[3])
		must(c_madvise(p, A, arg[3]) == 0);
	smaps_field(p, "VmFlags", text, sizeof(text));
	say("%s", text);
}

MATRIX
{
	const int rw = PROT_READ | PROT_WRITE;

	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED), "proc.smaps.flags.rdwr_rw");
	case_make(flags_case, ARGS(O_RDWR, PROT_READ, MAP_SHARED),
		  "proc.smaps.flags.rdwr_r");
	case_make(flags_case, ARGS(O_RDWR, PROT_NONE, MAP_SHARED),
		  "proc.smaps.flags.rdwr_none");
	case_make(flags_case, ARGS(O_RDONLY, PROT_READ, MAP_SHARED),
		  "proc.smaps.flags.rdonly_r");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED_VALIDATE | MAP_SYNC),
		  "proc.smaps.flags.validate_sync");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED | MAP_SYNC),
		  "proc.smaps.flags.shared_sync");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED | MAP_NORESERVE),
		  "proc.smaps.flags.noreserve");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_DONTFORK),
		  "proc.smaps.flags.dontfork");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_DONTDUMP),
		  "proc.smaps.flags.dontdump");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_RANDOM),
		  "proc.smaps.flags.random");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_SEQUENTIAL),
		  "proc.smaps.flags.sequential");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_NOHUGEPAGE),
		  "proc.smaps.flags.nohugepage");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_HUGEPAGE),
		  "proc.smaps.flags.hugepage");
	case_make(flags_case, ARGS(O_RDWR, rw, MAP_SHARED, MADV_MERGEABLE),
		  "proc.smaps.flags.mergeable");
}

static long status_kb(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(field);
	char line[256];
	long kb = -1;

	must(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			kb = strtol(line + n + 1, NULL, 10);
	fclose(f);
	return kb;
}

CASE("proc.status.size_and_rss")
{
	long size, rss;
	char *p;

	if (A == P)
		skip("lost in the noise");
	status_kb("VmSize");
	size = status_kb("VmSize");
	rss = status_kb("VmRSS");
	p = map_units(4);
	label("size"), say_units("", (uint64_t)(status_kb("VmSize") - size) * 1024);
	put(p, 1);
	label("rss"), say("%ld", (status_kb("VmRSS") - rss) * 1024 / (long)A);
}

CASE("proc.status.locked")
{
	char *p = map_units(1);
	long before = status_kb("VmLck");

	if (c_mlock(p, A) < 0)
		skip("mlock not permitted");
	say("%ld", status_kb("VmLck") - before);
}

/* Say bits of a pagemap entry: 63 present, 62 swapped, 61 file, 57 write-protected. */

static void say_pagemap(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	must(pread(fd, &entry, 8, (uintptr_t)p / P * 8) == 8);
	say("present=%d swapped=%d file=%d", (int)(entry >> 63), (int)(entry >> 62 & 1),
	    (int)(entry >> 61 & 1));
	close(fd);
}

CASE("proc.pagemap")
{
	char *p = map_units(2);

	label("untouched"), say_pagemap(p);
	put(p, 1);
	label("touched"), say_pagemap(p);
	label("middle"), say_pagemap(p + A / 2);
	label("next"), say_pagemap(p + A);
}

/*
 * Say bits 55 to 63 of a pagemap entry, as if 55 were the first: soft-dirty, mapped once,
 * of userfaultfd, guard, ..., of a file, swapped, present; and whether it names a frame.
 */
static void say_pagemap_bits(const char *p)
{
	int fd = c_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	uint64_t entry = 0;

	must(c_pread(fd, &entry, 8, (off_t)((uintptr_t)p / P * 8)) == 8);
	say("0x%x", (unsigned int)(entry >> 55));
	if (t.root)
		say("frame=%d", (entry & ((UINT64_C(1) << 55) - 1)) != 0);
	c_close(fd);
}

CASE("proc.pagemap_bits.one")
{
	char *p = map_units(3);

	label("untouched"), say_pagemap_bits(p);
	put(p, 1);
	get(p + A);
	label("stored"), say_pagemap_bits(p);
	label("end"), say_pagemap_bits(p + A - P);
	label("loaded"), say_pagemap_bits(p + A);
	label("next"), say_pagemap_bits(p + 2 * A);
}

CASE("proc.pagemap_bits.twice_mapped")
{
	char *p = map_units(1);
	char *q = map_units(1);

	put(p, 1);
	label("one"), say_pagemap_bits(p);
	get(q);
	label("both"), say_pagemap_bits(p), say_pagemap_bits(q);
}

static void child_reads_bits(void *p)
{
	label("child"), say_pagemap_bits(p);
	get(p);
	label("touched"), say_pagemap_bits(p);
}

CASE("proc.pagemap_bits.in_a_child")
{
	char *p = map_units(1);

	put(p, 1);
	in_child(child_reads_bits, p);
	label("parent"), say_pagemap_bits(p);
}

CASE("proc.pagemap_bits.read")
{
	int fd = c_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	char *p = map_units(4);
	const off_t from = (off_t)((uintptr_t)(p + A) / P - 1) * 8;
	uint64_t entries[4];
	int i;

	put(p + A, 1);
	must(c_lseek(fd, from, SEEK_SET) >= 0);
	must(c_read(fd, entries, sizeof(entries)) == sizeof(entries));
	for (i = 0; i < 4; i++)
		say("0x%x", (unsigned int)(entries[i] >> 55));
	say("%ld", (long)(c_lseek(fd, 0, SEEK_CUR) - from));
	say_ok(c_pread(fd, entries, 7, 0));
	c_close(fd);
}

CASE("proc.numa_maps")
{
	FILE *f = fopen("/proc/self/numa_maps", "re");
	char *p = map_units(1);
	char want[32];
	char line[1024];

	if (!f)
		skip("no numa_maps");
	snprintf(want, sizeof(want), "%lx ", (unsigned long)p);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, want, strlen(want)) == 0) {
			char *policy = strtok(line + strlen(want), " \n");
			char *file = strtok(NULL, " \n");

			say("%s", policy);
			say_text(file ? file : "");
		}
	}
}

CASE("proc.devices")
{
	FILE *f = fopen("/proc/devices", "re");
	char line[256];
	unsigned int major_seen;
	char name[64];
	int block = 0;

	must(f);
	while (fgets(line, sizeof(line), f)) {
		block |= strncmp(line, "Block", 5) == 0;
		if (!block && sscanf(line, "%u %63s", &major_seen, name) == 2 &&
		    major_seen == major(t.dev_t))
			say("%s", name);
	}
}

static int count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	must(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

CASE("proc.threads")
{
	char *p;

	say("%d", count_tasks());
	p = map_units(1);
	put(p, 1);
	say("%d", count_tasks());
}

CASE("proc.namespace_after_mapping")
{
	char *p = map_units(1);

	put(p, 1);
	say_ok(unshare(CLONE_NEWUSER));
	say_load(p);
}

/* The /proc files of a process that may not be dumped belong to root. */
CASE("proc.not_dumpable")
{
	char link[64];
	char b[64];
	char *p;
	int fd;

	must(prctl(PR_SET_DUMPABLE, 0) == 0);
	fd = dev_open(O_RDWR);
	p = map(fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	put(p, 0x6d);
	put(p + A, 0x6e);
	say_load(p);
	say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
	if (A > P)
		say_ok(c_munmap(p, P));
	say_ok(c_munmap(p, A));
	say_load(p + A);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	say("%s", c_readlink(link, b, sizeof(b)) < 0 ? err_name(errno) : "ok");
}
