/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notice that somebody has deleted the runtime directory.
 *
 * The daemon holds it open and goes on; programs that look for devices find none. Only
 * the log can tell the administrator why.
 *
 * The kernel takes some ten milliseconds to end a watch (fsnotify_destroy_group() waits for
 * synchronize_srcu()). So the watch begins late, and short commands below daxrun never
 * wait for its end.
 */
#include "cuse-daxd/runtime/gone.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/wire.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/runtime/runtime.h"

#define LATE_MS 1000

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/**
 * daxd_gone_is() - check whether the path of the runtime directory names another one
 * @rt:		open
 *
 * Return: true if it does, or names nothing.
 */
bool daxd_gone_is(const struct daxd_runtime *rt)
{
	struct stat held;
	struct stat named;

	return fstat(rt->dir, &held) < 0 ||
	       fstatat(rt->parent, rt->name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	       !is_same(&held, &named);
}

/* True if programs can't find the state pages any more. */
static bool is_lost(const struct daxd_runtime *rt)
{
	struct stat held;
	struct stat named;

	return daxd_gone_is(rt) || fstat(rt->state_fd, &held) < 0 ||
	       fstatat(rt->dir, DAX_STATE_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	       !is_same(&held, &named);
}

/* Tells if programs can't find the state pages any more. Return: false if they can. */
static bool tell_if_lost(const struct daxd_runtime *rt)
{
	if (!is_lost(rt))
		return false;
	daxd_error("%s: was deleted or replaced while the daemon runs: programs find no "
		   "devices there, those that have mapped a device keep it (restart the "
		   "daemon)",
		   rt->path);
	return true;
}

static gboolean on_change(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_runtime *rt = data;
	char events[4096];

	(void)condition;
	while (read(fd, events, sizeof(events)) > 0)
		;
	if (!tell_if_lost(rt))
		return G_SOURCE_CONTINUE;
	rt->watch = 0;
	return G_SOURCE_REMOVE;
}

static gboolean begin(gpointer data)
{
	struct daxd_runtime *rt = data;
	char link[64];

	rt->watch = 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", rt->dir);
	if (inotify_add_watch(rt->inotify, link,
			      IN_DELETE_SELF | IN_MOVE_SELF | IN_DELETE | IN_ONLYDIR) >=
		    0 &&
	    !tell_if_lost(rt))
		rt->watch = g_unix_fd_add(rt->inotify, G_IO_IN, on_change, rt);
	return G_SOURCE_REMOVE;
}

/**
 * daxd_gone_watch() - log an error when the runtime directory or its state pages vanish
 * @rt:		with state pages
 *
 * Where inotify is not available, the daemon does without.
 */
void daxd_gone_watch(struct daxd_runtime *rt)
{
	rt->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (rt->inotify >= 0)
		rt->watch = g_timeout_add(LATE_MS, begin, rt);
}

/**
 * daxd_gone_unwatch() - stop watching, as the daemon removes the directory
 * @rt:		after daxd_gone_watch(), or without
 */
void daxd_gone_unwatch(struct daxd_runtime *rt)
{
	if (rt->watch)
		g_source_remove(rt->watch);
	rt->watch = 0;
	daxd_close_fd(&rt->inotify);
}
