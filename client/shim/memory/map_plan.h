/* SPDX-License-Identifier: BSD-2-Clause */
/* Make the real mappings: find room, map backing stores and holes. */
#ifndef SHIM_MAP_PLAN_H
#define SHIM_MAP_PLAN_H

#include <stdint.h>

#include "libcore/device.h"

/* A stretch of a device, and how it is mapped. */
struct shim_map_plan {
	const struct dax_device *dev; /* parts that it does not serve become holes */
	uint64_t addr;
	uint64_t len; /* bytes */
	uint64_t off; /* in the device */
	int prot;     /* PROT_* */
	int flags;    /* of the program's mmap; MAP_FIXED* say how @addr is meant */
	int backing;  /* the descriptor of the backing store */
};

long shim_map_plan(const struct shim_map_plan *map);
void shim_map_plan_over(const struct shim_map_plan *map);
/*
 * The next address at which a mapping is tried whose place the program leaves open, so
 * that all such mappings lie together. 0: the kernel chooses.
 */
extern uint64_t shim_map_plan_window;

long shim_map_plan_reserve(uint64_t len, uint64_t align, uint64_t off, int flags);
uint64_t shim_map_plan_hint(void);
void shim_map_plan_set_hint(uint64_t end);

#endif
