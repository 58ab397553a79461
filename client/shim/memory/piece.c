/* SPDX-License-Identifier: BSD-2-Clause */
/* Divide a range into pieces, each of which is in one dax mapping or in none. */
#include "client/shim/memory/piece.h"

#include "libcore/size.h"

#include "client/shim/process/maps.h"

/**
 * shim_piece_at_locked() - find the piece that starts at an address
 * @addr:	the address
 * @end:	end of the range; the piece does not go beyond it
 *
 * Async-signal-safe.
 *
 * Return: the longest piece that lies in a single dax mapping, or in none.
 */
struct shim_piece shim_piece_at_locked(uint64_t addr, uint64_t end)
{
	const struct dax_vma *vma = dax_vmas_find(shim_vmas, addr);
	struct shim_piece piece = {.start = addr, .end = end};

	if (!vma)
		return piece;
	if (vma->start <= addr) {
		piece.vma = *vma;
		piece.end = dax_min(end, piece.vma.end);
	} else {
		piece.end = dax_min(end, vma->start);
	}
	return piece;
}
