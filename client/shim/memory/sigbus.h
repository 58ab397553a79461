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

void shim_sigbus_catch_locked(void);
void shim_sigbus_release_locked(void);
void shim_sigbus_forbid(void);
long shim_sigbus_action(const struct shim_sigaction *act, struct shim_sigaction *old);
void *shim_sigbus_restorer(unsigned long *flags);
void shim_sigbus_poisoned(uint64_t addr, uint64_t align);

#endif
