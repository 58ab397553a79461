/* SPDX-License-Identifier: BSD-2-Clause */
/* Divide a range into pieces, each of which is in one dax mapping or in none. */
#ifndef SHIM_PIECE_H
#define SHIM_PIECE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/vmas.h"

/* One piece of a range. */
struct shim_piece {
	uint64_t start;
	uint64_t end;
	struct dax_vma vma; /* a copy; its end is 0 if there is no dax mapping */
};

struct shim_piece shim_piece_at_locked(uint64_t addr, uint64_t end);

/**
 * shim_piece_is_ours() - tell whether a piece is in a dax mapping
 * @piece:	the piece
 *
 * Return: true if it is.
 */
static inline bool shim_piece_is_ours(const struct shim_piece *piece)
{
	return piece->vma.end != 0;
}

#endif
