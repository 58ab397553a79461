/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for watchers. */
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

#include "cuse-daxd/base/json.h"
#include "cuse-daxd/base/quota.h"
#include "cuse-daxd/base/util.h"

#define WATCHERS_MAX         64
#define WATCHERS_PER_UID_MAX 16
#define PIPE_SIZE            (1 << 20) /* the default limit of unprivileged users */

struct watcher {
	struct daxd_watch *watch;
	uid_t uid;
	int fd; /* the pipe's write end; does not block */
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
 * daxd_watch_add() - add a watcher
 * @watch:	all watchers
 * @uid:	its user, for the limit of watchers of each user
 *
 * Return: the pipe's read end, for the caller to send to the watcher; -EUSERS: there are
 * too many watchers; or another negative errno.
 */
int daxd_watch_add(struct daxd_watch *watch, uid_t uid)
{
	struct daxd_quota_use use = {0};
	struct watcher *w;
	int fds[2];
	GList *l;

	for (l = watch->watchers.head; l; l = l->next)
		daxd_quota_count(&use, ((struct watcher *)l->data)->uid, uid);
	if (!daxd_quota_has_room(&use, uid, WATCHERS_MAX, WATCHERS_PER_UID_MAX))
		return -EUSERS;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	/* A smaller pipe works as well. */
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	w = g_new0(struct watcher, 1);
	w->watch = watch;
	w->uid = uid;
	w->fd = fds[1];
	w->link.data = w;
	/* The write end reports an error when the reader has closed its end. */
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

/* Lines of up to PIPE_BUF bytes are written completely or not at all. */
static bool write_line(const struct watcher *w, const char *line, size_t len)
{
	return len <= PIPE_BUF && write(w->fd, line, len) == (ssize_t)len;
}

static void send_line(struct watcher *w, double now, const char *line, size_t len)
{
	if (w->lost) {
		char buf[128];
		int n = snprintf(buf, sizeof(buf),
				 "{\"time\":%.6f,\"event\":\"lost\",\"count\":%llu}\n",
				 now, (unsigned long long)w->lost);

		if (write_line(w, buf, (size_t)n))
			w->lost = 0;
	}
	/* After lost events, report the loss before any other event. */
	if (w->lost || !write_line(w, line, len))
		w->lost++;
}

static bool may_see(const struct watcher *w, uid_t uid)
{
	return uid == DAXD_WATCH_ALL || uid == w->uid || daxd_uid_is_trusted(w->uid);
}

/**
 * daxd_watch_emit() - send an event to watchers
 * @watch:	all watchers
 * @uid:	whose process the event is about: only this user, root and the daemon's user
 *		see it; 0: only the latter two; DAXD_WATCH_ALL
 * @event:	the name of the event
 * @fields:	an object with the event's other members; taken over
 *
 * The line is {"time": ..., "event": @event, and the members of @fields}. A watcher loses
 * the event if its pipe is full or the line is longer than 4096 bytes.
 */
void daxd_watch_emit(struct daxd_watch *watch, uid_t uid, const char *event,
		     struct json_object *fields)
{
	double now = (double)g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(GString) line = g_string_new(NULL);
	const char *rest;
	GList *l;

	if (daxd_watch_is_on(watch)) {
		rest = json_object_to_json_string_ext(
			fields, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
		/* The members of @fields follow, without their opening brace. */
		g_string_printf(line, "{\"time\":%.6f,\"event\":\"%s\"%s%s\n", now, event,
				rest[1] == '}' ? "" : ",", rest + 1);
		for (l = watch->watchers.head; l; l = l->next)
			if (may_see(l->data, uid))
				send_line(l->data, now, line->str, line->len);
	}
	json_object_put(fields);
}
