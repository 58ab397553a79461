/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes system calls itself, without libc, as runtimes of other languages do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/shim/base/sys.h"

static volatile int nr_signals;

static void on_signal(int sig)
{
	struct stat st;

	(void)sig;
	nr_signals += sys4(newfstatat, AT_FDCWD, "/", &st, 0) == 0;
}

int main(void)
{
	static const char *const argv[] = {"busybox", "ls", "/dev/dax0.0", NULL};
	struct sigaction act = {.sa_handler = on_signal};
	uint64_t all = ~UINT64_C(0);
	uint64_t none = 0;
	struct stat st = {0};
	int status;
	long child;
	long fd;
	long p;

	printf("stat %ld", sys4(newfstatat, AT_FDCWD, "/dev/dax0.0", &st, 0));
	printf(" chr %d\n", S_ISCHR(st.st_mode));
	fd = sys3(openat, AT_FDCWD, "/dev/dax0.0", O_RDWR);
	printf("read %ld\n", sys3(read, fd, &st, 1));
	p = sys6(mmap, 0, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("mmap %d\n", p % (2 << 20) == 0);
	printf("munmap %ld\n", sys2(munmap, p, 4096));
	/* All signals blocked, and a handler that blocks all. */
	sigfillset(&act.sa_mask);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGSYS, &act, NULL);
	sys4(rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	sigprocmask(SIG_SETMASK, &act.sa_mask, NULL);
	kill(getpid(), SIGUSR1);
	printf("blocked %d\n",
	       sys4(newfstatat, AT_FDCWD, "/", &st, 0) == 0 && !nr_signals);
	sys4(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	printf("signals %d\n", nr_signals);
	fflush(stdout);
	child = sys5(clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		sys3(execve, "/usr/bin/busybox", argv, NULL);
		sys1(exit_group, 1);
	}
	sys4(wait4, child, &status, 0, NULL);
	printf("child %d\n", status);
	return 0;
}
