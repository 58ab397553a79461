/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_pairs FILE NR: map and unmap the first 2 MiB of a file NR times, between two calls
 * of getppid(2), for a test that counts system calls.
 *
 * map_pairs --many FILE NR: map every second page NR times, print how many lines of
 * /proc/self/maps name the file, unmap half of it, print again, and the rest.
 *
 * map_pairs --replaced FILE OTHER: map FILE, replace its descriptor by one of OTHER with a
 * system call that no library sees, and print the first byte of a mapping of that; do the
 * same with a descriptor of FILE itself that is open for reading, and print the error.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEN  ((size_t)2 << 20)
#define PAGE 4096UL

static void pair(int fd)
{
	void *p = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED || munmap(p, LEN) < 0)
		err(1, "mmap and munmap");
}

static void count_lines(const char *path)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	long nr = 0;

	if (!f)
		err(1, "/proc/self/maps");
	while (fgets(line, sizeof(line), f))
		nr += strstr(line, path) != NULL;
	fclose(f);
	printf("%ld\n", nr);
}

static void many(const char *path, int fd, unsigned long nr)
{
	char *place = (char *)0x100000000000UL;
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (mmap(place + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
			 (off_t)(i * PAGE)) == MAP_FAILED)
			err(1, "mmap %lu", i);
	for (i = 0; i < nr; i += 97) {
		memcpy(place + 2 * i * PAGE, &i, sizeof(i));
		if (memcmp(place + 2 * i * PAGE, &i, sizeof(i)))
			errx(1, "page %lu", i);
	}
	count_lines(path);
	for (i = 0; i < nr; i += 2)
		if (munmap(place + i * 7919 % nr * 2 * PAGE, PAGE) < 0)
			err(1, "munmap");
	count_lines(path);
	if (munmap(place, 2 * nr * PAGE) < 0)
		err(1, "munmap of all");
	count_lines(path);
}

/* dup3(2) past libc, where this is possible. */
static void replace(int fd, int by)
{
#ifdef __x86_64__
	register long flags __asm__("rdx") = 0;
	long r = SYS_dup3;

	__asm__ volatile("syscall"
			 : "+a"(r)
			 : "D"((long)by), "S"((long)fd), "r"(flags)
			 : "rcx", "r11", "memory");
#else
	int r = dup2(by, fd);
#endif
	if (r != fd)
		errx(1, "dup3");
}

static void replaced(const char *path, const char *other)
{
	int fd = open(path, O_RDWR);
	int other_fd = open(other, O_RDWR);
	int read_only = open(path, O_RDONLY);
	const char *p;
	int i;

	if (fd < 0 || other_fd < 0 || read_only < 0)
		err(1, "open");
	/* Often enough for the shim to remember them. */
	for (i = 0; i < 8; i++) {
		pair(fd);
		pair(read_only);
	}
	replace(fd, other_fd);
	p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of %s", other);
	printf("%c\n", *p);
	replace(fd, read_only);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("%s\n", p == MAP_FAILED ? strerror(errno) : "mapped");
}

int main(int argc, char **argv)
{
	const bool is_many = argc == 4 && !strcmp(argv[1], "--many");
	const char *path = argc >= 3 ? argv[argc - 2] : "";
	long nr = argc >= 3 ? atol(argv[argc - 1]) : 0;
	int fd;
	int i;

	if (argc == 4 && !strcmp(argv[1], "--replaced")) {
		replaced(argv[2], argv[3]);
		return 0;
	}
	if (nr <= 0)
		errx(2, "usage: map_pairs [--many] FILE NR | --replaced FILE OTHER");
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	if (is_many) {
		many(path, fd, (unsigned long)nr);
		return 0;
	}
	for (i = 0; i < 8; i++)
		pair(fd);
	getppid();
	while (nr--)
		pair(fd);
	getppid();
	return 0;
}
