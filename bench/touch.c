/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * touch DEVICE UNIT NR DELAY: measure the first touches of NR units, which a fault rule
 * delays by DELAY nanoseconds. The device is mapped anew for them.
 */
#include "bench/harness.h"

int main(int argc, char **argv)
{
	double *times;
	uint64_t unit;
	volatile char *p;
	int nr;
	int fd;
	int i;

	if (argc != 5)
		errx(2, "usage: touch DEVICE UNIT NR DELAY");
	unit = strtoull(argv[2], NULL, 0);
	nr = atoi(argv[3]);
	times = calloc((size_t)nr, sizeof(*times));
	fd = open(argv[1], O_RDWR);
	if (fd < 0 || !times)
		err(1, "%s", argv[1]);
	p = mmap(NULL, (size_t)nr * unit, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of %s", argv[1]);
	for (i = 0; i < nr; i++) {
		const double start = now_ns();

		p[(uint64_t)i * unit] = 1;
		times[i] = now_ns() - start;
	}
	printf("touch %.0f %s\n", median(times, nr), argv[4]);
	return 0;
}
