/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ask the main questions of a device, one line for each answer. The lines are the same for
 * every C library that the program is linked to. The device's second unit is poisoned.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEV  "/dev/dax0.0"
#define ATTR "/sys/bus/dax/devices/dax0.0/"
#define UNIT (2ul << 20)

static sigjmp_buf jump;
static char *unit;

static void answer(const char *what, long result)
{
	printf("%s: %ld, errno %d\n", what, result, result < 0 ? errno : 0);
}

static void answer_map(const char *what, const void *p)
{
	answer(what, p == MAP_FAILED ? -1 : (long)((uintptr_t)p % UNIT));
}

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("signal %d, code %d, at %td\n", sig, info->si_code,
	       (char *)info->si_addr - unit);
	siglongjmp(jump, 1);
}

static void ask_memory(int fd)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	int status;

	unit = mmap(NULL, 2 * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	answer_map("map", unit);
	if (unit == MAP_FAILED)
		exit(1);
	if (fork() == 0) {
		strcpy(unit + 4096, "written by a child");
		_exit(0);
	}
	wait(&status);
	printf("child %d, %s\n", status, unit + 4096);
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(jump, 1) == 0)
		printf("read %d\n", *(volatile char *)(unit + UNIT + 10));
	answer("msync", msync(unit, UNIT, MS_SYNC));
	answer("mprotect", mprotect(unit, UNIT, PROT_READ));
	answer("munmap a part", munmap(unit + 4096, 4096));
	answer("munmap", munmap(unit, 2 * UNIT));
}

static void ask_refusals(int fd)
{
	char buf[4096] = "";

	answer_map("private", mmap(NULL, UNIT, PROT_READ, MAP_PRIVATE, fd, 0));
	answer_map("odd offset", mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 4096));
	answer_map("small", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	answer("read", read(fd, buf, sizeof(buf)));
	answer("write", write(fd, buf, sizeof(buf)));
	answer("ftruncate", ftruncate(fd, 0));
	answer("fsync", fsync(fd));
	answer("dup", dup(fd) >= 0 ? 0 : -1);
}

static void ask_names(void)
{
	struct dirent *entry;
	char text[256] = "";
	bool is_listed = false;
	struct stat st;
	DIR *dir = opendir("/dev");
	FILE *f;

	while (dir && (entry = readdir(dir)))
		is_listed |= !strcmp(entry->d_name, "dax0.0");
	answer("listed", is_listed);
	answer("access", access(DEV, R_OK));
	answer("stat", stat(DEV, &st));
	printf("character device: %d, size %ld\n", S_ISCHR(st.st_mode), (long)st.st_size);
	answer("readlink",
	       readlink("/sys/bus/dax/devices/dax0.0/subsystem", text, sizeof(text) - 1));
	f = fopen(ATTR "size", "r");
	printf("size %s", f && fgets(text, sizeof(text), f) ? text : "unknown\n");
	/* Unbinding a device that does not exist: what the attribute says to a stream. */
	f = fopen("/sys/bus/dax/drivers/device_dax/unbind", "w");
	answer("open unbind", f ? 0 : -1);
	if (f) {
		fputs("dax9.9", f);
		errno = 0;
		answer("unbind", fclose(f));
	}
	f = fopen(DEV, "r+");
	answer("open a stream", f ? 0 : -1);
	if (f)
		answer("read a stream", fgetc(f));
}

int main(void)
{
	int fd = open(DEV, O_RDWR);

	answer("open", fd < 0 ? -1 : 0);
	if (fd < 0)
		return 1;
	ask_memory(fd);
	ask_refusals(fd);
	ask_names();
	return 0;
}
