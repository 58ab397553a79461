/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock of all state that the shim keeps for the process. */
#ifndef SHIM_LOCK_H
#define SHIM_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "client/shim/base/hook.h"

bool shim_lock(void);
void shim_unlock(void);
bool shim_lock_masked(uint64_t *ret_mask);
void shim_unlock_masked(uint64_t mask);
bool shim_lock_is_taken(void);
void shim_lock_jump(uintptr_t to);
void shim_lock_adopt(void);

/* Called with the lock held when its owner has left a change half done. */
extern shim_hook *shim_lock_on_broken;
/* Called in a forked child in which the atfork handlers did not run. */
extern shim_hook *shim_lock_on_lost;

#endif
