/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may write to a device on a file holds a descriptor of all of the file, and can do
 * to it what we can't forbid: there are no seals for files. What is ours in it is put
 * back: its length, the info block, the record of devices.
 */
#ifndef DAXD_REGISTRY_REPAIR_H
#define DAXD_REGISTRY_REPAIR_H

struct daxd_region;
struct daxd_registry;

void daxd_repair(struct daxd_registry *reg, struct daxd_region *region);

#endif
