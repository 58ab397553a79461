/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls: how long system calls of a static program take, in nanoseconds; each is the least
 * mean of many batches. The second column is of no use.
 */
// LIBS: -static
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 40
#define CALLS   500

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define MEASURE(name, call)                                                              \
	do {                                                                             \
		double least = 1e12;                                                     \
		int i;                                                                   \
		int k;                                                                   \
                                                                                         \
		for (i = 0; i < BATCHES; i++) {                                          \
			double start = now();                                            \
			double mean;                                                     \
                                                                                         \
			for (k = 0; k < CALLS; k++)                                      \
				call;                                                    \
			mean = (now() - start) / CALLS;                                  \
			least = mean < least ? mean : least;                             \
		}                                                                        \
		printf("%s %.1f 0\n", name, least);                                      \
	} while (0)

int main(void)
{
	const int zero = open("/dev/zero", O_RDONLY);
	struct stat st;
	char buf[8];

	MEASURE("getppid", syscall(SYS_getppid));
	MEASURE("read", (void)!read(zero, buf, sizeof(buf)));
	MEASURE("stat", stat("/etc/passwd", &st));
	MEASURE("open", close(open("/etc/passwd", O_RDONLY)));
	return 0;
}
