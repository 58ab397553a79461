/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoding of data in files: little-endian numbers, checksum, zeroes. */
#ifndef DAX_BYTES_H
#define DAX_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Read a little-endian number of @bytes bytes, at most 8. */
static inline uint64_t dax_get_le(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

/* Write @value as a little-endian number of @bytes bytes. */
static inline void dax_put_le(uint8_t *p, unsigned int bytes, uint64_t value)
{
	for (; bytes--; value >>= 8)
		*p++ = (uint8_t)value;
}

/*
 * Compute libnvdimm's Fletcher-64 over 32-bit words, for a block that ends with this
 * checksum: the last 8 of @len bytes, a multiple of 4, count as zero.
 */
static inline uint64_t dax_fletcher64(const uint8_t *buf, size_t len)
{
	uint32_t lo = 0;
	uint32_t hi = 0;
	size_t i;

	for (i = 0; i < len; i += 4) {
		if (i < len - 8)
			lo += (uint32_t)dax_get_le(buf + i, 4);
		hi += lo;
	}
	return (uint64_t)hi << 32 | lo;
}

/* True if all @len bytes at @p are zero. */
static inline bool dax_is_zero(const uint8_t *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

#endif
