/* SPDX-License-Identifier: BSD-2-Clause */
/* The sysfs tree: walking it, finding a path in it, writing. */
#include "libcore/sysfs_tree.h"

#include "libcore/kstr.h"
#include "libcore/size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct sysfs_walk {
	const struct dax_model *model;
	int result; /* not 0: stop */
	/* Called for each node; @attr and @obj are NULL but for files. */
	int (*visit)(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
		     const struct sysfs_attr *attr, const struct sysfs_obj *obj);
	void *ctx;
};

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

/* Names a directory and the attributes in it. */
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

/* drivers/base/power/sysfs.c. No driver here has power management: it has no effect. */
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

/* Names the directory `power` that devices have; those of the nd bus do not. */
void dax_sysfs_power_dir(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir)
{
	dax_sysfs_dir(walk, obj, power, "%s/power", dir);
}

/*
 * Names a link. The target is given as a path from /sys and written as the kernel
 * writes it: up to the nearest directory that both are in, then down
 * (fs/kernfs/symlink.c: kernfs_get_target_path()).
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

/* ---- rows that several tables use ------------------------------------------ */

int dax_sysfs_show_numa_node(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->region->numa_node);
}

int dax_sysfs_show_target_node(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->region->target_node);
}

/* bus.c: dev_dax_visible(); drivers/nvdimm/bus.c: nd_numa_attr_visible() */
bool dax_sysfs_has_target_node(const struct sysfs_obj *obj)
{
	return obj->region->target_node >= 0;
}

int dax_sysfs_store_uevent(const struct sysfs_at *at, char *text)
{
	(void)at;
	return dax_kstr_is_uevent(dax_kstr_chomp(text)) ? 0 : -EINVAL;
}

/* Binding and unbinding of drivers that we do not act as: nothing by that name. */
int dax_sysfs_store_nodev(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -ENODEV;
}

/* ---- the whole tree -------------------------------------------------------- */

static void walk_all(struct sysfs_walk *walk)
{
	dax_sysfs_dir(walk, NULL, NULL, "devices");
	dax_sysfs_dir(walk, NULL, NULL, "devices/platform");
	dax_sysfs_walk_platform_devices(walk);
	dax_sysfs_walk_nd_devices(walk);
	dax_sysfs_walk_dax_devices(walk);
	dax_sysfs_walk_memory(walk);
	dax_sysfs_dir(walk, NULL, NULL, "bus");
	dax_sysfs_dir(walk, NULL, NULL, "class");
	dax_sysfs_dir(walk, NULL, NULL, "dev");
	dax_sysfs_dir(walk, NULL, NULL, "dev/char");
	dax_sysfs_walk_dax_bus(walk);
	dax_sysfs_walk_nd_bus(walk);
	dax_sysfs_walk_platform_bus(walk);
	dax_sysfs_walk_modules(walk);
}

struct emitter {
	dax_sysfs_emit_fn emit;
	void *ctx;
};

static int visit_emit(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
		      const struct sysfs_attr *attr, const struct sysfs_obj *obj)
{
	const struct emitter *emitter = walk->ctx;

	(void)attr;
	(void)obj;
	return emitter->emit(emitter->ctx, node);
}

/**
 * dax_sysfs_walk() - list the tree
 * @model:	the regions
 * @emit:	called for each node, a directory before what is in it
 * @ctx:	handed to @emit
 *
 * The order and the content follow from the model alone. A file that cannot be read
 * (mode 0200) has no text.
 *
 * Return: the first answer of @emit that is not 0, or 0.
 */
int dax_sysfs_walk(const struct dax_model *model, dax_sysfs_emit_fn emit, void *ctx)
{
	struct emitter emitter = {.emit = emit, .ctx = ctx};
	struct sysfs_walk walk = {.model = model, .visit = visit_emit, .ctx = &emitter};

	walk_all(&walk);
	return walk.result;
}

/* ---- writing --------------------------------------------------------------- */

struct lookup {
	const char *path;
	enum dax_sysfs_kind kind;
	char target[DAX_SYSFS_PATH_MAX]; /* of a link */
	const struct sysfs_attr *attr;   /* of a file */
	struct sysfs_obj obj;
};

static int visit_lookup(struct sysfs_walk *walk, const struct dax_sysfs_node *node,
			const struct sysfs_attr *attr, const struct sysfs_obj *obj)
{
	struct lookup *lookup = walk->ctx;

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

/* Finds the node of a path without links and dots. */
static bool find_node(const struct dax_model *model, const char *path,
		      struct lookup *ret_lookup)
{
	struct sysfs_walk walk = {
		.model = model,
		.visit = visit_lookup,
		.ctx = ret_lookup,
	};

	*ret_lookup = (struct lookup){.path = path};
	walk_all(&walk);
	return walk.result;
}

bool dax_sysfs_has_node(const struct dax_model *model, const char *path)
{
	struct lookup lookup;

	return find_node(model, path, &lookup);
}

static void cut_last_component(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

/*
 * Follows a path component by component: daxctl writes to
 * bus/dax/devices/daxX.Y/driver/unbind. Ends at the node that is meant.
 */
static int resolve(const struct dax_model *model, const char *path,
		   struct lookup *ret_lookup)
{
	char todo[2 * DAX_SYSFS_PATH_MAX];
	char done[2 * DAX_SYSFS_PATH_MAX] = "";
	char *rest = todo;
	char *name;

	*ret_lookup = (struct lookup){.kind = DAX_SYSFS_DIR};
	if (strlen(path) >= DAX_SYSFS_PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(todo, path);
	while ((name = strsep(&rest, "/"))) {
		size_t len = strlen(done);

		if (!*name || !strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			cut_last_component(done);
			continue;
		}
		/* What has been done is a node's path, so there is room. */
		snprintf(done + len, sizeof(done) - len, "%s%s", len ? "/" : "", name);
		if (!find_node(model, done, ret_lookup))
			return -ENOENT;
		if (ret_lookup->kind == DAX_SYSFS_FILE)
			return rest ? -ENOTDIR : 0;
		if (ret_lookup->kind == DAX_SYSFS_LINK) {
			char then[DAX_SYSFS_PATH_MAX];

			cut_last_component(done);
			/* All that is still to do was part of @path. */
			snprintf(then, sizeof(then), "%s", rest ? rest : "");
			snprintf(todo, sizeof(todo), "%s/%s", ret_lookup->target, then);
			rest = todo;
		}
	}
	return -EISDIR;
}

/**
 * dax_sysfs_store() - write to an attribute
 * @model:	the regions; changed
 * @path:	below /sys; links, ".." and double slashes are followed
 * @buf:	what write(2) was given, at offset 0
 * @len:	bytes of it; sysfs looks at 4096 at most, and up to a NUL
 *
 * After a success every device may have changed: compare with the model. A minor
 * whose device was deleted stays taken; give it back with dax_model_release_minor()
 * as soon as nobody holds the device, which may be now.
 *
 * Writes of 0 bytes do nothing (fs/sysfs/file.c: sysfs_kf_write()).
 *
 * Return: 0; -EACCES: cannot be written; -ENOENT, -EISDIR, -ENOTDIR,
 * -ENAMETOOLONG: @path is no attribute; else what the attribute answers.
 */
int dax_sysfs_store(struct dax_model *model, const char *path, const char *buf,
		    size_t len)
{
	struct sysfs_at at = {.model = model};
	char text[DAX_SYSFS_TEXT_MAX + 1];
	struct lookup lookup;
	int r;

	r = resolve(model, path, &lookup);
	if (r < 0)
		return r;
	if (!lookup.attr->store)
		return -EACCES;
	if (!len)
		return 0;
	len = (size_t)dax_min(len, DAX_SYSFS_TEXT_MAX);
	memcpy(text, buf, len);
	text[len] = '\0';
	at.n = lookup.obj.n;
	if (lookup.obj.region)
		at.region = dax_model_find_region(model, lookup.obj.region->id);
	if (lookup.obj.dev) {
		const struct dax_dev *dev = lookup.obj.dev;
		char name[DAX_NAME_LEN];

		at.dev = dev->region->type == DAX_REGION_STATIC
				 ? dax_nd_find(model, dev->region->id, dev->id)
				 : dax_model_find(model, dax_dev_name(dev, name));
	}
	return lookup.attr->store(&at, text);
}

/**
 * dax_sysfs_proc_devices() - what /proc/devices says of us
 * @model:	for the majors
 * @buf:	receives the lines "252 dax\n" and "246 ndctl\n" in the order of majors
 * @size:	of @buf; what does not fit is cut off
 *
 * Return: the length of the lines, even if that is more than fits.
 */
size_t dax_sysfs_proc_devices(const struct dax_model *model, char *buf, size_t size)
{
	bool is_dax_first = model->major <= model->ndctl_major;

	return (size_t)snprintf(buf, size, "%3" PRIu32 " %s\n%3" PRIu32 " %s\n",
				is_dax_first ? model->major : model->ndctl_major,
				is_dax_first ? "dax" : "ndctl",
				is_dax_first ? model->ndctl_major : model->major,
				is_dax_first ? "ndctl" : "dax");
}
