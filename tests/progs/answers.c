/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what a program sees of /dev/dax0.0, or the device of the argument (of 64M, align
 * 2M), a line for each question. No line depends on how it was built: there are static ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB  (1UL << 20)
#define UNIT (2 * MIB)

static const char *device = "/dev/dax0.0";
static sigjmp_buf back;
static siginfo_t caught;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	caught = *info;
	siglongjmp(back, 1);
}

static const char *result(long r)
{
	return r == -1 ? strerrorname_np(errno) : "ok";
}

static void show_files(int fd)
{
	char text[64] = "";
	char path[64];
	struct stat st;
	struct dirent *entry;
	DIR *dir = opendir("/sys/bus/dax/devices");
	ssize_t n;

	printf("stat %s", result(stat(device, &st)));
	printf(" chr %d minor %u size %ld\n", S_ISCHR(st.st_mode), minor(st.st_rdev),
	       (long)st.st_size);
	printf("fstat %s chr %d\n", result(fstat(fd, &st)), S_ISCHR(st.st_mode));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/size", major(st.st_rdev),
		 minor(st.st_rdev));
	n = open(path, O_RDONLY);
	printf("size %zd ", read((int)n, text, sizeof(text) - 1));
	printf("%s", text);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			printf("device %s\n", entry->d_name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	printf("link %.*s\n", (int)n, text);
}

static void show_calls(int fd)
{
	char byte = 0;

	printf("read %s\n", result(read(fd, &byte, 1)));
	printf("write %s\n", result(write(fd, &byte, 1)));
	printf("pread %s\n", result(pread(fd, &byte, 1, 0)));
	printf("ftruncate %s\n", result(ftruncate(fd, 0)));
	printf("fallocate %s\n", result(fallocate(fd, 0, 0, 1)));
	printf("lseek %ld\n", (long)lseek(fd, 5, SEEK_SET));
	printf("fsync %s\n", result(fsync(fd)));
	printf("dup %s\n", result(read(dup(fd), &byte, 1)));
	printf("dup2 %s\n", result(read(dup2(fd, 77), &byte, 1)));
}

static void *map(int fd, size_t len, int flags, off_t off)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, off);
}

static void show_mappings(int fd)
{
	char *p = map(fd, 2 * UNIT, MAP_SHARED, 0);
	char *all = map(fd, 256 * MIB, MAP_SHARED, 0);
	struct sigaction act = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	char line[512];
	FILE *maps;
	int status;
	pid_t child;

	printf("mmap %s aligned %d\n", result((long)p), (uintptr_t)p % UNIT == 0);
	printf("private %s\n", result((long)map(fd, UNIT, MAP_PRIVATE, 0)));
	printf("odd length %s\n", result((long)map(fd, 4096, MAP_SHARED, 0)));
	printf("odd offset %s\n", result((long)map(fd, 2 * UNIT, MAP_SHARED, 4096)));
	strcpy(p, "from the parent");
	printf("munmap part %s\n", result(munmap(p, 4096)));
	printf("mprotect part %s\n", result(mprotect(p + 4096, 4096, PROT_READ)));
	printf("mremap part %s\n", result((long)mremap(p, 2 * UNIT, UNIT + 4096, 0)));
	printf("msync %s\n", result(msync(p, UNIT, MS_SYNC)));
	maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, device) &&
		    strtoul(line, NULL, 16) - (uintptr_t)p < 2 * UNIT)
			printf("maps %s", strchr(line, '/'));
	sigaction(SIGBUS, &act, NULL);
	if (!sigsetjmp(back, 1))
		all[64 * MIB + 5] = 1;
	printf("beyond the end: signal %d code %d at %ld\n", caught.si_signo,
	       caught.si_code, (long)((char *)caught.si_addr - all - 64 * MIB));
	child = fork();
	if (!child) {
		char *q = map(fd, UNIT, MAP_SHARED, 0);

		_exit(q != MAP_FAILED && !strcmp(q, "from the parent") &&
				      !strcmp(p, "from the parent") && munmap(q, 4096) < 0
			      ? 7
			      : 1);
	}
	waitpid(child, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	printf("munmap %s\n", result(munmap(p, 2 * UNIT)));
}

int main(int argc, char **argv)
{
	int fd;

	if (argc > 1)
		device = argv[1];
	fd = open(device, O_RDWR | O_CLOEXEC);
	printf("open %s %d\n", result(fd), fd);
	if (fd < 0)
		return 1;
	show_files(fd);
	show_calls(fd);
	show_mappings(fd);
	return 0;
}
