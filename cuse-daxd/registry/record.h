/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of how a persistent region is cut into devices, in the region's own file.
 * libcore/layout.h has the format; this reads it and writes it.
 *
 * Written before anybody sees the change: what was answered is on the media.
 */
#ifndef DAXD_REGISTRY_RECORD_H
#define DAXD_REGISTRY_RECORD_H

struct daxd_region_cfg;
struct daxd_registry;
struct daxd_store;
struct daxd_why;

/* All regions' records; where one can't be written, its region is as it was before. */
int daxd_record_save(struct daxd_registry *reg, struct daxd_why *why);

/* The devices that the record of a static region has, against those of the config. */
int daxd_record_check(struct daxd_region_cfg *cfg, struct daxd_store *store,
		      struct daxd_why *why);

#endif
