/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Front ends: they create the nodes of devices.
 *
 * The plain front end creates a handle, an empty file below RUNTIME/dev: it has the mode,
 * the owner and the inode number by which descriptors are recognised, and the kernel
 * checks permissions at open(2). The other front end creates character devices in /dev
 * with CUSE, and uses the plain one for nodes that are no dax devices.
 */
#ifndef DAXD_FRONTEND_FRONTEND_H
#define DAXD_FRONTEND_FRONTEND_H

#include <stdbool.h>
#include <stdint.h>

#include "cuse-daxd/config/config.h"

struct dax_state_handle;
struct daxd_cuse;
struct daxd_frontend;
struct daxd_runtime;
struct daxd_why;

/* A device, as front ends see it. */
struct daxd_node {
	const char *name; /* "dax0.0", "ndctl0" */
	uint32_t major;
	uint32_t minor;
	struct daxd_perms perms;
};

struct daxd_frontend_ops {
	const char *name;
	uint32_t state_flags; /* enum dax_state_flag */
	int (*init)(struct daxd_frontend *fe, struct daxd_why *why);
	/*
	 * Create the node of a device, or keep that of an earlier daemon: then @handle
	 * is its handle, which is kept if it is still valid. Otherwise @handle receives a
	 * new one that no earlier device of this name had. -EEXIST: another device has
	 * the name or the number; other devices may still succeed.
	 */
	int (*appear)(struct daxd_frontend *fe, const struct daxd_node *node,
		      struct dax_state_handle *handle, struct daxd_why *why);
	/* Called after the device is published. Optional. */
	void (*published)(struct daxd_frontend *fe, const char *name);
	/* Set the mode, owner and group of a node. */
	int (*change)(struct daxd_frontend *fe, const struct daxd_node *node,
		      struct daxd_why *why);
	/*
	 * The device was deleted. Return: a descriptor by which is_held() can tell
	 * whether others have it open, or -1.
	 */
	int (*disappear)(struct daxd_frontend *fe, const char *name);
	bool (*is_held)(struct daxd_frontend *fe, int fd);
	/*
	 * True if the descriptor was opened since this daemon made the node; an older
	 * device may have had the same number. Optional: NULL if numbers are never
	 * reused.
	 */
	bool (*is_live)(struct daxd_frontend *fe, int fd);
	/* The number of open files of a node. Optional: NULL if unknown. */
	unsigned int (*handles)(struct daxd_frontend *fe, const char *name);
	void (*done)(struct daxd_frontend *fe);
};

struct daxd_frontend {
	const struct daxd_frontend_ops *ops;
	struct daxd_runtime *rt;
	int dir; /* plain: RUNTIME/dev */
	struct daxd_cuse *cuse;
	/* Called when a device was opened, if the front end notices it. */
	void (*on_opened)(void *ctx, const char *name);
	void *ctx;
};

int daxd_frontend_choose(enum daxd_frontend_kind kind,
			 const struct daxd_frontend_ops **ret, struct daxd_why *why);
int daxd_frontend_init(struct daxd_frontend *fe, const struct daxd_frontend_ops *ops,
		       struct daxd_runtime *rt, struct daxd_why *why);
void daxd_frontend_done(struct daxd_frontend *fe);

#endif
