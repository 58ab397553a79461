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

#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/store/store.h"
#include "cuse-daxd/runtime/tree.h"
#include "libcore/model.h"

struct daxd_faults;

struct daxd_region {
	struct daxd_region_cfg *cfg;
	struct dax_region *region;
	struct daxd_store *store; /* of all its devices; NULL: each has its own */
	uint64_t base;            /* physical address of the shared store's byte 0 */
};

struct daxd_registry;

struct daxd_device {
	const struct daxd_registry *reg;
	uint64_t life;
	struct dax_dev *dev;        /* in the model; NULL: deleted, or ndctl */
	struct daxd_region *region; /* NULL: ndctl */
	struct daxd_store *store;   /* NULL: ndctl */
	bool owns_store;
	uint64_t base; /* physical address of the store's byte 0 */
	struct daxd_perms perms;
	bool is_shown;          /* it has a slot and a node */
	uint32_t slot;          /* in the state pages */
	bool has_slot;          /* a recovered one has it before it is shown */
	struct dax_device desc; /* as published; ranges are offsets in the store */
	uint32_t changed_at; /* the change of the state pages that its mappings follow */
	struct dax_state_handle handle;
	uint64_t bad_generation; /* changes of what of it is bad */
	bool is_bad;             /* some of it is; set by faults */
	bool is_opened;
	bool is_refused;  /* its node could not be made, which was told */
	bool is_same;     /* as an earlier daemon's, its number too */
	pid_t unbound_by; /* who last took it from device_dax */
	int held_fd;      /* deleted: tells whether somebody has it open; or -1 */
	bool has_minor;   /* deleted: and its minor is not free yet */
	unsigned int clients;
	uint64_t attaches;
	uint64_t refusals;
};

enum daxd_event {
	DAXD_APPEAR,
	DAXD_CHANGE,
	DAXD_VANISH,
};

struct daxd_registry {
	struct daxd_config *cfg;
	struct daxd_runtime *rt;
	struct daxd_frontend *fe;
	struct dax_model model;
	struct daxd_tree tree;
	GPtrArray *regions; /* struct daxd_region, by id */
	GPtrArray *devices; /* struct daxd_device: those that exist */
	GPtrArray *gone;    /* struct daxd_device: deleted, until their slot is reused */
	struct daxd_faults *faults; /* NULL: before the start and after the end */
	GPtrArray *parked; /* struct daxd_device: of those gone that may come back */
	/* Called when a device has come, changed or gone; NULL: nobody asks. */
	void (*on_event)(void *ctx, enum daxd_event event, const struct daxd_device *dev);
	void *event_ctx;
	/* Called when devices may have come or gone, before they are shown; or NULL. */
	void (*before_show)(struct daxd_faults *faults);
};

/* -- registry_setup.c: from the config ---------------------------------------- */

int daxd_registry_open(struct daxd_registry *reg, struct daxd_config *cfg,
		       struct daxd_why *why);
int daxd_registry_start(struct daxd_registry *reg, struct daxd_runtime *rt,
			struct daxd_frontend *fe, struct daxd_why *why);
void daxd_registry_done(struct daxd_registry *reg);

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

int daxd_registry_find(const struct daxd_registry *reg, uint64_t dev, uint64_t ino,
		       uint64_t nlink, struct daxd_device **ret);
struct daxd_device *daxd_registry_find_life(const struct daxd_registry *reg,
					    uint64_t life);
struct daxd_device *daxd_registry_find_name(const struct daxd_registry *reg,
					    const char *name);
int daxd_registry_store(struct daxd_registry *reg, const char *path, const char *buf,
			size_t len);
int daxd_registry_sync(struct daxd_registry *reg, struct daxd_why *why);
int daxd_registry_commit(struct daxd_registry *reg, struct daxd_why *why);
void daxd_registry_release_minors(struct daxd_registry *reg);
void daxd_registry_opened(struct daxd_registry *reg, struct daxd_device *dev);
struct daxd_device *daxd_registry_add(struct daxd_registry *reg,
				      struct daxd_region *region, struct dax_dev *dev);
void daxd_device_free(void *device);

/* -- recover.c: what a daemon that died has left -------------------------------- */

uint64_t daxd_recover_last_life(const struct dax_state *state);
void daxd_recover_devices(struct daxd_registry *reg);
int daxd_recover_note(const struct daxd_registry *reg);

/* -- numbers.c: major numbers and /proc/devices --------------------------------- */

char *daxd_numbers_read(void);
int daxd_numbers_choose(const char *proc_devices, struct dax_state *state, int major,
			struct daxd_why *why);
int daxd_numbers_write(char *proc_devices, struct daxd_runtime *rt,
		       const struct dax_model *model);

#endif
