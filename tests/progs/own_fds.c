/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look for descriptors that the program has not opened, while a device is mapped and after,
 * in each way in which a program may. The first argument is the device.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEN  (4UL << 20)
#define MANY 2048

static bool was_open[MANY];

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Counts the entries of a directory, with readdir. */
static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int all(const struct dirent *entry)
{
	(void)entry;
	return 1;
}

static int scanned(void)
{
	struct dirent **list;
	int n = scandir("/proc/self/fd", &list, all, NULL);
	int i;

	for (i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return n;
}

static int raw_entries(void)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
			      O_RDONLY | O_DIRECTORY);
	char buf[4096] __attribute__((aligned(8)));
	int count = 0;
	long n;
	long at;

	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; count++)
			at += ((struct dirent64 *)(void *)(buf + at))->d_reclen;
	close(fd);
	return count;
}

/* Tries a descriptor that is not open. Return: how many calls find it. */
static int found(int fd)
{
	struct stat st;
	char path[32];
	char buf[64];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n += fcntl(fd, F_GETFD) >= 0 || fcntl(fd, F_GETFL) >= 0;
	n += fstat(fd, &st) == 0 || syscall(SYS_fstat, fd, &st) == 0;
	n += fstatat(fd, "", &st, AT_EMPTY_PATH) == 0;
	n += syscall(SYS_fcntl, fd, F_GETFD) >= 0;
	n += dup(fd) >= 0 || dup2(fd, fd) >= 0;
	n += readlink(path, buf, sizeof(buf)) >= 0;
	n += stat(path, &st) == 0 || lstat(path, &st) == 0;
	n += access(path, F_OK) == 0;
	n += open(path, O_RDONLY) >= 0;
	n += read(fd, buf, 1) >= 0 || errno != EBADF;
	n += lseek(fd, 0, SEEK_SET) >= 0;
	n += mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
	n += close(fd) == 0 || errno != EBADF;
	return n;
}

/* Return: what is found of descriptors that were not open at the beginning. */
static int look(void)
{
	int n = 0;
	int fd;

	for (fd = 0; fd < MANY; fd++)
		if (!was_open[fd])
			n += found(fd);
	return n;
}

/* Opens as many files as the limit allows, and closes them. */
static int room(void)
{
	static int fds[MANY];
	int n = 0;
	int i;

	while (n < MANY && (fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	for (i = 0; i < n; i++)
		close(fds[i]);
	return n;
}

static void *map(int fd)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		exit(1);
	p[1]++;
	return p;
}

int main(int argc, char **argv)
{
	const int before[] = {entries("/proc/self/fd"), entries("/proc/self/fdinfo"),
			      scanned(), raw_entries(), room()};
	void *p;
	int fd;

	for (fd = 0; fd < MANY; fd++)
		was_open[fd] = is_open(fd);
	fd = open(argv[argc - 1], O_RDWR);
	p = map(fd);
	was_open[fd] = true;
	printf("mapped: %d more entries, %d more of fdinfo, %d scanned, %d raw, %d "
	       "found\n",
	       entries("/proc/self/fd") - before[0] - 1,
	       entries("/proc/self/fdinfo") - before[1] - 1, scanned() - before[2] - 1,
	       raw_entries() - before[3] - 1, look());
	printf("room for %d fewer\n", before[4] - room() - 1);
	munmap(p, LEN);
	close(fd);
	was_open[fd] = false;
	printf("after: %d more entries, %d found, room for %d fewer\n",
	       entries("/proc/self/fd") - before[0], look(), before[4] - room());
	/* The number is free again for the program, however the descriptor was closed. */
	fd = open(argv[argc - 1], O_RDWR);
	closefrom(fd + 1);
	for (int other = fd + 1; other < MANY; other++)
		if (dup2(fd, other) >= 0 && (!is_open(other) || close(other) < 0))
			printf("%d cannot be used\n", other);
	p = map(fd);
	munmap(p, LEN);
	printf("mapped again\n");
	return 0;
}
