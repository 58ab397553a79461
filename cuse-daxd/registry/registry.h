/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The regions and devices that there are: the model, and what hangs on it outside of
 * libcore: stores, nodes, slots in the state pages, the sysfs tree.
 *
 * A device is known by its life, which no other device ever has. Whatever changes the
 * model ends in daxd_registry_commit(): the difference is written to the regions' files,
 * then carried to everybody.
 */
#ifndef DAXD_REGISTRY_H
#define DAXD_REGISTRY_H

#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/note.h"

/* -- registry_setup.c: from the config ---------------------------------------- */

int daxd_registry_open(struct daxd_registry *reg, struct daxd_config *cfg,
		       struct daxd_why *why);
int daxd_setup_make_all(struct daxd_registry *reg, struct daxd_why *why);
void daxd_setup_reserve_minors(struct daxd_registry *reg, const struct daxd_config *cfg);

int daxd_region_open(const struct daxd_config *config, struct daxd_region_cfg *cfg,
		     struct daxd_region **ret, struct daxd_why *why);
int daxd_region_make(struct daxd_registry *reg, struct daxd_region *region,
		     struct daxd_why *why);
int daxd_region_make_device(struct daxd_registry *reg, struct daxd_region *region,
			    const struct daxd_device_cfg *cfg, struct daxd_why *why);
void daxd_registry_keep_stores(struct daxd_registry *reg);
void daxd_registry_hand_over_stores(struct daxd_registry *reg);
void daxd_registry_add_ndctl(struct daxd_registry *reg);
void daxd_registry_give_minors(struct daxd_registry *reg, const struct daxd_config *cfg);

/* -- reload.c: the config has changed ------------------------------------------- */

int daxd_registry_reload(struct daxd_registry *reg, struct daxd_config *cfg,
			 struct daxd_why *why);

/* -- registry.c: while it runs ------------------------------------------------- */

int daxd_registry_store(struct daxd_registry *reg, const char *path, const char *buf,
			size_t len);
int daxd_registry_sync(struct daxd_registry *reg, struct daxd_why *why);
int daxd_registry_commit(struct daxd_registry *reg, struct daxd_why *why);
void daxd_registry_release_minors(struct daxd_registry *reg);
void daxd_registry_opened(struct daxd_registry *reg, struct daxd_device *dev);

/* -- recover.c: what a daemon that died has left -------------------------------- */

uint64_t daxd_recover_last_life(const struct dax_state *state);
void daxd_recover_devices(struct daxd_registry *reg);

/* -- numbers.c: major numbers and /proc/devices --------------------------------- */

char *daxd_numbers_read(void);
int daxd_numbers_choose(const char *proc_devices, struct dax_state *state, int major,
			struct daxd_why *why);
int daxd_numbers_write(char *proc_devices, struct daxd_runtime *rt,
		       const struct dax_model *model);

#endif
