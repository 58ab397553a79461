// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program whose malloc takes its memory from the device. Everything that libc and the
 * loader allocate comes from a mapping, which the first call of malloc makes: before
 * main(), and perhaps while the shim looks up a function.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA (16UL << 20)

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char first[1 << 20] __attribute__((aligned(4096)));
static char *arena = first;
static size_t size = sizeof(first);
static size_t used;
static int is_looking;
static int is_device;

/* Map the arena from which all pieces are allocated. */
static void find_arena(void)
{
	char *p;
	int fd;

	if (is_looking)
		return;
	is_looking = 1;
	fd = open("/dev/dax0.0", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	p = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	arena = p;
	size = ARENA;
	used = 0;
	is_device = 1;
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	size_t *p;

	pthread_mutex_lock(&mutex);
	find_arena();
	n = (n + 31) & ~(size_t)15;
	p = used + n <= size ? (size_t *)(void *)(arena + used) : NULL;
	used += p ? n : 0;
	pthread_mutex_unlock(&mutex);
	if (!p) {
		errno = ENOMEM;
		return NULL;
	}
	p[1] = n - 16;
	return p + 2;
}

__attribute__((visibility("default"))) void free(void *p)
{
	(void)p;
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t m)
{
	void *p = malloc(n * m);

	return p ? memset(p, 0, n * m) : NULL;
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t n)
{
	void *p = malloc(n);
	size_t had = old ? ((size_t *)old)[-1] : 0;

	return p && old ? memcpy(p, old, had < n ? had : n) : p;
}

int main(void)
{
	static const char text[] = "of the device";
	char *p = strdup(text);
	FILE *f;
	int i;

	if (!is_device || p < arena || p >= arena + size || strcmp(p, text)) {
		puts("not of the device");
		return 1;
	}
	for (i = 0; i < 100; i++) {
		f = fopen("/sys/bus/dax/devices/dax0.0/size", "r");
		if (!f || fclose(f))
			return 1;
	}
	puts("ok");
	return 0;
}
