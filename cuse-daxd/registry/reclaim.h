/* SPDX-License-Identifier: BSD-2-Clause */
/* Take back the memory of a daemon that died from the processes that use it. */
#ifndef DAXD_REGISTRY_RECLAIM_H
#define DAXD_REGISTRY_RECLAIM_H

struct daxd_registry;

void daxd_reclaim_memory(const struct daxd_registry *reg);

#endif
