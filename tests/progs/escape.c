/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open a device for reading only, and try by all means to write to its memory.
 *
 *	escape DEVICE SIZE
 *
 * Print a line for each way that led to a store or to a change of the file, and the names
 * of all ways tried to stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/shim/base/sys.h"

#define PAGE 4096

static size_t size;
static char *map;

static void tried(const char *way, int fd, int is_through)
{
	fprintf(stderr, "%s %d: %s\n", way, fd, is_through ? "through" : "refused");
	if (is_through)
		printf("%s %d\n", way, fd);
	fflush(stdout);
}

static int can_map(int fd)
{
	/* Bypass the shim: only the kernel's own refusal counts here. */
	long p = sys6(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);

	if (sys_is_error(p))
		return 0;
	munmap((void *)p, size);
	return 1;
}

static void try_reopen(const char *way, int fd, const char *path)
{
	int again = open(path, O_RDWR | O_CLOEXEC);

	tried(way, fd, again >= 0 && can_map(again));
	if (again >= 0)
		close(again);
}

/*
 * Try each descriptor of the process, including those that the shim opened. It hides these,
 * but not from the kernel, and it does not know a duplicate.
 */
static void try_descriptor(int number)
{
	const int fd = (int)sys3(fcntl, number, F_DUPFD_CLOEXEC, 3);
	struct stat st;
	char path[64];
	char page[PAGE] = {1};
	void *p;
	int o_path;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return;
	}
	tried("mmap", fd, can_map(fd));
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		tried("mprotect", fd,
		      syscall(SYS_mprotect, p, size, PROT_READ | PROT_WRITE) == 0);
	tried("write", fd, syscall(SYS_pwrite64, fd, page, (size_t)PAGE, 0L) > 0);
	tried("ftruncate", fd, syscall(SYS_ftruncate, fd, 0L) == 0);
	tried("fallocate", fd,
	      syscall(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0L,
		      (long)size) == 0);
	tried("fchmod", fd, fchmod(fd, 0666) == 0);
	fcntl(fd, F_SETFL, O_RDWR);
	tried("setfl", fd, can_map(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	try_reopen("proc", fd, path);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	try_reopen("proc-pid", fd, path);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	try_reopen("dev-fd", fd, path);
	o_path = open(path, O_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", o_path);
	try_reopen("o_path", fd, path);
	close(o_path);
	close(fd);
}

static void try_map_files(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start;
		unsigned long end;
		char path[96];

		if (sscanf(line, "%lx-%lx", &start, &end) != 2 ||
		    start != (unsigned long)map)
			continue;
		snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", start, end);
		try_reopen("map_files", -1, path);
	}
	if (f)
		fclose(f);
}

static void try_mapping(void)
{
	char byte = 'x';
	struct iovec one = {&byte, 1};
	struct iovec there = {map, 1};
	char *moved;
	int mem;

	tried("mapping-mprotect", -1, !syscall(SYS_mprotect, map, size, PROT_WRITE));
	tried("mapping-remove", -1, !syscall(SYS_madvise, map, size, MADV_REMOVE));
	tried("process_vm_writev", -1,
	      syscall(SYS_process_vm_writev, getpid(), &one, 1, &there, 1, 0) == 1);
	mem = open("/proc/self/mem", O_RDWR);
	tried("proc-mem", -1, pwrite(mem, "x", 1, (off_t)map) == 1);
	moved = (char *)syscall(SYS_mremap, map, 0L, size, MREMAP_MAYMOVE);
	tried("mremap", -1,
	      moved != MAP_FAILED && !syscall(SYS_mprotect, moved, size, PROT_WRITE));
	tried("remap_file_pages", -1,
	      !syscall(SYS_remap_file_pages, map, size, PROT_WRITE, 0L, 0L));
}

static void try_ptrace(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tried("ptrace", -1, ptrace(PTRACE_POKEDATA, pid, map, 1L) == 0);
	ptrace(PTRACE_KILL, pid, 0, 0);
	waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return 2;
	size = strtoull(argv[2], NULL, 0);
	if (open(argv[1], O_RDWR) >= 0) {
		fprintf(stderr, "escape: may write anyway\n");
		return 1;
	}
	fd = open(argv[1], O_RDONLY);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED) {
		perror("escape");
		return 1;
	}
	if (map[size - 1] != 1)
		return 1;
	for (fd = 3; fd < 1024; fd++)
		try_descriptor(fd);
	try_map_files();
	try_mapping();
	try_ptrace();
	return 0;
}
