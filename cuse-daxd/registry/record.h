/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of how a persistent region is cut into devices, in the region's own file.
 * libcore/layout.h has the format.
 *
 * It is written before clients see a change, so that a change with a reply is on the
 * media.
 */
#ifndef DAXD_REGISTRY_RECORD_H
#define DAXD_REGISTRY_RECORD_H

struct daxd_region_cfg;
struct daxd_registry;
struct daxd_store;
struct daxd_why;

/* Save the records of all regions; a region whose record can't be written is reverted. */
int daxd_record_save(struct daxd_registry *reg, struct daxd_why *why);

/* Check the devices in the record of a static region against those of the config. */
int daxd_record_check(struct daxd_region_cfg *cfg, struct daxd_store *store,
		      struct daxd_why *why);

#endif
