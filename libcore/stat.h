/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of stat(2) and statx(2) for device nodes and sysfs attributes. */
#ifndef DAX_STAT_H
#define DAX_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libcore/device.h"

void dax_stat_node(const struct dax_device *dev, dev_t devtmpfs, struct stat *st);
void dax_stat_attr(dev_t sysfs, struct stat *st);
uint64_t dax_stat_attributes(const struct dax_device *dev, bool was_opened);

#endif
