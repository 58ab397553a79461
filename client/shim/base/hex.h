/* SPDX-License-Identifier: BSD-2-Clause */
/* Hexadecimal numbers in the kernel's text files. */
#ifndef SHIM_HEX_H
#define SHIM_HEX_H

#include <stdbool.h>
#include <stdint.h>

/**
 * shim_read_hex() - read one hexadecimal number
 * @p:		start of the text; moved to the first character after the number
 * @ret:	receives the number, or 0 if the text does not start with a digit
 *
 * Async-signal-safe.
 *
 * Lower-case digits only, as the kernel prints them.
 *
 * Return: true if there was at least one digit.
 */
static inline bool shim_read_hex(const char **p, uint64_t *ret)
{
	const char *start = *p;
	uint64_t n = 0;

	for (;; (*p)++) {
		if (**p >= '0' && **p <= '9')
			n = n << 4 | (uint64_t)(**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			n = n << 4 | (uint64_t)(**p - 'a' + 10);
		else
			break;
	}
	*ret = n;
	return *p > start;
}

#endif
