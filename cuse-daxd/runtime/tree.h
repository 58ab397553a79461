/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree as plain files below the runtime directory.
 *
 * The nodes of dax_sysfs_walk() are written once. After every change of the model the
 * walk runs again, and only nodes that differ from the last walk are written. For each
 * node the daemon keeps its path and a hash of the rest.
 *
 * The first walk may be delayed until the daemon has nothing else to do, so that a
 * program that is starting need not wait for the whole tree, but at most for the part
 * that is missing when it looks there. The state pages say that the tree is incomplete,
 * and the shim waits before it looks.
 */
#ifndef DAXD_RUNTIME_TREE_H
#define DAXD_RUNTIME_TREE_H

#include <glib.h>
#include <stdint.h>

#include "cuse-daxd/runtime/replaced.h"

struct dax_model;
struct daxd_runtime;
struct daxd_why;

struct daxd_tree {
	struct daxd_runtime *rt;
	int sys;           /* descriptor of RUNTIME/sys */
	GHashTable *nodes; /* path -> struct node */
	struct daxd_replaced replaced;
	uint64_t walk;                 /* number of walks so far */
	guint later;                   /* source that writes it; 0: complete */
	const struct dax_model *model; /* for that source */
};

int daxd_tree_init(struct daxd_tree *tree, struct daxd_runtime *rt,
		   const struct dax_model *model, struct daxd_why *why);
int daxd_tree_init_later(struct daxd_tree *tree, struct daxd_runtime *rt,
			 const struct dax_model *model, struct daxd_why *why);
void daxd_tree_leave_off(struct daxd_tree *tree);
int daxd_tree_update(struct daxd_tree *tree, const struct dax_model *model);
int daxd_tree_find(const struct daxd_tree *tree, int fd, const char *path,
		   char **ret_path);
int daxd_tree_find_fd(const struct daxd_tree *tree, int fd, char **ret_path);
void daxd_tree_done(struct daxd_tree *tree);

#endif
