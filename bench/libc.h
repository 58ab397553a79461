/* SPDX-License-Identifier: BSD-2-Clause */
/* libc's own functions, in a program with the shim. */
#ifndef BENCH_LIBC_H
#define BENCH_LIBC_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __x86_64__
#define LIBC_VERSION "GLIBC_2.2.5"
#else
#define LIBC_VERSION "GLIBC_2.17"
#endif

/* The shim's functions have no version. From libc's handle one would get the shim's. */
static inline void *libc_function(const char *name)
{
	void *p = dlvsym(RTLD_NEXT, name, LIBC_VERSION);

	if (!p) {
		fprintf(stderr, "libc has no %s of version %s\n", name, LIBC_VERSION);
		exit(1);
	}
	return p;
}

#endif
