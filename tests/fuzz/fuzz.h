/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Common code of the fuzz targets. Each target is a program of its own (with libFuzzer's
 * main) and checks, besides the absence of crashes, what always holds: input that was
 * parsed and formatted again parses to the same, and a text fits its buffer and is
 * terminated in it.
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

/* Copy the input into a block of its size, so that a sanitizer finds reads beyond it. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	HOLDS(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Take the next @n bytes as a number, padded with zeroes at the end of the input. */
static inline uint64_t take(const uint8_t **data, size_t *size, size_t n)
{
	uint64_t value = 0;

	for (; n && *size; n--, (*size)--)
		value = value << 8 | *(*data)++;
	return value;
}

#endif
