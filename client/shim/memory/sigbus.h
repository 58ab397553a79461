/* SPDX-License-Identifier: BSD-2-Clause */
/* Make the SIGBUS of bad memory look like the hardware's. */
#ifndef SHIM_SIGBUS_H
#define SHIM_SIGBUS_H

#include <stdint.h>

/* The kernel's form of the struct (include/linux/signal_types.h: struct sigaction). */
struct shim_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

/*
 * Runs a function with memory of the shim's own for thread-local variables, if those of
 * the program are not libc's. NULL: they are. Must be set before the first mapping.
 */
extern void (*shim_sigbus_on_own_memory)(void (*fn)(void *arg), void *arg);

/*
 * The program's signal mask, while a call of its is answered in a handler that blocks all
 * signals. NULL: the mask is the thread's own.
 */
extern __thread const uint64_t *shim_sigbus_mask;

void shim_sigbus_catch_locked(void);
void shim_sigbus_release_locked(void);
void shim_sigbus_forbid(void);
long shim_sigbus_action(const struct shim_sigaction *act, struct shim_sigaction *old);
void *shim_sigbus_restorer(unsigned long *flags);
void shim_sigbus_poisoned(uint64_t addr, uint64_t align);

#endif
