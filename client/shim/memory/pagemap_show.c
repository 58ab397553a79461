/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Show a process its dax mappings in /proc/self/pagemap.
 *
 * The program has the kernel's own file. Its entries of dax mappings, which are those of the
 * backing store, are replaced after each read.
 */
#include "client/shim/memory/pagemap_show.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "libcore/pagemap.h"
#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/piece.h"
#include "client/shim/memory/proc_maps.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"

/**
 * shim_pagemap_show_is_own() - tell whether a descriptor is of the pagemap of this process
 * @fd:	any descriptor
 *
 * Async-signal-safe.
 *
 * Return: true if it is.
 */
bool shim_pagemap_show_is_own(int fd)
{
	char path[PATH_MAX];

	return shim_path_of_fd(fd, path) > 0 && shim_proc_maps_is_own_pagemap(path);
}

/* Replaces the entries of a piece. @entries: of the addresses from @start on. */
static void show_piece(int pagemap, const struct shim_piece *piece, char *entries,
		       uint64_t start)
{
	const enum dax_kernel kernel = shim_session_kernel();
	const uint64_t align = piece->vma.align;
	uint64_t looked = UINT64_MAX; /* the unit that was looked at last */
	uint64_t unit = 0;
	uint64_t addr;

	for (addr = piece->start; addr < piece->end; addr += DAX_PAGE) {
		char *at = entries + (addr - start) / DAX_PAGE * 8;
		uint64_t entry;

		memcpy(&entry, at, 8);
		if (dax_round_down(addr, align) != looked) {
			looked = dax_round_down(addr, align);
			unit = shim_pagemap_unit(pagemap, looked, align);
		}
		entry |= shim_pagemap_soft_dirty(pagemap);
		entry = dax_pagemap_entry(kernel, align, entry, unit);
		memcpy(at, &entry, 8);
	}
}

/**
 * shim_pagemap_show() - replace entries that the program has read from its pagemap
 * @fd:		any descriptor
 * @buf:	what was read
 * @n:		its length
 * @pos:	the position from which it was read; -1: from the descriptor's own
 *
 * Takes the lock. Async-signal-safe.
 */
SHIM_COLD void shim_pagemap_show(int fd, void *buf, long n, int64_t pos)
{
	struct shim_piece piece;
	uint64_t start;
	uint64_t mask;
	uint64_t end;
	int pagemap;

	if (n % 8 || !shim_maps_touch(0, UINT64_MAX) || !shim_pagemap_show_is_own(fd))
		return;
	if (pos < 0)
		pos = sys3(lseek, fd, 0, SEEK_CUR) - n;
	start = (uint64_t)pos / 8 * DAX_PAGE;
	end = start + (uint64_t)n / 8 * DAX_PAGE;
	pagemap = shim_pagemap_open();
	if (pagemap < 0)
		return;
	if (shim_lock_masked(&mask)) {
		for (piece.end = start; piece.end < end;) {
			piece = shim_piece_at_locked(piece.end, end);
			if (shim_piece_is_ours(&piece))
				show_piece(pagemap, &piece, buf, start);
		}
		shim_unlock_masked(mask);
	}
	sys1(close, pagemap);
}
