/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seal a unit of a device, with mseal(2): sealed DEVICE COMMAND. Then runs the command, which
 * is expected to disable the device or make the second unit bad, and touches each unit. Prints
 * what happened; exit status 3 if the kernel has no mseal.
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

#define UNIT   (2ul << 20)
#define SEALED (p + UNIT)
#define OTHER  (p + 4 * UNIT) /* plain memory right behind the device's */
#define NR     4

static sigjmp_buf back;

static int seal(void *addr, size_t len, unsigned long flags)
{
	return (int)syscall(462, addr, len, flags);
}

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result == -1 ? strerrorname_np(errno) : "ok");
}

static void jump(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void say_flags(const char *addr)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[256];
	char want[32];
	int is_it = 0;

	snprintf(want, sizeof(want), "%lx-", (unsigned long)addr);
	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && !strncmp(line, want, strlen(want)))
			is_it = 1;
		else if (is_it && !strncmp(line, "VmFlags", 7)) {
			printf("smaps: %s\n", strstr(line, " sl ") ? "sl" : "no sl");
			is_it = 0;
		}
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDWR);
	volatile char *unit;
	char *p;
	int i;

	if (argc < 3 || fd < 0)
		return 2;
	if (seal(NULL, 0, 0) != 0)
		return 3;
	p = mmap(NULL, (NR + 1) * UNIT + UNIT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	p = (char *)(((unsigned long)p + UNIT - 1) & -UNIT);
	if (mmap(p, NR * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
	    p)
		return 2;
	for (i = 0; i < NR; i++)
		p[i * UNIT] = 1;

	say("flags", seal(SEALED, UNIT, 1));
	say("off a page", seal(SEALED + 1, UNIT, 0));
	say("part of a unit", seal(SEALED + 4096, UNIT - 4096, 0));
	say("part of two", seal(SEALED - 4096, UNIT, 0));
	munmap(OTHER + 4096, 4096);
	say("a gap", seal(SEALED, 4 * UNIT, 0));
	say("unit", seal(SEALED, UNIT, 0));
	say("again, a page of it", seal(SEALED, 4096, 0));
	say("plain memory", seal(OTHER, 4096, 0));
	say_flags(SEALED);
	say("munmap", munmap(SEALED, UNIT));
	say("munmap of all", munmap(p, NR * UNIT));
	say("mprotect", mprotect(SEALED, UNIT, PROT_READ));
	say("mremap", (long)mremap(SEALED, UNIT, 2 * UNIT, MREMAP_MAYMOVE));
	say("mmap over it", (long)mmap(SEALED, UNIT, PROT_READ,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	say("munmap of plain memory", munmap(OTHER, 4096));
	say("madvise", madvise(SEALED, UNIT, MADV_DONTFORK));
	say("munmap of another unit", munmap(p + 3 * UNIT, UNIT));
	fflush(stdout);

	if (system(argv[2]))
		return 1;
	signal(SIGBUS, jump);
	for (i = 0; i < NR - 1; i++) {
		unit = p + i * UNIT;
		if (sigsetjmp(back, 1))
			printf("unit %d: SIGBUS\n", i);
		else
			printf("unit %d: %d\n", i, ++*unit);
	}
	return 0;
}
