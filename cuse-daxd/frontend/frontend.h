/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Front ends: how a device gets its node.
 *
 * The plain one makes a handle, a file of no content below RUNTIME/dev: it carries the
 * mode, the owner and the inode number by which descriptors are recognised, and the
 * kernel enforces all that an open(2) enforces. The other one makes character devices
 * in /dev with CUSE, and leaves to the plain one what is no dax device.
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

/* What a front end has to know of a device. */
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
	 * A device is there, or was there before us and stays: then @handle is what it
	 * had, which is kept if it is still good. Else @handle receives a new one, that
	 * no earlier device of the name had. -EEXIST: the name or the number is somebody
	 * else's, and only this device can't be had.
	 */
	int (*appear)(struct daxd_frontend *fe, const struct daxd_node *node,
		      struct dax_state_handle *handle, struct daxd_why *why);
	/* It is in the state pages now. May be NULL. */
	void (*published)(struct daxd_frontend *fe, const char *name);
	/* Mode, owner or group are others now. */
	int (*change)(struct daxd_frontend *fe, const struct daxd_node *node,
		      struct daxd_why *why);
	/*
	 * The device was deleted. Return: a descriptor by which is_held() can tell
	 * whether others have it open, or -1.
	 */
	int (*disappear)(struct daxd_frontend *fe, const char *name);
	bool (*is_held)(struct daxd_frontend *fe, int fd);
	/*
	 * Was this descriptor of the device opened while it has been ours? By its number
	 * alone it might be one of an earlier device. NULL: numbers do not come again.
	 */
	bool (*is_live)(struct daxd_frontend *fe, int fd);
	/* How often it is open now. NULL: nobody knows. */
	unsigned int (*handles)(struct daxd_frontend *fe, const char *name);
	void (*done)(struct daxd_frontend *fe);
};

struct daxd_frontend {
	const struct daxd_frontend_ops *ops;
	struct daxd_runtime *rt;
	int dir; /* plain: RUNTIME/dev */
	struct daxd_cuse *cuse;
	/* Called when a device was opened, where that is learned. */
	void (*on_opened)(void *ctx, const char *name);
	void *ctx;
};

int daxd_frontend_choose(enum daxd_frontend_kind kind,
			 const struct daxd_frontend_ops **ret, struct daxd_why *why);
int daxd_frontend_init(struct daxd_frontend *fe, const struct daxd_frontend_ops *ops,
		       struct daxd_runtime *rt, struct daxd_why *why);
void daxd_frontend_done(struct daxd_frontend *fe);

#endif
