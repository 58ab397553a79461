/* SPDX-License-Identifier: BSD-2-Clause */
/* Make stores and a model from the config. */
#ifndef DAXD_REGISTRY_SETUP_H
#define DAXD_REGISTRY_SETUP_H

struct daxd_config;
struct daxd_device_cfg;
struct daxd_region;
struct daxd_region_cfg;
struct daxd_registry;
struct daxd_why;

int daxd_setup_open_region(const struct daxd_config *config, struct daxd_region_cfg *cfg,
			   struct daxd_region **ret, struct daxd_why *why);
int daxd_setup_open(struct daxd_registry *reg, struct daxd_config *cfg,
		    struct daxd_why *why);
int daxd_setup_make_region(struct daxd_registry *reg, struct daxd_region *region,
			   struct daxd_why *why);
int daxd_setup_make_device(struct daxd_registry *reg, struct daxd_region *region,
			   const struct daxd_device_cfg *cfg, struct daxd_why *why);
void daxd_setup_add_ndctl(struct daxd_registry *reg);
int daxd_setup_make_all(struct daxd_registry *reg, struct daxd_why *why);
void daxd_setup_keep_stores(struct daxd_registry *reg);
void daxd_setup_hand_over_stores(struct daxd_registry *reg);
void daxd_setup_reserve_minors(struct daxd_registry *reg, const struct daxd_config *cfg);
void daxd_setup_give_minors(struct daxd_registry *reg, const struct daxd_config *cfg);

#endif
