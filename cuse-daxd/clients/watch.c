/* SPDX-License-Identifier: BSD-2-Clause */
/* Events, for whoever watches. */
#include "cuse-daxd/clients/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <json-c/json.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define WATCHERS_MAX         64
#define WATCHERS_PER_UID_MAX 16
#define PIPE_SIZE            (1 << 20) /* as much as everybody may have */

struct watcher {
	struct daxd_watch *watch;
	uid_t uid;
	int fd; /* to write to; does not block */
	GSource *source;
	GList link;
	uint64_t lost;
};

static void watcher_free(struct watcher *w)
{
	g_queue_unlink(&w->watch->watchers, &w->link);
	g_source_destroy(w->source);
	g_source_unref(w->source);
	close(w->fd);
	g_free(w);
}

static gboolean on_closed(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	watcher_free(data);
	return G_SOURCE_CONTINUE; /* the source is destroyed already */
}

/**
 * daxd_watch_add() - somebody wants to know
 * @watch:	all watchers
 * @uid:	whose limit counts
 *
 * Return: a descriptor to read lines from; -EUSERS: too many watch; another negative
 * errno.
 */
int daxd_watch_add(struct daxd_watch *watch, uid_t uid)
{
	unsigned int count = 0;
	struct watcher *w;
	int fds[2];
	GList *l;

	for (l = watch->watchers.head; l; l = l->next)
		count += ((struct watcher *)l->data)->uid == uid;
	if (count >= WATCHERS_PER_UID_MAX || watch->watchers.length >= WATCHERS_MAX)
		return -EUSERS;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	/* A smaller one will do, too. */
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	w = g_new0(struct watcher, 1);
	w->watch = watch;
	w->uid = uid;
	w->fd = fds[1];
	w->link.data = w;
	/* An end without a reader is always "in error". */
	w->source = g_unix_fd_source_new(w->fd, G_IO_ERR);
	g_source_set_callback(w->source, G_SOURCE_FUNC(on_closed), w, NULL);
	g_source_attach(w->source, NULL);
	g_queue_push_tail_link(&watch->watchers, &w->link);
	return fds[0];
}

/**
 * daxd_watch_done() - end all streams
 * @watch:	all watchers
 */
void daxd_watch_done(struct daxd_watch *watch)
{
	while (watch->watchers.head)
		watcher_free(watch->watchers.head->data);
}

/* A line of up to PIPE_BUF bytes is written whole or not at all. */
static bool write_line(const struct watcher *w, const char *line, size_t len)
{
	return len <= PIPE_BUF && write(w->fd, line, len) == (ssize_t)len;
}

static void tell_watcher(struct watcher *w, double now, const char *line, size_t len)
{
	if (w->lost) {
		char buf[128];
		int n = snprintf(buf, sizeof(buf),
				 "{\"time\":%.6f,\"event\":\"lost\",\"count\":%llu}\n",
				 now, (unsigned long long)w->lost);

		if (write_line(w, buf, (size_t)n))
			w->lost = 0;
	}
	/* After a gap nothing is told before the gap is. */
	if (w->lost || !write_line(w, line, len))
		w->lost++;
}

/**
 * daxd_watch_emit() - something has happened
 * @watch:	all watchers
 * @event:	what
 * @fields:	an object; taken over
 */
void daxd_watch_emit(struct daxd_watch *watch, const char *event,
		     struct json_object *fields)
{
	double now = (double)g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(GString) line = g_string_new(NULL);
	const char *rest;
	GList *l;

	if (daxd_watch_is_on(watch)) {
		rest = json_object_to_json_string_ext(
			fields, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
		/* The fields follow behind their brace. */
		g_string_printf(line, "{\"time\":%.6f,\"event\":\"%s\"%s%s\n", now, event,
				rest[1] == '}' ? "" : ",", rest + 1);
		for (l = watch->watchers.head; l; l = l->next)
			tell_watcher(l->data, now, line->str, line->len);
	}
	json_object_put(fields);
}
