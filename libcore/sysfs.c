/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole sysfs tree: listing it, writing to its attributes. */
#include "libcore/sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/model_nd.h"
#include "libcore/size.h"
#include "libcore/sysfs_cxl.h"
#include "libcore/sysfs_cxl_bus.h"
#include "libcore/sysfs_cxl_debug.h"
#include "libcore/sysfs_dax.h"
#include "libcore/sysfs_memory.h"
#include "libcore/sysfs_nd.h"
#include "libcore/sysfs_nd_bus.h"
#include "libcore/sysfs_node.h"
#include "libcore/sysfs_platform.h"
#include "libcore/sysfs_walk.h"

static void walk_all(struct sysfs_walk *walk)
{
	dax_sysfs_dir(walk, NULL, NULL, "devices");
	dax_sysfs_dir(walk, NULL, NULL, "devices/platform");
	dax_sysfs_walk_platform_devices(walk);
	dax_sysfs_walk_cxl_devices(walk);
	dax_sysfs_walk_nd_devices(walk);
	dax_sysfs_walk_dax_devices(walk);
	dax_sysfs_walk_memory(walk);
	dax_sysfs_dir(walk, NULL, NULL, "bus");
	dax_sysfs_dir(walk, NULL, NULL, "class");
	dax_sysfs_dir(walk, NULL, NULL, "dev");
	dax_sysfs_dir(walk, NULL, NULL, "dev/char");
	dax_sysfs_walk_dax_bus(walk);
	dax_sysfs_walk_nd_bus(walk);
	dax_sysfs_walk_cxl_bus(walk);
	dax_sysfs_walk_cxl_debug(walk);
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
 * @emit:	called for each node, a directory before its entries; the node and its
 *		strings are valid during the call only
 * @ctx:	passed to @emit
 *
 * The order and the content depend on the model alone, not on history. A file that
 * cannot be read (mode 0200) has no text.
 *
 * Return: the first value of @emit that is not 0, which ends the walk, or 0.
 */
int dax_sysfs_walk(const struct dax_model *model, dax_sysfs_emit_fn emit, void *ctx)
{
	struct emitter emitter = {.emit = emit, .ctx = ctx};
	struct sysfs_walk walk = {.model = model, .visit = visit_emit, .ctx = &emitter};

	walk_all(&walk);
	return walk.result;
}

static void cut_last_component(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

/*
 * Find the node of a path, following links component by component: daxctl writes to
 * bus/dax/devices/daxX.Y/driver/unbind.
 */
static int resolve(const struct dax_model *model, const char *path,
		   struct sysfs_lookup *ret_lookup)
{
	char todo[2 * DAX_SYSFS_PATH_MAX];
	char done[2 * DAX_SYSFS_PATH_MAX] = "";
	char *rest = todo;
	char *name;

	*ret_lookup = (struct sysfs_lookup){.kind = DAX_SYSFS_DIR};
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
		/* @done is a node's path, so there is room. */
		snprintf(done + len, sizeof(done) - len, "%s%s", len ? "/" : "", name);
		if (!dax_sysfs_find_node(model, walk_all, done, ret_lookup))
			return -ENOENT;
		if (ret_lookup->kind == DAX_SYSFS_FILE)
			return rest ? -ENOTDIR : 0;
		if (ret_lookup->kind == DAX_SYSFS_LINK) {
			char then[DAX_SYSFS_PATH_MAX];

			cut_last_component(done);
			/* The rest was part of @path. */
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
 * @buf:	the data of write(2), at offset 0
 * @len:	bytes of it; sysfs takes 4096 at most, and only up to a NUL
 *
 * After a success any number of devices may have changed, appeared or disappeared:
 * compare the model's lives and generations. `delete` leaves the device's minor taken,
 * since only the caller knows who holds the device: release it with
 * dax_model_release_minor() as soon as no client does, which may be at once.
 *
 * A newline or NUL at the end is treated as in the kernel. Writes of 0 bytes do nothing
 * (fs/sysfs/file.c: sysfs_kf_write()).
 *
 * Return: 0 if all bytes were taken; -EACCES: the attribute has no store function, so
 * open(2) for writing fails as well; -ENOENT, -EISDIR, -ENOTDIR, -ENAMETOOLONG: @path is
 * not an attribute; else the negative errno of the attribute.
 */
int dax_sysfs_store(struct dax_model *model, const char *path, const char *buf,
		    size_t len)
{
	struct sysfs_at at = {.model = model};
	char text[DAX_SYSFS_TEXT_MAX + 1];
	struct sysfs_lookup lookup;
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
	at.len = len;
	if (lookup.obj.region)
		at.region = dax_model_find_region(model, lookup.obj.region->id);
	if (lookup.obj.dev) {
		const struct dax_dev *dev = lookup.obj.dev;
		char name[DAX_NAME_LEN];

		at.dev = dax_region_is_nd(dev->region)
				 ? dax_nd_find(model, dev->region->id, dev->id)
				 : dax_model_find(model, dax_dev_name(dev, name));
	}
	return lookup.attr->store(&at, text);
}

/* Append a line of /proc/devices. Return: the length with it. */
static size_t add_line(char *buf, size_t size, size_t len, uint32_t major,
		       const char *name)
{
	size_t at = dax_min(len, size);

	return len +
	       (size_t)snprintf(buf + at, size - at, "%3" PRIu32 " %s\n", major, name);
}

/**
 * dax_sysfs_proc_devices() - format the emulator's lines of /proc/devices
 * @model:	for the majors
 * @buf:	receives the lines "252 dax\n" and "246 ndctl\n", with CXL "249 cxl\n", in the
 *		order of majors
 * @size:	bytes of @buf; the excess is cut off
 *
 * Return: the length of the lines, even if that is more than fits.
 */
size_t dax_sysfs_proc_devices(const struct dax_model *model, char *buf, size_t size)
{
	const struct {
		uint32_t major;
		const char *name;
	} all[] = {
		{model->major, "dax"},
		{model->ndctl_major, "ndctl"},
		{model->cxl ? model->cxl->major : UINT32_MAX, "cxl"},
	};
	const size_t nr = model->cxl ? 3 : 2;
	uint32_t last = 0;
	size_t len = 0;
	size_t done;
	size_t i;

	for (done = 0; done < nr; done++) {
		size_t next = 0;

		for (i = 1; i < nr; i++)
			if (all[next].major <= last ||
			    (all[i].major > last && all[i].major < all[next].major))
				next = i;
		len = add_line(buf, size, len, all[next].major, all[next].name);
		last = all[next].major;
	}
	return len;
}
