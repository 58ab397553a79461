/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maps DEVICE NUMBER ROUNDS: compare a process with many mappings of the device that
 * cannot merge, every second page, with one that has as many of a memfd: mmap, munmap,
 * a read of all of /proc/self/maps, and PROCMAP_QUERY about each mapping, as a ratio only if
 * this kernel has it. DEVICE has an align of 4 KiB.
 */
// LIBS: -ldl
#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "bench/harness.h"
#include "bench/libc.h"

#define PAGE UINT64_C(4096)
/* Far from where the kernel places mappings by itself. */
#define PLACE UINT64_C(0x100000000000)

typedef void *mmap_fn(void *addr, size_t len, int prot, int flags, int fd, off_t off);
typedef int munmap_fn(void *addr, size_t len);
typedef int open_fn(const char *path, int flags, ...);
typedef int ioctl_fn(int fd, unsigned long request, ...);

struct side {
	int fd;
	mmap_fn *mmap;
	munmap_fn *munmap;
	open_fn *open;
	ioctl_fn *ioctl;
};

/* PROCMAP_QUERY of Linux 6.11, and what it takes. */
#define QUERY 0xc0686611UL

struct query {
	uint64_t size;
	uint64_t flags;
	uint64_t addr;
	uint64_t answer[6];
	uint32_t dev[2];
	uint32_t name_size;
	uint32_t build_id_size;
	uint64_t name_addr;
	uint64_t build_id_addr;
};

enum {
	MMAP,
	MAPS,
	ASK,
	MUNMAP,
	NR_WHAT
};

static void read_maps(const struct side *s)
{
	static char buf[65536];
	int fd = s->open("/proc/self/maps", O_RDONLY);
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		err(1, "/proc/self/maps");
	close(fd);
}

/* Ask for the name of each mapping. Return: false if this kernel cannot tell. */
static bool ask(const struct side *s, int fd, uint64_t nr)
{
	char name[256];
	bool is_ok = true;
	uint64_t i;

	for (i = 0; i < nr && is_ok; i++) {
		struct query q = {.size = sizeof(q),
				  .addr = PLACE + i * 7919 % nr * 2 * PAGE,
				  .name_size = sizeof(name),
				  .name_addr = (uintptr_t)name};

		is_ok = s->ioctl(fd, QUERY, &q) == 0;
	}
	if (!is_ok && errno != ENOTTY)
		err(1, "PROCMAP_QUERY");
	return is_ok;
}

/* Measure one side once. @ret: receives the nanoseconds for each mapping. */
static void measure(const struct side *s, uint64_t nr, double ret[NR_WHAT])
{
	double start = now_ns();
	uint64_t i;
	int fd;

	for (i = 0; i < nr; i++)
		if (s->mmap((void *)(uintptr_t)(PLACE + i * 2 * PAGE), PAGE,
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
			    s->fd, (off_t)(i * PAGE)) == MAP_FAILED)
			err(1, "mmap %llu", (unsigned long long)i);
	ret[MMAP] = (now_ns() - start) / (double)nr;
	start = now_ns();
	read_maps(s);
	ret[MAPS] = (now_ns() - start) / (double)nr;
	fd = s->open("/proc/self/maps", O_RDONLY);
	start = now_ns();
	ret[ASK] = ask(s, fd, nr) ? (now_ns() - start) / (double)nr : 0;
	close(fd);
	start = now_ns();
	/* In no order: 7919 is a prime, and divides no number of mappings in use. */
	for (i = 0; i < nr; i++)
		if (s->munmap((void *)(uintptr_t)(PLACE + i * 7919 % nr * 2 * PAGE),
			      PAGE) < 0)
			err(1, "munmap");
	ret[MUNMAP] = (now_ns() - start) / (double)nr;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"mmap", "maps", "query", "munmap"};
	struct side sides[2] = {
		{.mmap = mmap, .munmap = munmap, .open = open, .ioctl = ioctl}};
	double *times[2][NR_WHAT];
	const uint64_t nr = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	const int rounds = argc == 4 ? atoi(argv[3]) : 0;
	int what;
	int i;
	int k;

	if (!nr || !rounds)
		errx(2, "usage: maps DEVICE NUMBER ROUNDS");
	sides[0].fd = open(argv[1], O_RDWR);
	if (sides[0].fd < 0)
		err(1, "%s", argv[1]);
	sides[1].fd = open_plain("memfd", nr * PAGE);
	*(void **)&sides[1].mmap = libc_function("mmap");
	*(void **)&sides[1].munmap = libc_function("munmap");
	*(void **)&sides[1].open = libc_function("open");
	*(void **)&sides[1].ioctl = libc_function("ioctl");
	for (k = 0; k < 2 * NR_WHAT; k++) {
		times[k / NR_WHAT][k % NR_WHAT] = calloc((size_t)rounds, sizeof(double));
		if (!times[k / NR_WHAT][k % NR_WHAT])
			err(1, "calloc");
	}
	for (i = -1; i < rounds; i++) {
		for (k = 0; k < 2; k++) {
			const int side = (i + k) & 1;
			double ns[NR_WHAT];

			measure(&sides[side], nr, ns);
			for (what = 0; what < NR_WHAT && i >= 0; what++)
				times[side][what][i] = ns[what];
		}
	}
	for (what = 0; what < NR_WHAT; what++)
		printf("%s %.2f %.2f\n", names[what], median(times[0][what], rounds),
		       median(times[1][what], rounds));
	return 0;
}
