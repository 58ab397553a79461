/* SPDX-License-Identifier: BSD-2-Clause */
/* Show the program its dax mappings in /proc/self/maps, smaps and numa_maps. */
#ifndef SHIM_PROC_MAPS_H
#define SHIM_PROC_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/maps_text.h"

#include "client/shim/process/session.h"

/* The link in /proc/self/fd of a copy of /proc/self/maps. */
#define SHIM_PROC_MAPS_COPY "/memfd:maps (deleted)"

int shim_proc_maps_open(const char *path, int flags);
bool shim_proc_maps_is_own(const char *path);
bool shim_proc_maps_is_own_pagemap(const char *path);
bool shim_proc_maps_is_hidden_locked(uint64_t addr);
void shim_proc_maps_node(const struct shim_session *s, const struct dax_vma *vma,
			 struct dax_device *dev, struct dax_maps_node *node);

/* True once the program has got a copy of /proc/self/maps. */
extern bool shim_proc_maps_has_copied;
/* True once it has opened /proc/self/pagemap. */
extern bool shim_proc_maps_has_pagemap;

#endif
