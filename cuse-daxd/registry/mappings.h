/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the mappings of devices in the kernel's own list, /proc/PID/maps. */
#ifndef DAXD_REGISTRY_MAPPINGS_H
#define DAXD_REGISTRY_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct daxd_device;
struct daxd_maps;
struct daxd_registry;

/* Contiguous in addresses and in offsets of the device, with one protection. */
struct daxd_mapping {
	struct daxd_device *dev;
	uint64_t start;
	uint64_t size;
	uint64_t offset; /* in the device */
	char prot[4];    /* "rw-" */
};

typedef bool (*daxd_mapping_fn)(void *ctx, const struct daxd_mapping *mapping);

bool daxd_mappings_find_file(pid_t pid, dev_t dev, ino_t ino, char ret_range[40]);
struct daxd_maps *daxd_mappings_open(const struct daxd_registry *reg, pid_t pid);
bool daxd_mappings_read(struct daxd_maps *maps, unsigned int lines, daxd_mapping_fn fn,
			void *ctx);
void daxd_mappings_close(struct daxd_maps *maps);

#endif
