/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Description of the sysfs tree; for sysfs*.c only.
 *
 * The functions dax_sysfs_walk_*() are the only description: they visit each directory
 * once, with the table of the attributes in it, and each link. Listing the tree means
 * calling them; so does finding the attribute of a path, which compares every path that
 * they visit. A row of a table says what reading shows and what writing does.
 */
#ifndef DAX_SYSFS_WALK_H
#define DAX_SYSFS_WALK_H

#include "libcore/model.h"
#include "libcore/sysfs_node.h"

/* The object that a directory represents; fields that do not apply are NULL or 0. */
struct sysfs_obj {
	const struct dax_model *model;
	const struct dax_region *region;
	const struct dax_dev *dev;
	uint32_t n; /* number of a mapping, of an nd driver or of a CXL object */
};

/* The same object for writing. */
struct sysfs_at {
	struct dax_model *model;
	struct dax_region *region;
	struct dax_dev *dev;
	uint32_t n;
	size_t len; /* bytes that were written */
};

struct sysfs_attr {
	const char *name; /* NULL ends a table */
	uint16_t mode;
	/*
	 * Content: always this text, or what show() writes into @buf of
	 * DAX_SYSFS_TEXT_MAX bytes; show() returns the length, or the negative errno of
	 * the read. Neither: cannot be read.
	 */
	const char *text;
	int (*show)(const struct sysfs_obj *obj, char *buf);
	/*
	 * Write: returns 0 or a negative errno; may change @text, which is terminated.
	 * NULL: EACCES.
	 */
	int (*store)(const struct sysfs_at *at, char *text);
	/* NULL: the attribute always exists. */
	bool (*is_visible)(const struct sysfs_obj *obj);
};

/* One walk through the tree, to list it or to find a node. */
struct sysfs_walk {
	const struct dax_model *model;
	int result; /* not 0: end the walk */
	/* Called for each node; @attr and @obj are NULL except for files. */
	int (*visit)(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
		     const struct sysfs_attr *attr, const struct sysfs_obj *obj);
	void *ctx;
};

/* Result of a search. */
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
void dax_sysfs_file(struct sysfs_walk *walk, const struct sysfs_obj *obj,
		    const struct sysfs_attr *attr, const char *dir);
void dax_sysfs_power_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir);
void dax_sysfs_link(struct sysfs_walk *walk, const char *target, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const struct dax_model *dax_sysfs_model(const struct sysfs_walk *walk);

bool dax_sysfs_has_nd(const struct dax_model *model);
bool dax_sysfs_has_nd_drivers(const struct dax_model *model);
bool dax_sysfs_has_type(const struct dax_model *model, enum dax_region_type type);
bool dax_sysfs_find_node(const struct dax_model *model,
			 void (*walk_tree)(struct sysfs_walk *walk), const char *path,
			 struct sysfs_lookup *ret_lookup);
bool dax_sysfs_has_node(const struct dax_model *model,
			void (*walk_tree)(struct sysfs_walk *walk), const char *path);

#define SYSFS_E820  "devices/platform/e820_pmem"
#define SYSFS_NDBUS SYSFS_E820 "/ndbus0"

#define SYSFS_HMEM_PLATFORM "hmem_platform.0"

/* Rows and functions that several tables share. */
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
/* `uevent` of a device, and of a driver or bus. */
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
