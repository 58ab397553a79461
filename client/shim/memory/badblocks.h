/* SPDX-License-Identifier: BSD-2-Clause */
/* The bad memory that this process's mappings show as holes. */
#ifndef SHIM_BADBLOCKS_H
#define SHIM_BADBLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/vmas.h"

/* Size of the list, in stretches. */
#define SHIM_BADBLOCKS_MAX 256
/* How long after memory was healed a SIGBUS there still counts as one of bad memory. */
#define SHIM_BADBLOCKS_GRACE_NS UINT64_C(200000000)

uint32_t shim_badblocks_take_locked(uint64_t life, struct dax_bad *ret);
uint32_t shim_badblocks_show_locked(const struct dax_bad *bad, uint32_t nr);
void shim_badblocks_heal_locked(const struct dax_bad *bad);
bool shim_badblocks_is_full_locked(void);
bool shim_badblocks_is_any_locked(void);
bool shim_badblocks_at_locked(uint64_t addr, struct dax_vma *ret_vma,
			      struct dax_bad *ret);

#endif
