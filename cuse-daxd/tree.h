/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree as plain files below the runtime directory.
 *
 * What dax_sysfs_walk() says is written once; after every change of the model the
 * walk is done again and only what differs from the last one is written. Of each node
 * its path and a hash of the rest are kept.
 */
#ifndef DAXD_TREE_H
#define DAXD_TREE_H

#include "cuse-daxd/runtime.h"
#include "libcore/model.h"

#include <glib.h>

struct daxd_tree {
	struct daxd_runtime *rt;
	int sys;           /* descriptor of RUNTIME/sys */
	GHashTable *nodes; /* path -> struct node */
	uint64_t walk;     /* how many there have been */
};

int daxd_tree_init(struct daxd_tree *tree, struct daxd_runtime *rt,
		   const struct dax_model *model, struct daxd_why *why);
int daxd_tree_update(struct daxd_tree *tree, const struct dax_model *model);
int daxd_tree_find(const struct daxd_tree *tree, int fd, const char *path,
		   char **ret_path);
void daxd_tree_done(struct daxd_tree *tree);

#endif
