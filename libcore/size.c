/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes: parsing, printing and arithmetic that cannot overflow unseen. */
#include "libcore/size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

static unsigned int suffix_shift(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	case 't':
	case 'T':
		return 40;
	default:
		return 0;
	}
}

/**
 * dax_size_parse() - read a size as people write it
 * @text:	"4096", "0x200000", "2M", "1G", "64k", "2MiB", "2MB"
 * @ret_size:	receives the size in bytes
 *
 * K, M, G and T are powers of 1024, in either case, with or without a following
 * "iB" or "B", as in ndctl and daxctl. No sign, no space, no fraction.
 *
 * Return: 0; -EINVAL: not a size; -ERANGE: above DAX_SIZE_MAX.
 */
int dax_size_parse(const char *text, uint64_t *ret_size)
{
	const char *p = text;
	uint64_t value = 0;
	unsigned int shift;
	unsigned int base = 10;
	bool is_too_large = false;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (digit_of(*p) >= (int)base)
		return -EINVAL;
	for (; digit_of(*p) < (int)base; p++) {
		value = value * base + (unsigned int)digit_of(*p);
		if (value > DAX_SIZE_MAX) {
			is_too_large = true;
			value = DAX_SIZE_MAX;
		}
	}
	shift = suffix_shift(*p);
	if (shift) {
		p++;
		if (p[0] == 'i' && p[1] == 'B')
			p += 2;
		else if (p[0] == 'B')
			p++;
	}
	if (*p)
		return -EINVAL;
	if (is_too_large || value > DAX_SIZE_MAX >> shift)
		return -ERANGE;
	*ret_size = value << shift;
	return 0;
}

/**
 * dax_size_format() - write a size as people read it
 * @size:	bytes
 * @buf:	receives the text
 *
 * Uses the largest unit that divides the size: "2M", "510M", "4097".
 * dax_size_parse() reads the text as the same number.
 *
 * Return: @buf.
 */
const char *dax_size_format(uint64_t size, char buf[DAX_SIZE_STRLEN])
{
	static const char unit[] = "KMGT";
	int n = -1;

	while (size && n < 3 && !(size & 1023)) {
		size >>= 10;
		n++;
	}
	if (n < 0)
		snprintf(buf, DAX_SIZE_STRLEN, "%" PRIu64, size);
	else
		snprintf(buf, DAX_SIZE_STRLEN, "%" PRIu64 "%c", size, unit[n]);
	return buf;
}

/**
 * dax_is_align() - true for an align that device-dax supports
 * @align:	bytes
 *
 * One page of each level of the page tables: PAGE_SIZE, PMD_SIZE, PUD_SIZE
 * (drivers/dax/bus.c: dev_dax_validate_align()).
 */
bool dax_is_align(uint64_t align)
{
	return align == 4 * DAX_KIB || align == 2 * DAX_MIB || align == DAX_GIB;
}
