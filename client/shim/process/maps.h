/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of the process's dax mappings. */
#ifndef SHIM_MAPS_H
#define SHIM_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/reason.h"
#include "libcore/vmas.h"

#include "client/shim/base/hook.h"

bool shim_maps_touch(uint64_t addr, uint64_t len);
bool shim_maps_overlap(uint64_t addr, uint64_t len);
bool shim_maps_is_bad_range(uint64_t addr, uint64_t len);
void shim_maps_replaced(uint64_t addr, uint64_t len);
bool shim_maps_has_room_locked(void);
void shim_maps_changed_locked(void);
const struct dax_vma *shim_maps_first_in_locked(uint64_t addr, uint64_t len);
void shim_maps_drop_stale_locked(void);
bool shim_maps_drop_stale_in_locked(uint64_t addr, uint64_t len);
struct dax_verdict shim_maps_unmap_verdict_locked(uint64_t addr, uint64_t len);

/* The list. Hold the lock to read or change it. */
extern struct dax_vmas *shim_vmas;

/* True once the process has mapped memory without page structs (pages=no). */
extern bool shim_maps_has_no_pages;

/* Called with the lock held after every change of the list. */
extern shim_hook *shim_maps_on_change;
/* Called in a forked child by the atfork handlers, after the lock is released. */
extern shim_hook *shim_maps_on_fork;

#endif
