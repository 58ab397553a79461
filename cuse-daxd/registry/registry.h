/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The regions and devices while the daemon runs.
 *
 * Every change of the model ends in daxd_registry_commit(): it saves the difference in
 * the regions' files, then shows it to clients.
 */
#ifndef DAXD_REGISTRY_REGISTRY_H
#define DAXD_REGISTRY_REGISTRY_H

#include <stddef.h>

struct daxd_device;
struct daxd_registry;
struct daxd_why;

void daxd_registry_release_minors(struct daxd_registry *reg);
int daxd_registry_sync(struct daxd_registry *reg, struct daxd_why *why);
int daxd_registry_commit(struct daxd_registry *reg, struct daxd_why *why);
int daxd_registry_store(struct daxd_registry *reg, const char *path, const char *buf,
			size_t len);
void daxd_registry_opened(struct daxd_registry *reg, struct daxd_device *dev);

#endif
