/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fuzz targets have in common. Each is a program of its own (libFuzzer's main), and
 * states besides "no crash" what always holds: what was read and is written again is the
 * same, a text fits its buffer and ends in it.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(cond)                                                                      \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,          \
				__LINE__, #cond);                                        \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* A copy that ends where the input does, so that reading further is found. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	HOLDS(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* The next @n bytes as a number; zeroes where the input has ended. */
static inline uint64_t take(const uint8_t **data, size_t *size, size_t n)
{
	uint64_t value = 0;

	for (; n && *size; n--, (*size)--)
		value = value << 8 | *(*data)++;
	return value;
}

#endif
