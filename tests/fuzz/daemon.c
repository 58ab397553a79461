/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon without sockets: an input is a sequence of messages of one client, which are
 * decoded and carried out on a registry with devices of each kind. After each input, the
 * daemon is as before it.
 *
 * To be fast, it keeps no sysfs tree and logs nothing; a write to an attribute goes to the
 * registry without the descriptor of its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/model_provision.h"
#include "libcore/model_verbs.h"
#include "libcore/sysfs.h"
#include "libcore/sysfs_node.h"
#include "libcore/wire.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/config/check.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/events.h"
#include "cuse-daxd/faults/inject.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/registry/setup.h"
#include "cuse-daxd/requests.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/start.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define STRANGER 1000

static struct daxd_config *config;
static struct daxd_runtime runtime;
static struct daxd_frontend frontend;
static struct daxd_registry reg;
static struct daxd_server server;
static int handles[5]; /* readable and writable, readable, ndctl0, no device, O_PATH */
static GPtrArray *paths;
static char place[] = "/dev/shm/daxd-fuzz-XXXXXX";

static const char text[] = "[region 0]\ntype=dynamic\nsize=64M\n[device 0.0]\nsize=8M\n"
			   "[region 1]\n[device 1.0]\nsize=4M\n[device 1.2]\nsize=4M\n";

static bool swallow(int priority, const struct daxd_subject *subject, const char *line)
{
	(void)priority;
	(void)subject;
	HOLDS(strlen(line) < 65536);
	return true;
}

static void stop(void)
{
	daxd_clients_done(&server.clients);
	daxd_start_undo(&reg);
	daxd_frontend_done(&frontend);
	daxd_runtime_close(&runtime, DAXD_LEAVE_NOTHING);
	daxd_config_free(config);
	g_ptr_array_unref(paths);
	rmdir(place);
}

/* Writable attributes: the daemon gets no other path than that of one that was opened. */
static int add_path(void *ctx, const struct dax_sysfs_node *node)
{
	(void)ctx;
	if (node->kind == DAX_SYSFS_FILE && node->mode & 0200)
		g_ptr_array_add(paths, g_strdup(node->path));
	return 0;
}

static void start(void)
{
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	const struct daxd_frontend_ops *ops;
	g_autofree char *path = NULL;
	g_autofree char *dir = NULL;
	struct daxd_why why;

	HOLDS(mkdtemp(place));
	path = g_build_filename(place, "config", NULL);
	dir = g_build_filename(place, "rt", NULL);
	HOLDS(g_file_set_contents(path, text, -1, NULL));
	config = daxd_config_load(path, problems);
	unlink(path);
	daxd_check_config(config, problems);
	HOLDS(!problems->len);
	HOLDS(daxd_frontend_choose(DAXD_FRONTEND_NONE, &ops, &why) == 0);
	HOLDS(daxd_runtime_open(&runtime, dir, &why) == 0);
	HOLDS(daxd_setup_open(&reg, config, &why) == 0);
	HOLDS(daxd_runtime_open_state(&runtime, &why) == 0);
	HOLDS(daxd_frontend_init(&frontend, ops, &runtime, &why) == 0);
	HOLDS(daxd_start_devices(&reg, &runtime, &frontend, &why) == 0);
	paths = g_ptr_array_new_with_free_func(g_free);
	dax_sysfs_walk(&reg.model, add_path, NULL);
	HOLDS(paths->len);
	daxd_tree_done(&reg.tree);
	reg.tree = (struct daxd_tree){.rt = NULL};
	server.reg = &reg;
	server.fd = -1;
	g_queue_init(&server.conns);
	daxd_shares_init(&server.shares);
	daxd_clients_init(&server.clients, &reg, daxd_settle_check, daxd_events_use,
			  &server);
	reg.on_event = daxd_events_device;
	reg.event_ctx = &server;
	reg.faults->on_event = daxd_events_fault;
	reg.faults->ctx = &server;
}

/* GLib ends a program so; libFuzzer reports only how abort() does. */
static void on_trap(int number)
{
	(void)number;
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	g_autofree char *dev = NULL;

	(void)argc;
	(void)argv;
	umask(0);
	signal(SIGTRAP, on_trap);
	signal(SIGPIPE, SIG_IGN); /* as main.c */
	daxd_log_sink = swallow;
	start();
	atexit(stop);
	dev = g_build_filename(runtime.path, "dev", "dax0.0", NULL);
	handles[0] = open(dev, O_RDWR | O_CLOEXEC);
	handles[1] = open(dev, O_RDONLY | O_CLOEXEC);
	handles[4] = open(dev, O_PATH | O_CLOEXEC);
	g_free(dev);
	dev = g_build_filename(runtime.path, "dev", "ndctl0", NULL);
	handles[2] = open(dev, O_RDWR | O_CLOEXEC);
	handles[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

static struct daxd_conn *connect_client(bool is_stranger)
{
	struct daxd_conn *conn = g_new0(struct daxd_conn, 1);

	conn->server = &server;
	conn->peer.socket = -1;
	conn->peer.pid = getpid();
	conn->peer.uid = is_stranger ? STRANGER : geteuid();
	conn->link.data = conn;
	conn->source = g_idle_source_new();
	g_queue_push_tail_link(&server.conns, &conn->link);
	daxd_shares_add(&server.shares, conn->peer.uid, 1);
	return conn;
}

/* A write to an attribute, as requests.c does it. Return: true if there is one. */
static bool store(struct daxd_conn *conn, const struct dax_msg *msg)
{
	const char *path = (const char *)msg->body;
	size_t len = strnlen(path, msg->len);
	struct daxd_reply reply = {.fd = -1};
	int r;

	if (len == msg->len || len > DAX_SYSFS_PATH_MAX)
		return false;
	/* A single byte is a number. */
	if (len == 1)
		path = g_ptr_array_index(paths, (guint)msg->body[0] % paths->len);
	else if (!g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL))
		return false;
	r = daxd_registry_store(&reg, path, (const char *)msg->body + len + 1,
				msg->len - len - 1);
	if (r == 0 && daxd_settle(conn, &reply) == DAXD_LATER)
		conn->give_up(conn->job);
	conn->job = NULL;
	return true;
}

/* Return: false if the connection has ended. */
static bool answer(struct daxd_conn *conn, const struct daxd_request *q)
{
	struct daxd_reply reply = {.fd = -1};

	switch (daxd_request_answer(conn, q, &reply)) {
	case DAXD_REPLY:
		HOLDS(reply.error >= 0 && reply.error < 4096);
		if (reply.owns_fd)
			close(reply.fd);
		return true;
	case DAXD_LATER:
		HOLDS(conn->job);
		return false;
	case DAXD_DROP:
		break;
	}
	return false;
}

static void check(void)
{
	guint i;

	HOLDS(reg.devices->len <= 1024);
	for (i = 0; i < reg.devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg.devices, i);

		HOLDS(dev->desc.nr_ranges <= DAX_RANGES_MAX);
		HOLDS(!dev->region || daxd_devices_find_life(&reg, dev->life) == dev);
	}
}

/* Back to the first devices, without rules and without clients. */
static void reset(void)
{
	struct dax_region *region;
	struct daxd_why why;
	bool is_any = false;

	while (reg.faults->rules->len) {
		const struct daxd_fault *f = g_ptr_array_index(reg.faults->rules, 0);

		HOLDS(daxd_rules_remove(reg.faults, f->rule.id, &why) == 0);
	}
	reg.faults->last_id = 0;
	if (reg.faults->bad->len)
		daxd_inject_clear_physical(reg.faults, 0, UINT64_MAX / 2);
	dax_for_each_region (region, &reg.model) {
		struct dax_dev *dev = region->devices;

		while (dev) {
			struct dax_dev *next = dev->next;

			if (region->type == DAX_REGION_DYNAMIC && dev->id) {
				HOLDS(dax_dev_destroy(&reg.model, dev) == 0);
				is_any = true;
			} else if (!dev->is_bound) {
				dax_dev_bind(&reg.model, dev);
				is_any = true;
			}
			dev = next;
		}
	}
	daxd_watch_done(&server.watch);
	g_hash_table_remove_all(server.clients.by_pid);
	if (is_any)
		HOLDS(daxd_registry_commit(&reg, &why) == 0);
	daxd_registry_release_minors(&reg);
	g_hash_table_remove_all(reg.faults->by_pid);
	g_hash_table_remove_all(reg.faults->by_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int nr = 0;

	while (size > 4 && nr++ < 8) {
		const uint8_t type = (uint8_t)take(&data, &size, 1);
		const uint8_t flags = (uint8_t)take(&data, &size, 1);
		const size_t asked = take(&data, &size, 1) * (flags & 1 ? 16 : 1);
		const size_t len = MIN(asked, size);
		struct daxd_conn *conn = connect_client(flags & 2);
		/* Of its length, so that a sanitizer finds reads beyond it. */
		struct dax_msg *msg = malloc(sizeof(*msg) + len);
		struct daxd_request q = {0};
		int r;

		HOLDS(msg);
		dax_msg_init(msg, type % DAX_MSG_NR, (uint32_t)len);
		memcpy(msg->body, data, len);
		if (msg->type == DAX_MSG_SETTLED || msg->type == DAX_MSG_HELD ||
		    msg->type == DAX_MSG_HANDLE)
			msg->arg[0] = len ? data[0] : 0;
		if (type >= 0xf0)
			msg->len ^= flags;
		q.nr_fds = flags >> 2 & 1;
		q.fds[0] = handles[(flags >> 3) % G_N_ELEMENTS(handles)];
		data += len;
		size -= len;
		r = dax_wire_decode(msg, sizeof(*msg) + len, q.nr_fds, &q.wire);
		if (r == -EINVAL)
			q.error = EINVAL;
		if (r == 0 || r == -EINVAL) {
			/* It counts twice: to find the attribute, the whole tree is walked. */
			if (msg->type == DAX_MSG_STORE)
				nr += store(conn, msg);
			else
				answer(conn, &q);
			check();
		}
		if (conn)
			daxd_conn_free(conn);
		free(msg);
	}
	reset();
	return 0;
}
