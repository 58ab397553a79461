/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep file locks on a device after its descriptor is closed. */
#ifndef SHIM_LOCK_ANCHOR_H
#define SHIM_LOCK_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

void shim_lock_anchor_on_lock(int fd);
void shim_lock_anchor_on_map(int fd, uint64_t file);
bool shim_lock_anchor_is_at_locked(uint64_t addr);

#endif
