/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, for whoever watches: one line of JSON each, through a pipe.
 *
 * A watcher that does not read loses events and is told how many; the daemon never
 * waits for it. Nothing is put together while nobody watches.
 */
#ifndef DAXD_CLIENTS_WATCH_H
#define DAXD_CLIENTS_WATCH_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct json_object;

struct daxd_watch {
	GQueue watchers; /* struct watcher */
};

/* Return: the pipe's end to read from, to be handed out; or a negative errno. */
int daxd_watch_add(struct daxd_watch *watch, uid_t uid);
void daxd_watch_done(struct daxd_watch *watch);

/* Is anybody watching? Else an event need not be made. */
static inline bool daxd_watch_is_on(const struct daxd_watch *watch)
{
	return watch->watchers.length > 0;
}

/*
 * Tells all watchers: {"time": ..., "event": @event, and what is in @fields}, which is
 * taken over. One line must fit in 4096 bytes.
 */
void daxd_watch_emit(struct daxd_watch *watch, const char *event,
		     struct json_object *fields);

#endif
