/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings of device-dax in the text of /proc/PID/maps, smaps and numa_maps
 * (fs/proc/task_mmu.c).
 *
 * Written without stdio: the shim calls it where the program opens such a file.
 */
#ifndef DAX_MAPS_TEXT_H
#define DAX_MAPS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "libcore/vmas.h"

#define DAX_MAPS_LINE_MAX 256

/* The node, as far as the lines show it. */
struct dax_maps_node {
	const char *name; /* of the device */
	uint64_t dev;     /* st_dev of the node */
	uint64_t ino;
	bool is_gone;
};

size_t dax_maps_path(const struct dax_maps_node *node, char buf[DAX_MAPS_LINE_MAX]);
bool dax_maps_is_key(const char *line, size_t len, const char *key);
size_t dax_maps_copy_line(const char *line, size_t len, char buf[DAX_MAPS_LINE_MAX]);
size_t dax_maps_line(const struct dax_vma *vma, const struct dax_maps_node *node,
		     char buf[DAX_MAPS_LINE_MAX]);
size_t dax_smaps_line(const struct dax_vma *vma, uint64_t counted, const char *line,
		      size_t len, char buf[DAX_MAPS_LINE_MAX]);
size_t dax_numa_maps_line(const struct dax_vma *vma, const struct dax_maps_node *node,
			  char buf[DAX_MAPS_LINE_MAX]);

#endif
