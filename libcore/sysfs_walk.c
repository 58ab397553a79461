/* SPDX-License-Identifier: BSD-2-Clause */
/* Visiting directories, attributes and links, and finding one of them by its path. */
#include "libcore/sysfs_walk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libcore/kstr.h"
#include "libcore/cxl.h"
#include "libcore/model.h"
#include "libcore/sysfs_node.h"

/**
 * dax_sysfs_model() - the model whose tree is walked
 * @walk:	the walk
 *
 * Return: the model, for reading.
 */
const struct dax_model *dax_sysfs_model(const struct sysfs_walk *walk)
{
	return walk->model;
}

static void visit(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
		  const struct sysfs_attr *attr, const struct sysfs_obj *obj)
{
	if (!walk->result)
		walk->result = walk->visit(walk, node, attr, obj);
}

static void visit_attr(struct sysfs_walk *walk, const char *dir,
		       const struct sysfs_attr *attr, const struct sysfs_obj *obj)
{
	char path[DAX_SYSFS_PATH_MAX + 32];
	char text[DAX_SYSFS_TEXT_MAX];
	struct dax_sysfs_node node = {
		.path = path,
		.kind = DAX_SYSFS_FILE,
		.mode = attr->mode,
		.text = attr->text ? attr->text : "",
	};

	snprintf(path, sizeof(path), "%s/%s", dir, attr->name);
	if (attr->show) {
		int len = attr->show(obj, text);

		if (len < 0)
			node.read_error = -len;
		else
			node.text = text;
	}
	node.len = strlen(node.text);
	visit(walk, &node, attr, obj);
}

/**
 * dax_sysfs_dir() - visit a directory and the attributes in it
 * @walk:	the walk
 * @obj:	the object that the attributes show; NULL if they need none
 * @attrs:	the attributes; NULL: none
 * @fmt:	path below /sys, as for printf(3), then its arguments
 */
void dax_sysfs_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
		   const struct sysfs_attr *attrs, const char *fmt, ...)
{
	char path[DAX_SYSFS_PATH_MAX];
	struct dax_sysfs_node node = {
		.path = path, .kind = DAX_SYSFS_DIR, .mode = 0755, .text = ""};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	visit(walk, &node, NULL, NULL);
	for (; attrs && attrs->name; attrs++)
		if (!attrs->is_visible || attrs->is_visible(obj))
			visit_attr(walk, path, attrs, obj);
}

/**
 * dax_sysfs_file() - visit an attribute of a directory that was visited
 * @walk:	the walk
 * @obj:	the object that the attribute shows
 * @attr:	the attribute
 * @dir:	the directory, below /sys
 */
void dax_sysfs_file(struct sysfs_walk *walk, const struct sysfs_obj *obj,
		    const struct sysfs_attr *attr, const char *dir)
{
	visit_attr(walk, dir, attr, obj);
}

/* No driver here has power management, so this fails (drivers/base/power/sysfs.c). */
static int show_no_delay(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	(void)buf;
	return -EIO;
}

static int store_no_delay(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -EIO;
}

static int store_control(const struct sysfs_at *at, char *text)
{
	(void)at;
	dax_kstr_chomp(text);
	return strcmp(text, "auto") && strcmp(text, "on") ? -EINVAL : 0;
}

static int store_async(const struct sysfs_at *at, char *text)
{
	(void)at;
	dax_kstr_chomp(text);
	return strcmp(text, "enabled") && strcmp(text, "disabled") ? -EINVAL : 0;
}

static const struct sysfs_attr power[] = {
	{.name = "async", .mode = 0644, .text = "disabled\n", .store = store_async},
	{.name = "autosuspend_delay_ms",
	 .mode = 0644,
	 .show = show_no_delay,
	 .store = store_no_delay},
	{.name = "control", .mode = 0644, .text = "auto\n", .store = store_control},
	{.name = "runtime_active_kids", .mode = 0444, .text = "0\n"},
	{.name = "runtime_active_time", .mode = 0444, .text = "0\n"},
	{.name = "runtime_enabled", .mode = 0444, .text = "disabled\n"},
	{.name = "runtime_status", .mode = 0444, .text = "unsupported\n"},
	{.name = "runtime_suspended_time", .mode = 0444, .text = "0\n"},
	{.name = "runtime_usage", .mode = 0444, .text = "0\n"},
	{0},
};

/**
 * dax_sysfs_power_dir() - visit the directory `power` of a device
 * @walk:	the walk
 * @obj:	the device
 * @dir:	its directory, below /sys
 *
 * Devices of the nd bus have no such directory.
 */
void dax_sysfs_power_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir)
{
	dax_sysfs_dir(walk, obj, power, "%s/power", dir);
}

/**
 * dax_sysfs_link() - visit a link
 * @walk:	the walk
 * @target:	path below /sys that it leads to
 * @fmt:	path of the link below /sys, as for printf(3), then its arguments
 *
 * The link's text is relative, as the kernel writes it: up to the nearest directory
 * that both are in, then down (fs/kernfs/symlink.c: kernfs_get_target_path()).
 */
void dax_sysfs_link(struct sysfs_walk *walk, const char *target, const char *fmt, ...)
{
	char path[DAX_SYSFS_PATH_MAX];
	char text[2 * DAX_SYSFS_PATH_MAX];
	struct dax_sysfs_node node = {
		.path = path, .kind = DAX_SYSFS_LINK, .mode = 0777, .text = text};
	size_t common = 0;
	size_t len = 0;
	size_t i;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	for (i = 0; path[i] && path[i] == target[i]; i++)
		if (path[i] == '/')
			common = i + 1;
	for (i = common; path[i]; i++)
		if (path[i] == '/')
			len += (size_t)sprintf(text + len, "../");
	snprintf(text + len, sizeof(text) - len, "%s", target + common);
	node.len = strlen(text);
	visit(walk, &node, NULL, NULL);
}

/**
 * dax_sysfs_show_numa_node() - show() of `numa_node`
 * @obj:	an object with a region
 * @buf:	receives the text
 *
 * Return: its length.
 */
int dax_sysfs_show_numa_node(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->region->numa_node);
}

/**
 * dax_sysfs_show_target_node() - show() of `target_node`
 * @obj:	an object with a region
 * @buf:	receives the text
 *
 * Return: its length.
 */
int dax_sysfs_show_target_node(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->region->target_node);
}

/**
 * dax_sysfs_has_target_node() - is_visible() of `target_node`
 * @obj:	an object with a region
 *
 * drivers/dax/bus.c: dev_dax_visible(); drivers/nvdimm/bus.c: nd_numa_attr_visible().
 *
 * Return: true if the region has a target node.
 */
bool dax_sysfs_has_target_node(const struct sysfs_obj *obj)
{
	return obj->region->target_node >= 0;
}

/**
 * dax_sysfs_store_uevent() - store() of `uevent`, which sends no event here
 * @at:		not used
 * @text:	the text written
 *
 * Return: 0, or -EINVAL if the text does not ask for an event.
 */
int dax_sysfs_store_uevent(const struct sysfs_at *at, char *text)
{
	(void)at;
	return dax_kstr_is_uevent(dax_kstr_chomp(text)) ? 0 : -EINVAL;
}

/**
 * dax_sysfs_store_nodev() - store() of `bind` and `unbind` of drivers not emulated
 * @at:		not used
 * @text:	not used
 *
 * Return: -ENODEV, since the driver has no device of any name.
 */
int dax_sysfs_store_nodev(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -ENODEV;
}

static int visit_lookup(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
			const struct sysfs_attr *attr, const struct sysfs_obj *obj)
{
	struct sysfs_lookup *lookup = walk->ctx;

	if (strcmp(node->path, lookup->path))
		return 0;
	lookup->kind = node->kind;
	lookup->attr = attr;
	if (obj)
		lookup->obj = *obj;
	if (node->kind == DAX_SYSFS_LINK)
		snprintf(lookup->target, sizeof(lookup->target), "%s", node->text);
	return 1;
}

/**
 * dax_sysfs_find_node() - find the node of a path
 * @model:	the regions
 * @walk_tree:	visits the part of the tree to search
 * @path:	without links, dots and double slashes
 * @ret_lookup:	receives the node; its objects live as long as @model
 *
 * Return: true if there is such a node.
 */
bool dax_sysfs_find_node(const struct dax_model *model,
			 void (*walk_tree)(struct sysfs_walk *walk), const char *path,
			 struct sysfs_lookup *ret_lookup)
{
	struct sysfs_walk walk = {
		.model = model,
		.visit = visit_lookup,
		.ctx = ret_lookup,
	};

	*ret_lookup = (struct sysfs_lookup){.path = path};
	walk_tree(&walk);
	return walk.result;
}

/**
 * dax_sysfs_has_node() - true if a path without links and dots is in the tree
 * @model:	the regions
 * @walk_tree:	visits the part of the tree to search
 * @path:	below /sys
 */
bool dax_sysfs_has_node(const struct dax_model *model,
			void (*walk_tree)(struct sysfs_walk *walk), const char *path)
{
	struct sysfs_lookup lookup;

	return dax_sysfs_find_node(model, walk_tree, path, &lookup);
}

/**
 * dax_sysfs_has_type() - true if any region is of a type
 * @model:	the regions
 * @type:	the type
 */
bool dax_sysfs_has_type(const struct dax_model *model, enum dax_region_type type)
{
	const struct dax_region *region;

	dax_for_each_region (region, model)
		if (region->type == type)
			return true;
	return false;
}

/**
 * dax_sysfs_has_nd() - true if there is an nd bus device
 * @model:	the regions
 */
bool dax_sysfs_has_nd(const struct dax_model *model)
{
	return dax_sysfs_has_nd_drivers(model) && !model->is_nd_gone;
}

/**
 * dax_sysfs_has_nd_drivers() - true if there are drivers of namespaces
 * @model:	the regions
 */
bool dax_sysfs_has_nd_drivers(const struct dax_model *model)
{
	return dax_sysfs_has_type(model, DAX_REGION_STATIC) || dax_cxl_has_pmem(model);
}
