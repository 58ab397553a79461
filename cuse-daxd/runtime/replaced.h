/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of attributes that were replaced.
 *
 * A client may still have such a file open for writing. Its name in /proc proves
 * nothing: in a mount namespace of its own a client mounts any deleted file of the
 * daemon's, such as a handle, over an attribute. So the daemon remembers the files.
 */
#ifndef DAXD_RUNTIME_REPLACED_H
#define DAXD_RUNTIME_REPLACED_H

#include <glib.h>
#include <stdbool.h>

struct statx;

/* The newest files; the oldest are forgotten. Descriptors live much shorter. */
#define DAXD_REPLACED_MAX 32768

struct daxd_replaced {
	GHashTable *files; /* by inode number */
	GQueue order;      /* of the same files, the oldest first */
};

void daxd_replaced_init(struct daxd_replaced *r);
void daxd_replaced_add(struct daxd_replaced *r, int dir, const char *name,
		       const char *path);
void daxd_replaced_add_tree(struct daxd_replaced *r, int dir, const char *name);
bool daxd_replaced_has(const struct daxd_replaced *r, const struct statx *stx,
		       const char *path);
void daxd_replaced_done(struct daxd_replaced *r);

#endif
