/* SPDX-License-Identifier: BSD-2-Clause */
/* Concatenation of two strings without stdio. */
#ifndef SHIM_JOIN_H
#define SHIM_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/**
 * shim_join() - concatenate two strings
 * @buf:	receives the result, terminated
 * @size:	bytes in @buf
 * @a, @b:	the strings
 *
 * Async-signal-safe.
 *
 * Return: true, or false if the result does not fit; @buf is then unchanged.
 */
static inline bool shim_join(char *buf, size_t size, const char *a, const char *b)
{
	size_t la = strlen(a);
	size_t lb = strlen(b);

	if (la + lb >= size)
		return false;
	memcpy(buf, a, la);
	memcpy(buf + la, b, lb + 1);
	return true;
}

#endif
