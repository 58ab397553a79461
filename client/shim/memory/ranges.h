/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls on dax mappings share (vma.c, mmap.c). */
#ifndef SHIM_MM_H
#define SHIM_MM_H

#include "client/shim/base/compiler.h"

#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

void shim_tell(const struct dax_vma *vma, enum dax_call call, const uint64_t *args,
	       int nr, const struct dax_verdict *v, uint64_t result);
bool shim_is_present(int pagemap, uint64_t addr, uint64_t len);
bool shim_is_bad_range(uint64_t addr, uint64_t len);
const struct dax_vma *shim_first_in(uint64_t addr, uint64_t len);
bool shim_drop_stale(uint64_t addr, uint64_t len);
void shim_forget(uint64_t addr, uint64_t len);
struct dax_verdict shim_unmap_verdict(uint64_t addr, uint64_t len);
bool shim_is_reachable(const struct dax_vma *vma);
void shim_break_untouched(const struct dax_vma *vma, uint64_t start, uint64_t end);
void shim_make_whole(const struct dax_vma *vma);
bool shim_is_off_align(uint64_t start, uint64_t end);
void shim_mend(uint64_t start, uint64_t end);
void shim_mend_part(const struct dax_vma *vma, uint64_t off, uint64_t end);
uint64_t shim_map_plan_hint(void);
void shim_map_plan_set_hint(uint64_t end);

/* One piece of a range: in one dax mapping, or in none. */
struct shim_piece {
	uint64_t start;
	uint64_t end;
	struct dax_vma vma; /* end 0: none of ours */
};

struct shim_piece shim_piece_at_locked(uint64_t addr, uint64_t end);

static inline bool shim_piece_is_ours(const struct shim_piece *piece)
{
	return piece->vma.end != 0;
}

extern bool shim_thp_disabled;

/* Has a call on a range to fail? Return: 0, or the error as a negative errno. */
static inline int shim_fault_at(enum dax_fault_call call, enum dax_call told,
				uint64_t addr, uint64_t len)
{
	if (shim_has_faults(shim_session_if_known(), call))
		return shim_fault_range(call, told, addr, len);
	return 0;
}

#endif
