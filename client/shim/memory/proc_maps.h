/* SPDX-License-Identifier: BSD-2-Clause */
/* Show the program its dax mappings in /proc/self/maps, smaps and numa_maps. */
#ifndef SHIM_PROC_MAPS_H
#define SHIM_PROC_MAPS_H

int shim_proc_maps_open(const char *path, int flags);

#endif
