// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -lpmem
/*
 * fences DEVICE SIZE NR: run by daxrun --crash, measure the CPU time of NR fences, each
 * after stores to four pages of SIZE bytes, all of which are in use. Prints it to stderr.
 */
#include <libpmem.h>

#include "bench/harness.h"

#define PAGE  4096
#define PAGES 4 /* stored to before a fence */

/* Nothing else counts on a busy machine. */
static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t page = 0;
	double *times;
	uint64_t size;
	uint64_t i;
	char *p;
	int nr;
	int fd;
	int k;

	if (argc != 4)
		errx(2, "usage: fences DEVICE SIZE NR");
	size = strtoull(argv[2], NULL, 0);
	nr = atoi(argv[3]);
	times = calloc((size_t)nr, sizeof(*times));
	fd = open(argv[1], O_RDWR);
	if (fd < 0 || !times)
		err(1, "%s", argv[1]);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of %s", argv[1]);
	for (i = 0; i < size; i += PAGE)
		p[i] = 1;
	pmem_persist(p, 1); /* the whole device is looked at once */
	for (k = 0; k < nr; k++) {
		const double start = cpu_ns();

		for (i = 0; i < PAGES; i++) {
			page = (page + 4099 * PAGE) % size;
			p[page]++;
			pmem_flush(p + page, 1);
		}
		pmem_drain();
		times[k] = cpu_ns() - start;
	}
	fprintf(stderr, "fences %.0f %.0f\n", median(times, nr), (double)size);
	return 0;
}
