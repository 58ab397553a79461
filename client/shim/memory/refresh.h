/* SPDX-License-Identifier: BSD-2-Clause */
/* Refresh mappings so that they show the present state of their devices. */
#ifndef SHIM_REFRESH_H
#define SHIM_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/vmas.h"

bool shim_refresh_is_reachable(const struct dax_vma *vma);
bool shim_refresh_is_off_align_locked(uint64_t start, uint64_t end);
void shim_refresh_locked(const struct dax_vma *vma);
void shim_refresh_range_locked(uint64_t start, uint64_t end);
void shim_refresh_part_locked(const struct dax_vma *vma, uint64_t off, uint64_t end);
void shim_refresh_make_hole_locked(const struct dax_vma *vma, uint64_t start,
				   uint64_t end);
void shim_refresh_drop_untouched_locked(const struct dax_vma *vma, uint64_t start,
					uint64_t end);
void shim_refresh_remove_locked(uint64_t addr, uint64_t len);
void shim_refresh_set_thp_disabled(bool is_disabled);

#endif
