/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions in JSON: {"verb": "list"}. The answer is JSON in a sealed memfd; where the
 * question can't be answered it is {"error": "why"}, beside an errno.
 */
#include "cuse-daxd/control/control.h"

#include "cuse-daxd/registry/mappings.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DEPTH_MAX 8 /* of the JSON of a question */

/* ---- answers --------------------------------------------------------------- */

static int make_memfd(const char *text)
{
	_cleanup_close_ int fd = -1;
	size_t len = strlen(text);

	fd = daxd_store_memfd_create("cuse-daxd-answer", MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Takes @json over. */
enum daxd_next daxd_answer_json(struct json_object *json, int error,
				struct daxd_answer *ret)
{
	int fd = make_memfd(json_object_to_json_string_ext(
		json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(json);
	if (fd < 0) {
		ret->error = -fd;
		return DAXD_REPLY;
	}
	ret->error = error;
	ret->fd = fd;
	ret->owns_fd = true;
	return DAXD_REPLY;
}

enum daxd_next daxd_refuse(struct daxd_answer *ret, int error, const char *fmt, ...)
{
	struct json_object *json = json_object_new_object();
	g_autofree char *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	why = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	daxd_add_string(json, "error", why);
	return daxd_answer_json(json, error < 0 ? -error : error, ret);
}

void daxd_add_string(struct json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, json_object_new_string(value));
}

void daxd_add_number(struct json_object *json, const char *key, uint64_t value)
{
	json_object_object_add(json, key, json_object_new_uint64(value));
}

const char *daxd_get_string(struct json_object *question, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(question, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

bool daxd_may_order(const struct daxd_conn *conn)
{
	return conn->peer.uid == 0 || conn->peer.uid == geteuid();
}

/* ---- list ------------------------------------------------------------------ */

struct json_object *daxd_describe_device(const struct daxd_device *dev)
{
	const struct daxd_region_cfg *cfg = dev->region->cfg;
	struct json_object *json = json_object_new_object();
	char number[32];

	daxd_add_string(json, "chardev", dev->desc.name);
	daxd_add_number(json, "size", dev->desc.size);
	daxd_add_number(json, "align", dev->desc.align);
	json_object_object_add(json, "target_node",
			       json_object_new_int(cfg->target_node));
	daxd_add_string(json, "mode", "devdax");
	/* As libdaxctl: what has no driver is disabled. */
	if (!dax_device_is_alive(&dev->desc))
		daxd_add_string(json, "state", "disabled");
	daxd_add_number(json, "region", cfg->id);
	daxd_add_string(json, "type",
			cfg->type == DAX_REGION_STATIC ? "static" : "dynamic");
	daxd_add_string(json, "backing", daxd_backing_name(cfg->backing));
	daxd_add_string(json, "map", cfg->map == DAX_MAP_MEM ? "mem" : "dev");
	if (cfg->path)
		daxd_add_string(json, "path", cfg->path);
	snprintf(number, sizeof(number), "%u:%u", dev->desc.major, dev->desc.minor);
	daxd_add_string(json, "dev", number);
	daxd_add_number(json, "clients", dev->clients);
	daxd_add_badblocks(json, dev);
	return json;
}

static int compare_devices(const void *a, const void *b)
{
	const struct daxd_device *da = *(struct daxd_device *const *)a;
	const struct daxd_device *db = *(struct daxd_device *const *)b;

	if (da->desc.region_id != db->desc.region_id)
		return da->desc.region_id < db->desc.region_id ? -1 : 1;
	return da->desc.id < db->desc.id ? -1 : da->desc.id > db->desc.id;
}

/* Those that can be listed, in the order of their names. */
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

static enum daxd_next verb_list(struct daxd_conn *conn, struct json_object *question,
				struct daxd_answer *ret)
{
	const struct daxd_registry *reg = conn->server->reg;
	g_autoptr(GPtrArray) devices = sorted_devices(reg);
	struct json_object *json = json_object_new_array();
	guint i;

	(void)question;
	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);
		struct json_object *entry = daxd_describe_device(dev);

		if (reg->fe->ops->handles)
			daxd_add_number(entry, "handles",
					reg->fe->ops->handles(reg->fe, dev->desc.name));
		json_object_array_add(json, entry);
	}
	return daxd_answer_json(json, 0, ret);
}

/* ---- stats ----------------------------------------------------------------- */

static enum daxd_next verb_stats(struct daxd_conn *conn, struct json_object *question,
				 struct daxd_answer *ret)
{
	const struct daxd_server *server = conn->server;
	const struct daxd_server_stats *stats = &server->stats;
	g_autoptr(GPtrArray) devices = sorted_devices(server->reg);
	struct json_object *json = json_object_new_object();
	struct json_object *daemon = json_object_new_object();
	struct json_object *list = json_object_new_array();
	gint64 age = g_get_monotonic_time() - server->started;
	guint i;

	(void)question;
	daxd_add_number(daemon, "pid", (uint64_t)getpid());
	daxd_add_string(daemon, "version", DAXD_VERSION);
	daxd_add_number(daemon, "uptime", (uint64_t)(age / G_USEC_PER_SEC));
	daxd_add_string(daemon, "runtime_dir", server->reg->rt->path);
	daxd_add_string(daemon, "frontend", server->reg->fe->ops->name);
	daxd_add_number(daemon, "connections_now", server->conns.length);
	daxd_add_number(daemon, "clients", g_hash_table_size(server->clients.by_pid));
	daxd_add_number(daemon, "watchers", server->watch.watchers.length);
	daxd_add_number(daemon, "connections", stats->connections);
	daxd_add_number(daemon, "attaches", stats->attaches);
	daxd_add_number(daemon, "adopts", stats->adopts);
	daxd_add_number(daemon, "stores", stats->stores);
	daxd_add_number(daemon, "controls", stats->controls);
	daxd_add_number(daemon, "refused", stats->refused);
	daxd_add_number(daemon, "dropped", stats->dropped);
	json_object_object_add(json, "daemon", daemon);
	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);
		struct json_object *entry = json_object_new_object();

		daxd_add_string(entry, "chardev", dev->desc.name);
		daxd_add_number(entry, "attaches", dev->attaches);
		daxd_add_number(entry, "refusals", dev->refusals);
		daxd_add_number(entry, "clients", dev->clients);
		daxd_add_number(entry, "generation", dev->desc.generation);
		daxd_add_device_faults(entry, dev);
		json_object_array_add(list, entry);
	}
	json_object_object_add(json, "devices", list);
	daxd_add_fault_stats(json, server->reg->faults);
	return daxd_answer_json(json, 0, ret);
}

/* ---- mappings -------------------------------------------------------------- */

/* One process after the other, each when it is our turn: the others are not kept. */
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
	daxd_add_number(json, "pid", (uint64_t)scan->pid);
	daxd_add_string(json, "comm", scan->comm);
	daxd_add_string(json, "chardev", mapping->dev->desc.name);
	daxd_add_string(json, "start", start);
	daxd_add_number(json, "size", mapping->size);
	daxd_add_number(json, "offset", mapping->offset);
	daxd_add_string(json, "prot", mapping->prot);
	json_object_array_add(scan->json, json);
}

/* Addresses are the process's own affair: only its user, ours and root may see them. */
static bool may_see(const struct daxd_conn *conn, pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d", pid);
	struct stat st;

	if (conn->peer.uid == 0 || conn->peer.uid == geteuid())
		return true;
	return stat(path, &st) == 0 && st.st_uid == conn->peer.uid;
}

static gboolean on_scan(gpointer data)
{
	struct daxd_answer reply = {.fd = -1};
	struct scan *scan = data;
	struct daxd_conn *conn = scan->conn;
	g_autofree char *comm = NULL;

	if (scan->next < scan->pids->len) {
		scan->pid = g_array_index(scan->pids, pid_t, scan->next++);
		if (may_see(conn, scan->pid)) {
			scan->comm = comm = daxd_comm_of(scan->pid);
			daxd_mappings_of(conn->server->reg, scan->pid, add_mapping, scan);
		}
		return G_SOURCE_CONTINUE;
	}
	daxd_answer_json(json_object_get(scan->json), 0, &reply);
	scan_free(scan);
	daxd_conn_reply(conn, &reply);
	return G_SOURCE_REMOVE;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static enum daxd_next verb_mappings(struct daxd_conn *conn, struct json_object *question,
				    struct daxd_answer *ret)
{
	struct dirent *entry;
	struct scan *scan;
	DIR *d = opendir("/proc");

	(void)question;
	if (!d)
		return daxd_refuse(ret, EINVAL, "the daemon can't read /proc");
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
	/* Else whoever asks without pause would keep it from ever being done. */
	g_source_set_priority(scan->source, G_PRIORITY_DEFAULT);
	g_source_set_callback(scan->source, on_scan, scan, NULL);
	g_source_attach(scan->source, NULL);
	conn->job = scan;
	conn->give_up = scan_free;
	return DAXD_LATER;
}

/* ---- watch ----------------------------------------------------------------- */

static enum daxd_next verb_watch(struct daxd_conn *conn, struct json_object *question,
				 struct daxd_answer *ret)
{
	int fd = daxd_watch_add(&conn->server->watch, conn->peer.uid);

	(void)question;
	if (fd == -EUSERS)
		return daxd_refuse(ret, EUSERS, "too many are watching already");
	if (fd < 0)
		return daxd_refuse(ret, fd, "the daemon can't make a pipe: %s",
				   strerror(-fd));
	ret->fd = fd;
	ret->owns_fd = true;
	return DAXD_REPLY;
}

/* ---- verbs ----------------------------------------------------------------- */

static const struct {
	const char *verb;
	daxd_verb_fn run;
} verbs[] = {
	{"create", daxd_verb_create},
	{"destroy", daxd_verb_destroy},
	{"disable", daxd_verb_disable},
	{"enable", daxd_verb_enable},
	{"list", verb_list},
	{"mappings", verb_mappings},
	{"stats", verb_stats},
	{"watch", verb_watch},
	{"inject", daxd_verb_inject},
	{"clear", daxd_verb_clear},
	{"fault", daxd_verb_fault},
	{"map", daxd_verb_map},
};

static enum daxd_next refuse_verb(struct daxd_answer *ret)
{
	g_autoptr(GString) names = g_string_new(NULL);
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(verbs); i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", verbs[i].verb);
	return daxd_refuse(ret, EINVAL, "there is no such verb (%s)", names->str);
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *json;

	/* A NUL would end the text for the parser, and hide what is behind it. */
	if (!tokener || memchr(text, '\0', len)) {
		if (tokener)
			json_tokener_free(tokener);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json = json_tokener_parse_ex(tokener, text, (int)len);
	/* A number could go on; here the text is over. */
	if (!json && json_tokener_get_error(tokener) == json_tokener_continue)
		json = json_tokener_parse_ex(tokener, "", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(json);
		json = NULL;
	}
	json_tokener_free(tokener);
	return json;
}

/**
 * daxd_control() - answer a question in JSON
 * @conn:	who asks
 * @text:	the question
 * @len:	its bytes
 * @ret:	the answer
 */
enum daxd_next daxd_control(struct daxd_conn *conn, const char *text, size_t len,
			    struct daxd_answer *ret)
{
	struct json_object *question = parse(text, len);
	enum daxd_next next = DAXD_DROP;
	struct json_object *verb;
	unsigned int i;

	if (!json_object_is_type(question, json_type_object) ||
	    !json_object_object_get_ex(question, "verb", &verb) ||
	    !json_object_is_type(verb, json_type_string)) {
		json_object_put(question);
		return daxd_refuse(ret, EINVAL,
				   "the question is not an object with a \"verb\"");
	}
	for (i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(verbs[i].verb, json_object_get_string(verb)))
			continue;
		next = verbs[i].run(conn, question, ret);
		json_object_put(question);
		return next;
	}
	json_object_put(question);
	return refuse_verb(ret);
}
