/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside sysfs*.c only: how the tree is described.
 *
 * There is one description, the functions dax_sysfs_walk_*(): they name each
 * directory once, with the table of the attributes in it, and each link. Listing the
 * tree is calling them; finding the attribute that a path names is calling them as
 * well and comparing. A table row says what reading shows and what writing does.
 */
#ifndef DAX_SYSFS_WALK_H
#define DAX_SYSFS_WALK_H

#include "libcore/model.h"
#include "libcore/sysfs_node.h"

/* What a directory stands for; what does not apply is NULL or 0. */
struct sysfs_obj {
	const struct dax_model *model;
	const struct dax_region *region;
	const struct dax_dev *dev;
	uint32_t n; /* number of a mapping or of an nd driver */
};

/* The same when written to. */
struct sysfs_at {
	struct dax_model *model;
	struct dax_region *region;
	struct dax_dev *dev;
	uint32_t n;
};

struct sysfs_attr {
	const char *name; /* NULL ends a table */
	uint16_t mode;
	/* What reading shows: always this text, or what show() writes into @buf of
	 * DAX_SYSFS_TEXT_MAX; it returns the length, or the negative errno of the read.
	 * Neither: cannot be read. */
	const char *text;
	int (*show)(const struct sysfs_obj *obj, char *buf);
	/* 0 or negative errno. @text is terminated and may be changed. NULL: EACCES. */
	int (*store)(const struct sysfs_at *at, char *text);
	/* NULL: the attribute is always there. */
	bool (*is_visible)(const struct sysfs_obj *obj);
};

/* One walk through the tree: listing it, or looking for a node. */
struct sysfs_walk {
	const struct dax_model *model;
	int result; /* not 0: stop */
	/* Called for each node; @attr and @obj are NULL but for files. */
	int (*visit)(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
		     const struct sysfs_attr *attr, const struct sysfs_obj *obj);
	void *ctx;
};

/* A node that was looked for. */
struct sysfs_lookup {
	const char *path;
	enum dax_sysfs_kind kind;
	char target[DAX_SYSFS_PATH_MAX]; /* of a link */
	const struct sysfs_attr *attr;   /* of a file */
	struct sysfs_obj obj;
};

void dax_sysfs_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
		   const struct sysfs_attr *attrs, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void dax_sysfs_power_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir);
void dax_sysfs_link(struct sysfs_walk *walk, const char *target, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const struct dax_model *dax_sysfs_model(const struct sysfs_walk *walk);

bool dax_sysfs_has_nd(const struct dax_model *model);
bool dax_sysfs_has_type(const struct dax_model *model, enum dax_region_type type);
bool dax_sysfs_find_node(const struct dax_model *model,
			 void (*walk_tree)(struct sysfs_walk *walk), const char *path,
			 struct sysfs_lookup *ret_lookup);
bool dax_sysfs_has_node(const struct dax_model *model,
			void (*walk_tree)(struct sysfs_walk *walk), const char *path);

#define SYSFS_E820  "devices/platform/e820_pmem"
#define SYSFS_NDBUS SYSFS_E820 "/ndbus0"

/* Rows and functions that several tables use. */
int dax_sysfs_show_numa_node(const struct sysfs_obj *obj, char *buf);
int dax_sysfs_show_target_node(const struct sysfs_obj *obj, char *buf);
bool dax_sysfs_has_target_node(const struct sysfs_obj *obj);
int dax_sysfs_store_uevent(const struct sysfs_at *at, char *text);
int dax_sysfs_store_nodev(const struct sysfs_at *at, char *text);

#define SYSFS_NUMA_NODE                                                                  \
	{                                                                                \
		.name = "numa_node", .mode = 0444, .show = dax_sysfs_show_numa_node      \
	}
#define SYSFS_TARGET_NODE                                                                \
	{                                                                                \
		.name = "target_node", .mode = 0444, .show = dax_sysfs_show_target_node, \
		.is_visible = dax_sysfs_has_target_node                                  \
	}
/* A device's uevent file, and a driver's or bus's. */
#define SYSFS_UEVENT(content)                                                            \
	{                                                                                \
		.name = "uevent", .mode = 0644, .text = (content),                       \
		.store = dax_sysfs_store_uevent                                          \
	}
#define SYSFS_UEVENT_WO                                                                  \
	{                                                                                \
		.name = "uevent", .mode = 0200, .store = dax_sysfs_store_uevent          \
	}

#endif
