/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree as plain files below the runtime directory.
 *
 * What dax_sysfs_walk() says is written once; after every change of the model the
 * walk is done again and only what differs from the last one is written. Of each node
 * its path and a hash of the rest are kept.
 *
 * The first time may be later, when the daemon has nothing else to do: a program that
 * starts then does not wait for all that, but for what it has not looked at yet at most.
 * Until the tree is whole the state pages say so, and the shim waits before it looks.
 */
#ifndef DAXD_RUNTIME_TREE_H
#define DAXD_RUNTIME_TREE_H

#include <glib.h>
#include <stdint.h>

struct dax_model;
struct daxd_runtime;
struct daxd_why;

struct daxd_tree {
	struct daxd_runtime *rt;
	int sys;                       /* descriptor of RUNTIME/sys */
	GHashTable *nodes;             /* path -> struct node */
	uint64_t walk;                 /* how many there have been */
	guint later;                   /* source that writes it; 0: it is whole */
	const struct dax_model *model; /* what that shows */
};

int daxd_tree_init(struct daxd_tree *tree, struct daxd_runtime *rt,
		   const struct dax_model *model, struct daxd_why *why);
int daxd_tree_init_later(struct daxd_tree *tree, struct daxd_runtime *rt,
			 const struct dax_model *model, struct daxd_why *why);
void daxd_tree_leave_off(struct daxd_tree *tree);
int daxd_tree_update(struct daxd_tree *tree, const struct dax_model *model);
int daxd_tree_find(const struct daxd_tree *tree, int fd, const char *path,
		   char **ret_path);
void daxd_tree_done(struct daxd_tree *tree);

#endif
