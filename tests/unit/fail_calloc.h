/* SPDX-License-Identifier: BSD-2-Clause */
/* A calloc() that can be told to fail. Include in the one file of a program. */
#ifndef FAIL_CALLOC_H
#define FAIL_CALLOC_H

#include <stdlib.h>
#include <string.h>

static int fail_calloc_after = -1; /* so many succeed first; -1: none fails */

/* Takes the place of libc's, or a sanitizer's, whose malloc() and free() stay. */
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (!fail_calloc_after || __builtin_mul_overflow(n, size, &bytes))
		return NULL;
	if (fail_calloc_after > 0)
		fail_calloc_after--;
	p = malloc(bytes);
	/* Keeps the compiler from seeing a calloc() in malloc() and memset(). */
	__asm__ volatile("" : "+r"(p));
	return p ? memset(p, 0, bytes) : NULL;
}

#endif
