/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that change nothing: list, stats, mappings, watch. */
#include "cuse-daxd/control/queries.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/runtime/runtime.h"

static int compare_devices(const void *a, const void *b)
{
	const struct daxd_device *da = *(struct daxd_device *const *)a;
	const struct daxd_device *db = *(struct daxd_device *const *)b;

	if (da->desc.region_id != db->desc.region_id)
		return da->desc.region_id < db->desc.region_id ? -1 : 1;
	return da->desc.id < db->desc.id ? -1 : da->desc.id > db->desc.id;
}

/* The devices that are shown, sorted by name. */
static GPtrArray *sorted_devices(const struct daxd_registry *reg)
{
	GPtrArray *devices = g_ptr_array_new();
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->region && dev->is_shown)
			g_ptr_array_add(devices, dev);
	}
	g_ptr_array_sort(devices, compare_devices);
	return devices;
}

/**
 * daxd_queries_list() - handle the verb "list": the devices
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_queries_list(struct daxd_conn *conn, struct json_object *request,
				 struct daxd_reply *ret)
{
	const struct daxd_registry *reg = conn->server->reg;
	g_autoptr(GPtrArray) devices = sorted_devices(reg);
	struct json_object *json = json_object_new_array();
	guint i;

	(void)request;
	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);
		struct json_object *entry = daxd_describe_device(dev);

		if (reg->fe->ops->handles)
			daxd_reply_add_number(entry, "handles",
					      reg->fe->ops->handles(reg->fe,
								    dev->desc.name));
		json_object_array_add(json, entry);
	}
	return daxd_reply_json(json, 0, ret);
}

/**
 * daxd_queries_stats() - handle the verb "stats": counters of the daemon and the devices
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_queries_stats(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret)
{
	const struct daxd_server *server = conn->server;
	const struct daxd_server_stats *stats = &server->stats;
	g_autoptr(GPtrArray) devices = sorted_devices(server->reg);
	struct json_object *json = json_object_new_object();
	struct json_object *daemon = json_object_new_object();
	struct json_object *list = json_object_new_array();
	gint64 age = g_get_monotonic_time() - server->started;
	guint i;

	(void)request;
	daxd_reply_add_number(daemon, "pid", (uint64_t)getpid());
	daxd_reply_add_string(daemon, "version", DAXD_VERSION);
	daxd_reply_add_number(daemon, "uptime", (uint64_t)(age / G_USEC_PER_SEC));
	daxd_reply_add_string(daemon, "runtime_dir", server->reg->rt->path);
	daxd_reply_add_string(daemon, "frontend", server->reg->fe->ops->name);
	daxd_reply_add_number(daemon, "connections_now", server->conns.length);
	daxd_reply_add_number(daemon, "clients",
			      g_hash_table_size(server->clients.by_pid));
	daxd_reply_add_number(daemon, "watchers", server->watch.watchers.length);
	daxd_reply_add_number(daemon, "connections", stats->connections);
	daxd_reply_add_number(daemon, "attaches", stats->attaches);
	daxd_reply_add_number(daemon, "adopts", stats->adopts);
	daxd_reply_add_number(daemon, "stores", stats->stores);
	daxd_reply_add_number(daemon, "controls", stats->controls);
	daxd_reply_add_number(daemon, "refused", stats->refused);
	daxd_reply_add_number(daemon, "dropped", stats->dropped);
	json_object_object_add(json, "daemon", daemon);
	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);
		struct json_object *entry = json_object_new_object();

		daxd_reply_add_string(entry, "chardev", dev->desc.name);
		daxd_reply_add_number(entry, "attaches", dev->attaches);
		daxd_reply_add_number(entry, "refusals", dev->refusals);
		daxd_reply_add_number(entry, "clients", dev->clients);
		daxd_reply_add_number(entry, "generation", dev->desc.generation);
		daxd_describe_device_faults(entry, dev);
		json_object_array_add(list, entry);
	}
	json_object_object_add(json, "devices", list);
	daxd_describe_fault_stats(json, server->reg->faults);
	return daxd_reply_json(json, 0, ret);
}

/* Scans one process per turn of the main loop, so that other clients need not wait. */
struct scan {
	struct daxd_conn *conn;
	GArray *pids; /* pid_t */
	guint next;
	GSource *source;
	struct json_object *json;
	pid_t pid; /* being looked at */
	char *comm;
};

static void scan_free(void *job)
{
	struct scan *scan = job;

	g_source_destroy(scan->source);
	g_source_unref(scan->source);
	g_array_unref(scan->pids);
	json_object_put(scan->json);
	g_free(scan);
}

static void add_mapping(void *ctx, const struct daxd_mapping *mapping)
{
	struct scan *scan = ctx;
	struct json_object *json = json_object_new_object();
	char start[32];

	snprintf(start, sizeof(start), "0x%llx", (unsigned long long)mapping->start);
	daxd_reply_add_number(json, "pid", (uint64_t)scan->pid);
	daxd_reply_add_string(json, "comm", scan->comm);
	daxd_reply_add_string(json, "chardev", mapping->dev->desc.name);
	daxd_reply_add_string(json, "start", start);
	daxd_reply_add_number(json, "size", mapping->size);
	daxd_reply_add_number(json, "offset", mapping->offset);
	daxd_reply_add_string(json, "prot", mapping->prot);
	json_object_array_add(scan->json, json);
}

/* Addresses are private: only the process's user, the daemon's and root may see them. */
static bool may_see(const struct daxd_conn *conn, pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d", pid);
	struct stat st;

	if (daxd_conn_may_change(conn))
		return true;
	return stat(path, &st) == 0 && st.st_uid == conn->peer.uid;
}

static gboolean on_scan(gpointer data)
{
	struct daxd_reply reply = {.fd = -1};
	struct scan *scan = data;
	struct daxd_conn *conn = scan->conn;
	g_autofree char *comm = NULL;

	if (scan->next < scan->pids->len) {
		scan->pid = g_array_index(scan->pids, pid_t, scan->next++);
		if (may_see(conn, scan->pid)) {
			scan->comm = comm = daxd_clients_comm_of(scan->pid);
			daxd_mappings_of(conn->server->reg, scan->pid, add_mapping, scan);
		}
		return G_SOURCE_CONTINUE;
	}
	daxd_reply_json(json_object_get(scan->json), 0, &reply);
	scan_free(scan);
	daxd_conn_reply(conn, &reply);
	return G_SOURCE_REMOVE;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/**
 * daxd_queries_mappings() - handle the verb "mappings": which process has what mapped
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_queries_mappings(struct daxd_conn *conn, struct json_object *request,
				     struct daxd_reply *ret)
{
	struct dirent *entry;
	struct scan *scan;
	DIR *d = opendir("/proc");

	(void)request;
	if (!d)
		return daxd_reply_refuse(ret, EINVAL, "the daemon can't read /proc");
	scan = g_new0(struct scan, 1);
	scan->conn = conn;
	scan->json = json_object_new_array();
	scan->pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	while ((entry = readdir(d))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0)
			g_array_append_val(scan->pids, pid);
	}
	closedir(d);
	g_array_sort(scan->pids, compare_pids);
	scan->source = g_idle_source_new();
	/* With a lower priority, a client that sends without pause would block it. */
	g_source_set_priority(scan->source, G_PRIORITY_DEFAULT);
	g_source_set_callback(scan->source, on_scan, scan, NULL);
	g_source_attach(scan->source, NULL);
	conn->job = scan;
	conn->give_up = scan_free;
	return DAXD_LATER;
}

/**
 * daxd_queries_watch() - handle the verb "watch": a pipe with a line for each event
 * @conn:	the connection of the client
 * @request:	the request
 * @ret:	the reply
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_queries_watch(struct daxd_conn *conn, struct json_object *request,
				  struct daxd_reply *ret)
{
	int fd = daxd_watch_add(&conn->server->watch, conn->peer.uid);

	(void)request;
	if (fd == -EUSERS)
		return daxd_reply_refuse(ret, EUSERS,
					 "there are too many watchers (end one)");
	if (fd < 0)
		return daxd_reply_refuse(ret, fd, "the daemon can't make a pipe: %s",
					 strerror(-fd));
	ret->fd = fd;
	ret->owns_fd = true;
	return DAXD_REPLY;
}
