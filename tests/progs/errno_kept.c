/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Check that calls that succeed leave errno alone, and print the names of those that
 * change it.
 *
 *   errno_kept PATH	PATH: a device, or any file that can be mapped
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK 12345
#define UNIT (2 << 20)

#define TRY(expr)                                                                        \
	do {                                                                             \
		errno = MARK;                                                            \
		if (expr)                                                                \
			nr_tried++;                                                      \
		else                                                                     \
			printf("failed: %s: %s\n", #expr, strerror(errno));              \
		if (errno != MARK)                                                       \
			printf("errno was touched: %s: %s\n", #expr, strerror(errno));   \
	} while (0)

static int nr_tried;

static void files(const char *path)
{
	char target[PATH_MAX];
	char buf[PATH_MAX];
	struct statfs sfs;
	struct statx stx;
	struct stat st;
	int fd = -1;
	int copy = -1;
	FILE *f;

	TRY((fd = open(path, O_RDWR)) >= 0);
	TRY(fstat(fd, &st) == 0);
	TRY(stat(path, &st) == 0);
	TRY(lstat(path, &st) == 0);
	TRY(fstatat(AT_FDCWD, path, &st, 0) == 0);
	TRY(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx) == 0);
	TRY(statfs(path, &sfs) == 0);
	TRY(access(path, R_OK) == 0);
	TRY(faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0);
	TRY(realpath(path, buf) != NULL);
	TRY((copy = dup(fd)) >= 0);
	TRY(close(copy) == 0);
	TRY((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0);
	TRY(dup2(fd, copy) == copy);
	TRY(close(copy) == 0);
	TRY(fcntl(fd, F_GETFL) >= 0);
	TRY(lseek(fd, 0, SEEK_SET) == 0);
	TRY(syscall(SYS_fstat, fd, &st) == 0);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	TRY(readlink(buf, target, sizeof(target)) > 0);
	TRY(close(fd) == 0);
	errno = MARK;
	f = fopen(path, "re");
	TRY(f != NULL);
	if (f)
		TRY(fclose(f) == 0);
}

static void memory(const char *path)
{
	int fd = open(path, O_RDWR);
	char *p = NULL;
	char *q = NULL;

	TRY((p = mmap(NULL, 4 * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) !=
	    MAP_FAILED);
	TRY(madvise(p, UNIT, MADV_RANDOM) == 0);
	TRY(posix_madvise(p, UNIT, POSIX_MADV_NORMAL) == 0);
	TRY(mprotect(p, UNIT, PROT_READ) == 0);
	TRY(munmap(p + UNIT, UNIT) == 0);
	TRY((q = mremap(p + 2 * UNIT, UNIT, UNIT, MREMAP_MAYMOVE | MREMAP_FIXED,
			p + UNIT)) != MAP_FAILED);
	TRY(munmap(p, 4 * UNIT) == 0);
	TRY((p = mmap(NULL, UNIT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) !=
	    MAP_FAILED);
	TRY(munmap(p, UNIT) == 0);
	close(fd);
}

static void folders(const char *path)
{
	struct dirent **list;
	struct dirent *entry = NULL;
	glob_t found;
	DIR *d = NULL;
	int n;

	TRY((d = opendir(path)) != NULL);
	if (!d)
		return;
	do {
		TRY((entry = readdir(d)) != NULL || errno == MARK);
	} while (entry);
	TRY(closedir(d) == 0);
	TRY((n = scandir(path, &list, NULL, alphasort)) > 0);
	while (n-- > 0)
		free(list[n]);
	free(list);
	TRY(glob("/dev/nul*", 0, NULL, &found) == 0);
	globfree(&found);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/dev/dax0.0";

	files(path);
	memory(path);
	folders("/dev");
	folders("/sys/bus");
	printf("%d calls\n", nr_tried);
	return 0;
}
