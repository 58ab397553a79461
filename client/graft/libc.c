/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of libc that the shim needs: there is no libc here.
 *
 * The functions that make system calls are in real.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "client/shim/base/graft.h"
#include "client/shim/base/sys.h"
#include "client/graft/process.h"
#include "client/graft/initial.h"

/* Streams of libc, which the shim does not touch in a program without glibc. */
FILE *stdin;
FILE *stdout;
FILE *stderr;

static __thread int error;

int *__errno_location(void)
{
	return &error;
}

/* Called by compiled code. */
void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	__builtin_trap();
}

/* clang calls it in the place of a memcmp(3) whose result is only compared with zero. */
int bcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
}

unsigned long getauxval(unsigned long type)
{
	return graft_initial_value(type);
}

char *secure_getenv(const char *name)
{
	char *const *p;
	const size_t len = strlen(name);

	if (getauxval(AT_SECURE))
		return NULL;
	for (p = graft_initial_environment(); *p; p++)
		if (!strncmp(*p, name, len) && (*p)[len] == '=')
			return *p + len + 1;
	return NULL;
}

/* Zero in a child of vfork(2), as libc does not know its thread. */
pthread_t pthread_self(void)
{
	return graft_process_is_own() ? (pthread_t)sys0(gettid) : 0;
}

/* The clock of a thread has its number in it (include/linux/posix-timers_types.h). */
int pthread_getcpuclockid(pthread_t thread, clockid_t *ret)
{
	*ret = (clockid_t)(~(unsigned int)thread << 3);
	return 0;
}

int setvbuf(FILE *file, char *buf, int mode, size_t size)
{
	(void)file;
	(void)buf;
	(void)mode;
	(void)size;
	return -1;
}

FILE *fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions)
{
	(void)cookie;
	(void)mode;
	(void)functions;
	return NULL;
}
