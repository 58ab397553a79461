/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * huge DEVICE SIZE tmpfs|hugetlb|DIR SLICES: compare the device with a raw mapping of
 * memory in pages of 2 MiB: a file of a tmpfs mounted with huge=always, a hugetlb memfd, or
 * a file in DIR with madvise(MADV_HUGEPAGE), if its file system has large folios.
 *
 * Memory can be touched for the first time only once, so each round takes a new slice of
 * both. Prints the times of the first touch of 4 KiB, of a touch in a second mapping, and
 * of a load at a random place of all memory, and the faults of the first touch of a GiB.
 */
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench/harness.h"

#define PAGE 4096

static volatile uint64_t sink;

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* Runs in a child that shares the table of descriptors. Exits with the root's. */
static void mount_huge(uid_t uid, gid_t gid)
{
	char map[64];
	int fs;
	int fd;

	if (uid && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		err(255, "unshare");
	if (uid) {
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "%u %u 1", uid, uid);
		write_text("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "%u %u 1", gid, gid);
		write_text("/proc/self/gid_map", map);
	}
	fs = (int)syscall(SYS_fsopen, "tmpfs", 0);
	if (fs < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "huge", "always", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "0", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		err(255, "tmpfs with huge=always");
	fd = (int)syscall(SYS_fsmount, fs, 0, 0);
	if (fd < 0)
		err(255, "fsmount");
	_exit(fd);
}

static int open_huge_tmpfs(uint64_t size)
{
	const uid_t uid = getuid();
	const gid_t gid = getgid();
	int status;
	int fd;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L);

	if (pid == 0)
		mount_huge(uid, gid);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 255)
		exit(3);
	fd = openat(WEXITSTATUS(status), ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		err(1, "a file of the tmpfs");
	return fd;
}

static int open_file(const char *dir, uint64_t size)
{
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || fallocate(fd, 0, 0, (off_t)size) < 0)
		err(1, "a file in %s", dir);
	return fd;
}

struct side {
	int fd;
	bool is_advised;
	uint64_t size;
	char *p;
	uint64_t random;
	double *first;
	double *second;
	long faults;
};

static char *map_all(const struct side *s)
{
	char *p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	if (s->is_advised)
		madvise(p, s->size, MADV_HUGEPAGE);
	return p;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Return: nanoseconds for each 4 KiB. */
static double touch(char *p, uint64_t len)
{
	const double start = now_ns();
	uint64_t at;

	for (at = 0; at < len; at += PAGE)
		p[at]++;
	return (now_ns() - start) / (double)(len / PAGE);
}

static void load_lines(void *arg, long nr)
{
	struct side *s = arg;
	const uint64_t mask = s->size / 64 - 1;
	uint64_t r = s->random;
	uint64_t sum = 0;

	while (nr--) {
		r = r * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += *(const uint64_t *)(s->p + (r >> 32 & mask) * 64);
	}
	s->random = r;
	sink = sum;
}

int main(int argc, char **argv)
{
	struct side sides[2] = {0};
	uint64_t slice;
	int slices;
	int i;
	int k;

	if (argc != 5)
		errx(2, "usage: huge DEVICE SIZE tmpfs|hugetlb|DIR SLICES");
	sides[0].size = sides[1].size = strtoull(argv[2], NULL, 0);
	slices = atoi(argv[4]);
	slice = slices > 0 ? sides[0].size / (uint64_t)slices : 0;
	if (!slice || slice % HUGE_PAGE || sides[0].size & (sides[0].size - 1))
		errx(2, "SIZE is a power of two, a slice a multiple of 2 MiB");
	sides[0].fd = open(argv[1], O_RDWR);
	if (sides[0].fd < 0)
		err(1, "%s", argv[1]);
	sides[1].is_advised = argv[3][0] == '/';
	sides[1].fd = argv[3][0] == '/'   ? open_file(argv[3], sides[1].size)
		      : argv[3][0] == 'h' ? open_plain("hugetlb", sides[1].size)
					  : open_huge_tmpfs(sides[1].size);
	for (k = 0; k < 2; k++) {
		sides[k].p = map_all(&sides[k]);
		sides[k].first = calloc((size_t)slices, sizeof(double));
		sides[k].second = calloc((size_t)slices, sizeof(double));
		if (!sides[k].first || !sides[k].second)
			err(1, "calloc");
	}
	for (i = 0; i < slices; i++) {
		for (k = 0; k < 2; k++) {
			struct side *s = &sides[(i + k) % 2];
			const long before = faults();

			s->first[i] = touch(s->p + (uint64_t)i * slice, slice);
			s->faults += faults() - before;
		}
	}
	for (i = 0; i < slices; i++) {
		for (k = 0; k < 2; k++) {
			struct side *s = &sides[(i + k) % 2];
			char *p = map_all(s);

			s->second[i] = touch(p + (uint64_t)i * slice, slice);
			munmap(p, s->size);
		}
	}
	printf("first %.2f %.2f\n", median(sides[0].first, slices),
	       median(sides[1].first, slices));
	printf("second %.2f %.2f\n", median(sides[0].second, slices),
	       median(sides[1].second, slices));
	for (k = 0; k < 2; k++)
		sides[k].faults = (long)((double)sides[k].faults * (double)(1 << 30) /
					 (double)sides[k].size);
	printf("faults %ld %ld\n", sides[0].faults, sides[1].faults);
	compare("loads", load_lines, &sides[0], &sides[1], 200000, slices < 8 ? 3 : 31);
	return 0;
}
