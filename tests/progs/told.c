/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Print what a program is told in which kernels differ:
 * told DEVICE DEVICE-OF-1G DEVICE-AS-THE-KERNEL-LEAVES-IT. The first has an align of 2M.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT ((size_t)2 << 20)
#define GIB  ((size_t)1 << 30)

static sigjmp_buf back;

static void on_sigbus(int sig)
{
	siglongjmp(back, sig);
}

static char *map(const char *path, size_t len, int flags)
{
	int fd = open(path, O_RDWR);
	char *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return p;
}

/* Return: the first number behind a name in a file, or -1. */
static long number(const char *path, const char *after, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[512];
	int is_there = !after;
	long n = -1;

	while (n < 0 && f && fgets(line, sizeof(line), f)) {
		if (after && strstr(line, after))
			is_there = 1;
		if (is_there && !strncmp(line, name, strlen(name)))
			n = strtol(line + strlen(name), NULL, 10);
	}
	if (f)
		fclose(f);
	return n;
}

static const char *touch(char *p)
{
	if (sigsetjmp(back, 1))
		return "SIGBUS";
	*(volatile char *)p = 1;
	return "ok";
}

int main(int argc, char **argv)
{
	const long before = number("/proc/self/status", NULL, "VmRSS:");
	unsigned char resident = 0;
	char *p;
	char *to;

	if (argc != 4)
		return 2;
	signal(SIGBUS, on_sigbus);
	p = map(argv[1], 4 * UNIT, MAP_SHARED);
	memset(p, 1, 4 * UNIT);
	printf("8 MiB touched: Rss %ld kB", number("/proc/self/smaps", argv[1], "Rss:"));
	printf(", VmRSS %s\n", number("/proc/self/status", NULL, "VmRSS:") - before > 4096
				       ? "has it"
				       : "has not");
	printf("touch of a mapping with MAP_STACK: %s\n",
	       touch(map(argv[1], UNIT, MAP_SHARED | MAP_STACK)));
	to = mmap(NULL, 8 * UNIT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = mremap(p, 8 * UNIT, 8 * UNIT, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	printf("mremap of more than the mapping: %s",
	       p == MAP_FAILED ? strerrorname_np(errno) : "ok");
	printf(", its target is %s\n",
	       madvise(to, 8 * UNIT, MADV_NORMAL) ? "gone" : "there");
	p = map(argv[2], GIB, MAP_SHARED);
	*p = 1;
	printf("mincore at 1G: %s\n", mincore(p, 1, &resident) == 0 && resident & 1
					      ? "resident"
					      : "not resident");
	printf("memmap_on_memory: %s\n",
	       access("/sys/bus/dax/devices/dax2.0/memmap_on_memory", F_OK) ? "no"
									    : "yes");
	printf("first open: %s\n",
	       open(argv[3], O_RDWR) < 0 ? strerrorname_np(errno) : "ok");
	return 0;
}
