/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front end with real nodes: /dev/daxX.Y, character devices made with CUSE.
 *
 * devtmpfs creates the node with owner root and mode 0600; then the daemon sets the
 * device's mode and owner, because there may be no udev. Descriptors are recognised by
 * the device number. ndctl0, which is no dax device, has a handle as with the plain front
 * end.
 */
#include "cuse-daxd/frontend/cuse.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/frontend/cuse_session.h"
#include "cuse-daxd/frontend/plain.h"
#include "cuse-daxd/runtime/runtime.h"

#define PATH_SIZE (sizeof("/dev/") + DAX_NAME_LEN)

static bool is_dax(const char *name)
{
	uint32_t region;
	uint32_t id;

	return dax_name_parse(name, &region, &id) == 0;
}

static const char *path_of(const char *name, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "/dev/%.*s", DAX_NAME_LEN - 1, name);
	return path;
}

/* True if /dev is the kernel's own, where nodes appear. A container may have another. */
static bool is_devtmpfs(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	bool is = !f; /* unknown: let the creation of a node fail */

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_dir, "/dev"))
			is = !strcmp(m->mnt_type, "devtmpfs");
	if (f)
		endmntent(f);
	return is;
}

/**
 * daxd_cuse_check() - check whether nodes can be created on this host
 * @why:	receives the reason if not
 *
 * Return: 0 or a negative errno.
 */
int daxd_cuse_check(struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;

	fd = open(DAXD_CUSE_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return daxd_fail(
			why, errno, "frontend=cuse: " DAXD_CUSE_PATH ": %s (%s)",
			strerror(errno),
			errno == EACCES || errno == EPERM
				? "run the daemon as root, or use frontend=none"
				: "as root: modprobe cuse, a module of the "
				  "distribution's "
				  "kernel package or of one beside it; or frontend=none");
	if (!is_devtmpfs())
		return daxd_fail(why, ENODEV,
				 "frontend=cuse: /dev is not the kernel's devtmpfs, so "
				 "nodes would not appear in it (start the daemon outside "
				 "of the container; or frontend=none)");
	return 0;
}

static void cuse_opened(void *ctx, const char *name)
{
	struct daxd_frontend *fe = ctx;

	if (fe->on_opened)
		fe->on_opened(fe->ctx, name);
}

static int cuse_init(struct daxd_frontend *fe, struct daxd_why *why)
{
	int r = daxd_plain_ops.init(fe, why);

	if (r < 0)
		return r;
	return daxd_cuse_session_start(fe->rt->state, cuse_opened, fe, &fe->cuse, why);
}

static int cuse_set_perms(const struct daxd_node *node, struct daxd_why *why)
{
	const struct daxd_perms *perms = &node->perms;
	char path[PATH_SIZE];

	/* Own it for the moment, so that chmod needs no capability but CAP_CHOWN. */
	if (lchown(path_of(node->name, path), geteuid(), (gid_t)-1) < 0 ||
	    chmod(path, perms->mode) < 0 || lchown(path, perms->uid, perms->gid) < 0)
		return daxd_fail(why, errno,
				 "%s: its mode or owner can't be changed: %s (the "
				 "daemon needs CAP_CHOWN)",
				 path, strerror(errno));
	return 0;
}

static int cuse_change(struct daxd_frontend *fe, const struct daxd_node *node,
		       struct daxd_why *why)
{
	return is_dax(node->name) ? cuse_set_perms(node, why)
				  : daxd_plain_ops.change(fe, node, why);
}

static int cuse_appear(struct daxd_frontend *fe, const struct daxd_node *node,
		       struct dax_state_handle *handle, struct daxd_why *why)
{
	const dev_t rdev = makedev(node->major, node->minor);
	char path[PATH_SIZE];
	struct stat st;
	int r;

	if (!is_dax(node->name))
		return daxd_plain_ops.appear(fe, node, handle, why);
	unlinkat(fe->dir, node->name, 0); /* left by a killed daemon's plain front end */
	if (daxd_cuse_session_has(fe->cuse, node->name, rdev))
		return cuse_set_perms(node, why);
	if (lstat(path_of(node->name, path), &st) == 0)
		return daxd_fail(why, EEXIST,
				 "%s: exists already and does not belong to this daemon "
				 "(remove it, or give the region another number)",
				 path);
	r = daxd_cuse_session_add(fe->cuse, node->name, node->major, node->minor, why);
	if (r < 0)
		return r;
	r = cuse_set_perms(node, why);
	if (r < 0) {
		daxd_cuse_session_remove(fe->cuse, node->name);
		return r;
	}
	*handle = (struct dax_state_handle){.dev = 0, .ino = rdev};
	return 0;
}

static void cuse_published(struct daxd_frontend *fe, const char *name)
{
	daxd_cuse_session_serve(fe->cuse, name);
}

static int cuse_disappear(struct daxd_frontend *fe, const char *name)
{
	if (!is_dax(name))
		return daxd_plain_ops.disappear(fe, name);
	unlinkat(fe->dir, name, 0);
	daxd_cuse_session_remove(fe->cuse, name);
	return -1;
}

static bool cuse_is_held(struct daxd_frontend *fe, int fd)
{
	return daxd_plain_ops.is_held(fe, fd);
}

static bool cuse_is_live(struct daxd_frontend *fe, int fd)
{
	(void)fe;
	return daxd_cuse_session_is_live(fd);
}

static unsigned int cuse_handles(struct daxd_frontend *fe, const char *name)
{
	return daxd_cuse_session_handles(fe->cuse, name);
}

static void cuse_done(struct daxd_frontend *fe)
{
	daxd_cuse_session_stop(fe->cuse);
	fe->cuse = NULL;
	daxd_plain_ops.done(fe);
}

const struct daxd_frontend_ops daxd_cuse_ops = {
	.name = "cuse",
	.state_flags = DAX_STATE_CUSE,
	.init = cuse_init,
	.appear = cuse_appear,
	.published = cuse_published,
	.change = cuse_change,
	.disappear = cuse_disappear,
	.is_held = cuse_is_held,
	.is_live = cuse_is_live,
	.handles = cuse_handles,
	.done = cuse_done,
};
