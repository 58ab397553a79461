/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events for watchers: each is one line of JSON, sent through a pipe.
 *
 * A watcher that does not read loses events and is told how many; the daemon never
 * waits for it. Without watchers no lines are made.
 */
#ifndef DAXD_CLIENTS_WATCH_H
#define DAXD_CLIENTS_WATCH_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct json_object;

#define DAXD_WATCH_ALL ((uid_t)-1) /* an event for the watchers of all users */

struct daxd_watch {
	GQueue watchers; /* struct watcher */
};

int daxd_watch_add(struct daxd_watch *watch, uid_t uid);
void daxd_watch_done(struct daxd_watch *watch);

/* True if there are watchers: without any, no event need be made. */
static inline bool daxd_watch_is_on(const struct daxd_watch *watch)
{
	return watch->watchers.length > 0;
}

void daxd_watch_emit(struct daxd_watch *watch, uid_t uid, const char *event,
		     struct json_object *fields);

#endif
