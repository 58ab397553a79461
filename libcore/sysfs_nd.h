/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of the nd bus; for sysfs*.c only. A directory is visited before its entries. */
#ifndef DAX_SYSFS_ND_H
#define DAX_SYSFS_ND_H

#include "libcore/sysfs_walk.h"

/* A device of the bus. */
struct dax_sysfs_nd_device {
	struct sysfs_obj obj;
	const struct sysfs_attr *attrs;
	const char *driver; /* NULL: none */
	char name[32];
	char dir[DAX_SYSFS_PATH_MAX];
};

typedef void (*dax_sysfs_nd_device_fn)(struct sysfs_walk *walk,
				       const struct dax_sysfs_nd_device *dev,
				       const char *arg);

const char *dax_sysfs_ndbus_dir(const struct dax_model *model);
void dax_sysfs_for_each_nd_device(struct sysfs_walk *walk, dax_sysfs_nd_device_fn fn,
				  const char *arg);
void dax_sysfs_walk_nd_devices(struct sysfs_walk *walk);

#endif
