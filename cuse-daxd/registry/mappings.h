/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the mappings of devices in the kernel's own list, /proc/PID/maps. */
#ifndef DAXD_REGISTRY_MAPPINGS_H
#define DAXD_REGISTRY_MAPPINGS_H

#include <stdint.h>
#include <sys/types.h>

struct daxd_device;
struct daxd_registry;

/* Contiguous in addresses and in offsets of the device, with one protection. */
struct daxd_mapping {
	struct daxd_device *dev;
	uint64_t start;
	uint64_t size;
	uint64_t offset; /* in the device */
	char prot[4];    /* "rw-" */
};

typedef void (*daxd_mapping_fn)(void *ctx, const struct daxd_mapping *mapping);

void daxd_mappings_of(const struct daxd_registry *reg, pid_t pid, daxd_mapping_fn fn,
		      void *ctx);

#endif
