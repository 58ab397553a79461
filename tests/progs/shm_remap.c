/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shm_remap DEVICE COMMAND: attach a System V segment in the place of the second of four
 * units of 2 MiB, run a command that takes the device away, and tell what is there.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define UNIT  (2UL << 20)
#define UNITS 4

static sigjmp_buf env;

static void caught(int sig)
{
	(void)sig;
	siglongjmp(env, 1);
}

static void attach(const char *name, int id, const char *at, int flags)
{
	errno = 0;
	if (shmat(id, at, flags) == (void *)-1)
		printf("%s: %s\n", name, strerrorname_np(errno));
	else
		printf("%s: ok\n", name);
}

int main(int argc, char **argv)
{
	const int fd = open(argv[1], O_RDWR);
	const int id = shmget(IPC_PRIVATE, UNIT - 100, IPC_CREAT | 0600);
	const int big = shmget(IPC_PRIVATE, UNIT + 100, IPC_CREAT | 0600);
	struct sigaction sa = {.sa_handler = caught};
	char *p;
	int i;

	if (argc != 3 || fd < 0 || id < 0 || big < 0)
		err(1, "%s", argv[1]);
	p = mmap(NULL, UNITS * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < UNITS; i++)
		memset(p + i * UNIT, '0' + i, UNIT);
	attach("occupied", id, p + UNIT, 0);
	attach("odd", id, p + UNIT + 1, SHM_REMAP);
	attach("nowhere", id, NULL, SHM_REMAP);
	attach("off a page", id, p + UNIT + 4096, SHM_REMAP);
	attach("more than a unit", big, p + UNIT, SHM_REMAP);
	attach("no segment", -1, p + UNIT, SHM_REMAP);
	for (i = 0; i < UNITS; i++)
		if (p[i * UNIT] != '0' + i || p[(i + 1) * UNIT - 1] != '0' + i)
			printf("unit %d has changed\n", i);
	attach("unit", id, p + UNIT + 1, SHM_REMAP | SHM_RND);
	shmctl(id, IPC_RMID, NULL);
	shmctl(big, IPC_RMID, NULL);
	memset(p + UNIT, 's', UNIT);
	fflush(stdout);
	if (system(argv[2]) != 0)
		errx(1, "%s", argv[2]);
	sigaction(SIGBUS, &sa, NULL);
	for (i = 0; i < UNITS; i++) {
		if (sigsetjmp(env, 1))
			printf("unit %d: SIGBUS\n", i);
		else
			printf("unit %d: %c\n", i, ((volatile char *)p)[i * UNIT + 5]);
	}
	printf("detach: %s\n", shmdt(p + UNIT) == 0 ? "ok" : strerrorname_np(errno));
	return 0;
}
