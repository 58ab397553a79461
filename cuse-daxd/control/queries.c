/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that change nothing: list, stats, mappings, watch. */
#include "cuse-daxd/control/queries.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/scan.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/registry/memory.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/base/json.h"
#include "cuse-daxd/store/file.h"

#define MAPPINGS_MAX            32768 /* in one reply */
#define MAPPINGS_OF_PROCESS_MAX 4096

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
	bool is_changed = false;
	guint i;

	(void)request;
	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);
		struct json_object *entry = daxd_describe_device(dev);

		is_changed |= daxd_memory_choose(dev, geteuid());
		daxd_reply_add_number(entry, "pages", dev->store->pages);
		daxd_reply_add_string(entry, "kernel",
				      dax_kernel_name(reg->model.kernel));
		if (reg->fe->ops->handles)
			daxd_reply_add_number(entry, "handles",
					      reg->fe->ops->handles(reg->fe,
								    dev->desc.name));
		json_object_array_add(json, entry);
	}
	if (is_changed)
		daxd_memory_note(reg);
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
	daxd_describe_fault_stats(json, server->reg->faults,
				  daxd_conn_may_change(conn) ? DAXD_DESCRIBE_ALL
							     : conn->peer.uid);
	return daxd_reply_json(json, 0, ret);
}

/* The text of a reply to "mappings": written as it is found, to need little memory. */
struct listing {
	const struct daxd_conn *conn;
	GString *text;
	unsigned int nr;
	unsigned int nr_of_process;
	pid_t pid; /* being looked at */
	char *comm;
};

static void listing_free(void *ctx)
{
	struct listing *list = ctx;

	g_string_free(list->text, TRUE);
	g_free(list->comm);
	g_free(list);
}

/* Append an entry; taken over. */
static void add_entry(struct listing *list, struct json_object *json)
{
	g_string_append_printf(list->text, "%s\n  %s", list->nr++ ? "," : "",
			       json_object_to_json_string_ext(
				       json, JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
}

static struct json_object *new_entry(const struct listing *list)
{
	struct json_object *json = json_object_new_object();

	daxd_reply_add_number(json, "pid", (uint64_t)list->pid);
	daxd_reply_add_string(json, "comm", list->comm);
	return json;
}

static bool add_mapping(void *ctx, const struct daxd_mapping *mapping)
{
	struct listing *list = ctx;
	struct json_object *json;
	char start[32];

	json = new_entry(list);
	if (++list->nr_of_process > MAPPINGS_OF_PROCESS_MAX || list->nr >= MAPPINGS_MAX) {
		json_object_object_add(json, "omitted", json_object_new_boolean(true));
		add_entry(list, json);
		return false;
	}
	snprintf(start, sizeof(start), "0x%llx", (unsigned long long)mapping->start);
	daxd_reply_add_string(json, "chardev", mapping->dev->desc.name);
	daxd_reply_add_string(json, "start", start);
	daxd_reply_add_number(json, "size", mapping->size);
	daxd_reply_add_number(json, "offset", mapping->offset);
	daxd_reply_add_string(json, "prot", mapping->prot);
	add_entry(list, json);
	return true;
}

/* Addresses are private: only the process's user, the daemon's and root may see them. */
static bool begin_process(void *ctx, pid_t pid)
{
	struct listing *list = ctx;
	g_autofree char *path = g_strdup_printf("/proc/%d", pid);
	struct stat st;

	/* An omission costs an entry for each process. */
	if (list->nr >= 2 * MAPPINGS_MAX)
		return false;
	if (!daxd_conn_may_change(list->conn) &&
	    (stat(path, &st) < 0 || st.st_uid != list->conn->peer.uid))
		return false;
	g_free(list->comm);
	list->comm = daxd_clients_comm_of(pid);
	list->pid = pid;
	list->nr_of_process = 0;
	return true;
}

static void listing_done(void *ctx, struct daxd_reply *ret)
{
	struct listing *list = ctx;

	g_string_append(list->text, list->nr ? "\n]" : "]");
	daxd_reply_text(list->text->str, list->text->len, 0, ret);
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
	static const struct daxd_scan_work work = {
		.begin = begin_process,
		.found = add_mapping,
		.done = listing_done,
		.free = listing_free,
	};
	struct listing *list = g_new0(struct listing, 1);

	(void)request;
	(void)ret;
	list->conn = conn;
	list->text = g_string_new("[");
	return daxd_scan_all(conn, &work, list);
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
