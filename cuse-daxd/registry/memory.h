/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of a device, as its users decide. */
#ifndef DAXD_REGISTRY_MEMORY_H
#define DAXD_REGISTRY_MEMORY_H

#include <stdbool.h>
#include <sys/types.h>

struct daxd_device;
struct daxd_registry;

bool daxd_memory_choose(const struct daxd_device *dev, uid_t uid);
void daxd_memory_note(const struct daxd_registry *reg);

#endif
