/* SPDX-License-Identifier: BSD-2-Clause */
/* Make the touched units of memfds huge. */
#ifndef DAXD_STORE_COLLAPSE_H
#define DAXD_STORE_COLLAPSE_H

#include <stdint.h>

struct daxd_store;

int daxd_collapse_add(struct daxd_store *store);
void daxd_collapse_remove(struct daxd_store *store);
void daxd_collapse_forget(struct daxd_store *store, uint64_t off, uint64_t len);
void daxd_collapse_hurry(void);

#endif
