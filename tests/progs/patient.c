/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for debuggers to examine: map, store, fork and unmap. Tests also build it
 * with sanitizers.
 *
 *   patient [overrun|race|leak|beyond] [DEVICE]
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN (4 << 20)

static char *p;
static long shared;

static void __attribute__((noinline)) stored(char *at)
{
	__asm__ volatile("" : : "r"(at) : "memory");
}

static void *add(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (arg)
			shared++;
		else
			__atomic_fetch_add((long *)(void *)p, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void threads(void *arg)
{
	pthread_t t[2];
	int i;

	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, add, arg);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const char *path = argc > 2 ? argv[2] : "/dev/dax0.0";
	int fd = open(path, O_RDWR);
	volatile char *heap = malloc(10);
	int status;

	if (fd < 0 || !heap) {
		perror(path);
		return 1;
	}
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	strcpy(p + 4096, "written to the device");
	stored(p + 4096);
	threads(NULL);
	if (!strcmp(how, "overrun"))
		heap[10 + argc - 2] = 1;
	if (!strcmp(how, "race"))
		threads(&shared);
	if (!strcmp(how, "beyond")) {
		char *q = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		q[(1 << 30) - 1] = 1;
	}
	fflush(stdout);
	if (fork() == 0) {
		p[0] = 1;
		_exit(*(long *)(void *)(p + 4096) ? 0 : 1);
	}
	wait(&status);
	printf("%s, %d\n", p + 4096, status);
	if (munmap(p, LEN / 2) || munmap(p + LEN / 2, LEN / 2)) {
		perror("munmap");
		return 1;
	}
	if (!strcmp(how, "leak"))
		heap = NULL;
	free((void *)(uintptr_t)heap);
	return 0;
}
