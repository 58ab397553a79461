/* SPDX-License-Identifier: BSD-2-Clause */
/* A calloc() that fails on demand. Include it in exactly one file of a program. */
#ifndef FAIL_CALLOC_H
#define FAIL_CALLOC_H

#include <stdlib.h>
#include <string.h>

static int fail_calloc_after = -1; /* this many succeed first; -1: none fails */

/* Replaces the calloc() of libc or of a sanitizer; their malloc() and free() stay. */
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (!fail_calloc_after || __builtin_mul_overflow(n, size, &bytes))
		return NULL;
	if (fail_calloc_after > 0)
		fail_calloc_after--;
	p = malloc(bytes);
	/*
	 * Keep the compiler from turning malloc() and memset() into a call of calloc().
	 */
	__asm__ volatile("" : "+r"(p));
	return p ? memset(p, 0, bytes) : NULL;
}

#endif
