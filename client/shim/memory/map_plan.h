/* SPDX-License-Identifier: BSD-2-Clause */
/* Real mappings: where there is room, of a backing store, of nothing. */
#ifndef SHIM_MAP_PLAN_H
#define SHIM_MAP_PLAN_H

#include <stdint.h>

#include "libcore/device.h"

long shim_map_plan(const struct dax_device *dev, uint64_t addr, uint64_t len,
		   uint64_t off, int prot, int flags, int backing);
void shim_map_plan_over(const struct dax_device *dev, uint64_t addr, uint64_t len,
			uint64_t off, int prot, int backing);
long shim_map_plan_reserve(uint64_t len, uint64_t align, uint64_t off, int flags);
uint64_t shim_map_plan_hint(void);
void shim_map_plan_set_hint(uint64_t end);

#endif
