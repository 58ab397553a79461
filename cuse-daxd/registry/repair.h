/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may write to a device on a file holds a descriptor of all of the file, and can do
 * to it what we can't forbid: there are no seals for files. What is ours in it is put
 * back: its length, the info block, the record of devices.
 */
#ifndef DAXD_MEND_H
#define DAXD_MEND_H

#include "cuse-daxd/registry/registry.h"

void daxd_mend(struct daxd_registry *reg, struct daxd_region *region);

#endif
