/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes: parsing, printing and arithmetic that cannot overflow unseen. */
#ifndef DAX_SIZE_H
#define DAX_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAX_KIB      (UINT64_C(1) << 10)
#define DAX_MIB      (UINT64_C(1) << 20)
#define DAX_GIB      (UINT64_C(1) << 30)
#define DAX_TIB      (UINT64_C(1) << 40)
#define DAX_PAGE     (4 * DAX_KIB) /* of x86-64, and in the info block */
#define DAX_SECTOR   512           /* unit of badblocks */
#define DAX_SIZE_MAX (UINT64_C(1) << 46)

/* Long enough for any number that dax_size_format() writes. */
#define DAX_SIZE_STRLEN 32

static inline bool dax_is_pow2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static inline bool dax_is_aligned(uint64_t n, uint64_t align)
{
	return !(n & (align - 1));
}

static inline uint64_t dax_round_down(uint64_t n, uint64_t align)
{
	return n & ~(align - 1);
}

/* At the top of the range this wraps to a small number, as the kernel's PAGE_ALIGN(). */
static inline uint64_t dax_round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static inline uint64_t dax_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t dax_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* log2 of a power of two: the page shift that si_addr_lsb shows. */
static inline unsigned int dax_shift(uint64_t align)
{
	return (unsigned int)__builtin_ctzll(align);
}

int dax_size_parse(const char *text, uint64_t *ret_size);
const char *dax_size_format(uint64_t size, char buf[DAX_SIZE_STRLEN]);
bool dax_is_align(uint64_t align);

#endif
