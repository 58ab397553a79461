/* SPDX-License-Identifier: BSD-2-Clause */
/* Read the mappings of processes, a slice per turn of the main loop. */
#include "cuse-daxd/clients/scan.h"

#include <dirent.h>
#include <glib.h>
#include <stdlib.h>

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/registry/mappings.h"

#define LINES_AT_ONCE 256
#define PIDS_AT_ONCE  64
#define ACTIVE_MAX    8 /* scans of users other than root and the daemon's */

struct daxd_scan {
	struct daxd_conn *conn;
	const struct daxd_scan_work *work;
	void *ctx;
	bool is_active; /* the only one of its user */
	GArray *pids;   /* pid_t; NULL: those of /proc, not read yet */
	guint next;
	struct daxd_maps *maps; /* of the process being read */
	GList link;
};

static bool may_begin(const struct daxd_server *server, const struct daxd_scan *scan)
{
	unsigned int nr_active = 0;
	GList *l;

	for (l = server->scans.head; l; l = l->next) {
		const struct daxd_scan *other = l->data;

		if (!other->is_active)
			continue;
		if (other->conn->peer.uid == scan->conn->peer.uid)
			return false;
		nr_active += !daxd_uid_is_trusted(other->conn->peer.uid);
	}
	return nr_active < ACTIVE_MAX || daxd_uid_is_trusted(scan->conn->peer.uid);
}

/* Begin the scans that need not wait for another one. */
static void begin_scans(const struct daxd_server *server)
{
	GList *l;

	for (l = server->scans.head; l; l = l->next) {
		struct daxd_scan *scan = l->data;

		if (!scan->is_active)
			scan->is_active = may_begin(server, scan);
	}
}

static void scan_free(void *job)
{
	struct daxd_scan *scan = job;
	struct daxd_server *server = scan->conn->server;

	g_queue_unlink(&server->scans, &scan->link);
	scan->work->free(scan->ctx);
	daxd_mappings_close(scan->maps);
	if (scan->pids)
		g_array_unref(scan->pids);
	if (scan->is_active)
		begin_scans(server);
	g_free(scan);
	if (!server->scans.head && server->scan_source) {
		g_source_destroy(server->scan_source);
		g_clear_pointer(&server->scan_source, g_source_unref);
	}
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static void list_processes(struct daxd_scan *scan)
{
	struct dirent *entry;
	DIR *d = opendir("/proc");

	scan->pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	while (d && (entry = readdir(d))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0)
			g_array_append_val(scan->pids, pid);
	}
	if (d)
		closedir(d);
	g_array_sort(scan->pids, compare_pids);
}

/* Return: true if there is more to do. */
static bool scan_slice(struct daxd_scan *scan)
{
	unsigned int i;

	if (!scan->pids) {
		list_processes(scan);
		return true;
	}
	for (i = 0; !scan->maps && i < PIDS_AT_ONCE && scan->next < scan->pids->len;
	     i++) {
		pid_t pid = g_array_index(scan->pids, pid_t, scan->next++);

		if (!scan->work->begin || scan->work->begin(scan->ctx, pid))
			scan->maps = daxd_mappings_open(scan->conn->server->reg, pid);
	}
	if (scan->maps && !daxd_mappings_read(scan->maps, LINES_AT_ONCE,
					      scan->work->found, scan->ctx)) {
		daxd_mappings_close(scan->maps);
		scan->maps = NULL;
	}
	return scan->maps || scan->next < scan->pids->len;
}

static gboolean on_turn(gpointer data)
{
	struct daxd_server *server = data;
	struct daxd_reply reply = {.fd = -1};
	struct daxd_scan *scan;
	struct daxd_conn *conn;
	GList *l = server->scans.head;

	while (l && !((struct daxd_scan *)l->data)->is_active)
		l = l->next;
	if (!l)
		return G_SOURCE_CONTINUE; /* never: of all that wait, one may begin */
	scan = l->data;
	g_queue_unlink(&server->scans, &scan->link);
	g_queue_push_tail_link(&server->scans, &scan->link);
	if (scan_slice(scan))
		return G_SOURCE_CONTINUE;
	conn = scan->conn;
	scan->work->done(scan->ctx, &reply);
	scan_free(scan);
	daxd_conn_reply(conn, &reply);
	return G_SOURCE_CONTINUE; /* or the source is destroyed already */
}

static enum daxd_next start_scan(struct daxd_conn *conn, GArray *pids,
				 const struct daxd_scan_work *work, void *ctx)
{
	struct daxd_server *server = conn->server;
	struct daxd_scan *scan = g_new0(struct daxd_scan, 1);

	scan->conn = conn;
	scan->work = work;
	scan->ctx = ctx;
	scan->pids = pids;
	scan->link.data = scan;
	scan->is_active = may_begin(server, scan);
	g_queue_push_tail_link(&server->scans, &scan->link);
	if (!server->scan_source) {
		server->scan_source = g_idle_source_new();
		/* With a lower one, a client that sends without pause would block it. */
		g_source_set_priority(server->scan_source, G_PRIORITY_DEFAULT);
		g_source_set_callback(server->scan_source, on_turn, server, NULL);
		g_source_attach(server->scan_source, NULL);
	}
	conn->job = scan;
	conn->give_up = scan_free;
	return DAXD_LATER;
}

/**
 * daxd_scan_process() - read the mappings of one process, then reply
 * @conn:	the connection of the client
 * @pid:	the process
 * @work:	what to do
 * @ctx:	passed to @work; its free() is called in any case
 *
 * Return: DAXD_LATER.
 */
enum daxd_next daxd_scan_process(struct daxd_conn *conn, pid_t pid,
				 const struct daxd_scan_work *work, void *ctx)
{
	GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));

	g_array_append_val(pids, pid);
	return start_scan(conn, pids, work, ctx);
}

/**
 * daxd_scan_clients() - read the mappings of all clients, then reply
 * @conn:	the connection of the client
 * @work:	what to do
 * @ctx:	passed to @work; its free() is called in any case
 *
 * Return: DAXD_LATER.
 */
enum daxd_next daxd_scan_clients(struct daxd_conn *conn,
				 const struct daxd_scan_work *work, void *ctx)
{
	GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, conn->server->clients.by_pid);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		pid_t pid = GPOINTER_TO_INT(key);

		g_array_append_val(pids, pid);
	}
	return start_scan(conn, pids, work, ctx);
}

/**
 * daxd_scan_all() - read the mappings of all processes, sorted by pid, then reply
 * @conn:	the connection of the client
 * @work:	what to do
 * @ctx:	passed to @work; its free() is called in any case
 *
 * Return: DAXD_LATER.
 */
enum daxd_next daxd_scan_all(struct daxd_conn *conn, const struct daxd_scan_work *work,
			     void *ctx)
{
	return start_scan(conn, NULL, work, ctx);
}
