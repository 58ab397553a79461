/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The existing regions and devices, as data: the model, and their stores, nodes and slots
 * outside of libcore.
 *
 * A device is identified by its life, a number that no other device ever has.
 */
#ifndef DAXD_REGISTRY_DEVICES_H
#define DAXD_REGISTRY_DEVICES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/state.h"

#include "cuse-daxd/config/config.h"
#include "cuse-daxd/runtime/tree.h"

struct daxd_faults;
struct daxd_frontend;
struct daxd_registry;
struct daxd_runtime;
struct daxd_store;

struct daxd_region {
	struct daxd_region_cfg *cfg;
	struct dax_region *region;
	struct daxd_store *store; /* of all its devices; NULL: each has its own */
	uint64_t base;            /* physical address of the shared store's byte 0 */
};

struct daxd_device {
	const struct daxd_registry *reg;
	uint64_t life;
	struct dax_dev *dev;        /* in the model; NULL: deleted, or ndctl */
	struct daxd_region *region; /* NULL: ndctl or a memory device of CXL */
	struct daxd_store *store;   /* NULL: ndctl */
	int memdev;                 /* N of /dev/cxl/memN; -1: no such node */
	int labels_fd; /* label storage area of a memory device; -1: not used yet */
	bool owns_store;
	uint64_t base; /* physical address of the store's byte 0 */
	struct daxd_perms perms;
	bool is_shown;          /* it has a slot and a node */
	uint32_t slot;          /* in the state pages */
	bool has_slot;          /* a recovered device has one before it is shown */
	struct dax_device desc; /* as published; ranges are offsets in the store */
	uint32_t changed_at; /* the change of the state pages that mappings must follow */
	struct dax_state_handle handle;
	uint64_t bad_generation; /* counts changes of its bad memory */
	bool is_bad;             /* part of its memory is bad; set by faults */
	bool is_opened;
	bool is_refused; /* its node could not be created, which was logged */
	bool is_same;    /* the same device as an earlier daemon's, with its number */
	int held_fd;     /* if deleted: for is_held() of the front end; or -1 */
	bool has_minor;  /* if deleted: its minor is not released yet */
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
	/* Called when a device has appeared, changed or vanished; or NULL. */
	void (*on_event)(void *ctx, enum daxd_event event, const struct daxd_device *dev);
	void *event_ctx;
	/* Called after devices were added or deleted, before they are shown; or NULL. */
	void (*before_show)(struct daxd_faults *faults);
	struct daxd_uevents *uevents; /* NULL: no program has asked for them */
};

struct daxd_device *daxd_devices_find_life(const struct daxd_registry *reg,
					   uint64_t life);
int daxd_devices_find(const struct daxd_registry *reg, uint64_t dev, uint64_t ino,
		      uint64_t nlink, struct daxd_device **ret);
struct daxd_device *daxd_devices_add(struct daxd_registry *reg,
				     struct daxd_region *region, struct dax_dev *dev);
void daxd_device_describe(const struct daxd_device *dev, struct dax_device *ret);
void daxd_device_free(void *device);
struct daxd_device *daxd_devices_find_name(const struct daxd_registry *reg,
					   const char *name);

#endif
