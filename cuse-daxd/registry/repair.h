/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client with write access to a file-backed device holds a descriptor of the whole
 * file, and files cannot be sealed. Restore what belongs to the daemon if a client has
 * damaged it: the length, the info block, the record of devices.
 */
#ifndef DAXD_REGISTRY_REPAIR_H
#define DAXD_REGISTRY_REPAIR_H

struct daxd_region;
struct daxd_store;
struct daxd_registry;

void daxd_repair_length(const struct daxd_store *store);
void daxd_repair(struct daxd_registry *reg, struct daxd_region *region);

#endif
