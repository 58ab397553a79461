/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks and thread-local memory on which the shim's functions run. */
#ifndef GRAFT_CONTEXT_H
#define GRAFT_CONTEXT_H

#include <stdbool.h>

bool graft_context_init(const void *variable);
void graft_context_run(void (*fn)(void *arg), void *arg);
void graft_context_run_masked(void (*fn)(void *arg), void *arg);
void graft_context_forked(void);
void graft_context_set_tls(unsigned long tls);

#endif
