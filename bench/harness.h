/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Common code of the benchmark programs: measure two sides in turn, and take medians.
 *
 * The two sides of a comparison run in one process in short alternating slices, and each
 * is first in every other round, so that other load on the machine affects both.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <err.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HUGE_PAGE (UINT64_C(2) << 20)

static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double median(double *values, int nr)
{
	qsort(values, (size_t)nr, sizeof(*values), compare_doubles);
	return values[nr / 2];
}

/* Do @nr operations of one side. */
typedef void bench_fn(void *side, long nr);

/* Print "NAME FIRST SECOND": nanoseconds for one operation of each side. */
static inline void compare(const char *name, bench_fn *fn, void *first, void *second,
			   long nr, int rounds)
{
	double *times[2];
	void *sides[2] = {first, second};
	int i;
	int k;

	for (k = 0; k < 2; k++) {
		times[k] = calloc((size_t)rounds, sizeof(double));
		if (!times[k])
			err(1, "calloc");
		fn(sides[k], nr); /* warm up */
	}
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < 2; k++) {
			const int side = (i + k) % 2;
			const double start = now_ns();

			fn(sides[side], nr);
			times[side][i] = (now_ns() - start) / (double)nr;
		}
	}
	printf("%s %.2f %.2f\n", name, median(times[0], rounds),
	       median(times[1], rounds));
	for (k = 0; k < 2; k++)
		free(times[k]);
}

/* Open plain memory of the same kind as the backing store: "memfd" or "hugetlb". */
static inline int open_plain(const char *kind, uint64_t size)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | (kind[0] == 'h' ? MFD_HUGETLB : 0));

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		err(1, "memfd of %s", kind);
	return fd;
}

#endif
