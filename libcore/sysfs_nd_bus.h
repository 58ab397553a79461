/* SPDX-License-Identifier: BSD-2-Clause */
/* The nd bus itself; for sysfs*.c only. A directory is visited before its entries. */
#ifndef DAX_SYSFS_ND_BUS_H
#define DAX_SYSFS_ND_BUS_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_nd_bus(struct sysfs_walk *walk);

#endif
