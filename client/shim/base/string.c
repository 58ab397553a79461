/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy and the other string functions, for the shim alone.
 *
 * In a program built with a sanitizer, libc's names lead to the sanitizer's functions,
 * which look up the state of the calling thread; but no sanitizer knows the threads that
 * the shim starts. All that is copied here is small, so plain loops are fast enough.
 *
 * Names in parentheses are macros in the headers of glibc 2.43.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef __clang__
/* Otherwise the compiler turns these loops into calls of memcpy: of themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* Copies upwards, word by word. The two may overlap if @dst is the lower one. */
static void copy_up(char *dst, const char *src, size_t n)
{
	for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
		uint64_t word;

		__builtin_memcpy(&word, src, sizeof(word));
		__builtin_memcpy(dst, &word, sizeof(word));
		src += sizeof(word);
		dst += sizeof(word);
	}
	while (n--)
		*dst++ = *src++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	const char *src = from;
	char *dst = to;

	if (dst <= src || dst >= src + n)
		copy_up(dst, src, n);
	else
		while (n--)
			dst[n] = src[n];
	return to;
}

void *memset(void *to, int c, size_t n)
{
	char *dst = to;

	while (n--)
		*dst++ = (char)c;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a;
	const unsigned char *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *(memchr)(const void *s, int c, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--) {
		a++;
		b++;
	}
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *(strchr)(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)(uintptr_t)s;
}

size_t strcspn(const char *s, const char *stop)
{
	size_t n = 0;

	while (s[n] && !strchr(stop, s[n]))
		n++;
	return n;
}

char *(strstr)(const char *s, const char *word)
{
	size_t n = strlen(word);

	for (; *s; s++)
		if (!strncmp(s, word, n))
			return (char *)(uintptr_t)s;
	return n ? NULL : (char *)(uintptr_t)s;
}

char *strcpy(char *restrict to, const char *restrict from)
{
	return memcpy(to, from, strlen(from) + 1);
}

char *strcat(char *restrict to, const char *restrict from)
{
	strcpy(to + strlen(to), from);
	return to;
}
