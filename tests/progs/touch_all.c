/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * touch_all DEVICE SIZE LENGTH: map LENGTH bytes of a device, and touch each 4 KiB of the
 * first SIZE bytes, twice.
 *
 * Print the number of minor faults of each pass. Between the passes and at the end it
 * waits for a line on stdin, so that a test can look at the process from outside.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

int main(int argc, char **argv)
{
	size_t size = argc == 4 ? strtoull(argv[2], NULL, 0) : 0;
	int fd = size ? open(argv[1], O_RDWR) : -1;
	volatile char *p;
	char line[16];
	size_t at;
	long before;
	int pass;

	if (fd < 0)
		return 1;
	p = mmap(NULL, strtoull(argv[3], NULL, 0), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	if (p == MAP_FAILED)
		return 1;
	printf("mapped\n");
	for (pass = 0; pass < 2; pass++) {
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 1;
		before = faults();
		for (at = 0; at < size; at += 4096)
			p[at]++;
		printf("%ld\n", faults() - before);
	}
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) ? 0 : 1;
}
