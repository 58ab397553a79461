/* SPDX-License-Identifier: BSD-2-Clause */
/* Recover the devices of a daemon that died. */
#ifndef DAXD_REGISTRY_RECOVER_H
#define DAXD_REGISTRY_RECOVER_H

#include <stdint.h>

struct dax_state;
struct daxd_registry;

uint64_t daxd_recover_last_life(const struct dax_state *state);
void daxd_recover_devices(struct daxd_registry *reg);

#endif
