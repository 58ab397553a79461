/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes that use devices. */
#include "cuse-daxd/clients/clients.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/runtime/runtime.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/**
 * daxd_clients_comm_of() - get the name of a process
 * @pid:	the process
 *
 * Return: the name in UTF-8, "?" if it is unknown; for the caller to g_free().
 */
char *daxd_clients_comm_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", pid);
	g_autofree char *comm = NULL;

	if (!g_file_get_contents(path, &comm, NULL, NULL))
		return g_strdup("?");
	g_strchomp(comm);
	return g_utf8_make_valid(comm, -1);
}

/* The device of a use, or NULL if it was deleted and forgotten. */
static struct daxd_device *device_of(const struct daxd_client *client, guint i)
{
	return daxd_devices_find_life(
		client->clients->reg,
		g_array_index(client->uses, struct daxd_use, i).life);
}

static void client_free(void *data)
{
	struct daxd_client *client = data;
	guint i;

	for (i = 0; i < client->uses->len; i++) {
		struct daxd_device *dev = device_of(client, i);

		if (!dev)
			continue;
		dev->clients--;
		client->clients->on_use(client->clients->ctx, client, dev, false);
	}
	g_array_unref(client->uses);
	g_source_destroy(client->watch);
	g_source_unref(client->watch);
	close(client->pidfd);
	g_free(client);
}

/**
 * daxd_clients_init() - start with an empty list of clients
 * @clients:	to be filled; for daxd_clients_done()
 * @reg:	the registry with the devices; outlives @clients
 * @on_settled:	called with @ctx when a process has settled or ended
 * @on_use:	called with @ctx when a process begins or ceases to use a device
 * @ctx:	passed to both
 */
void daxd_clients_init(struct daxd_clients *clients, struct daxd_registry *reg,
		       void (*on_settled)(void *ctx),
		       void (*on_use)(void *ctx, const struct daxd_client *client,
				      const struct daxd_device *dev, bool is_begin),
		       void *ctx)
{
	clients->reg = reg;
	clients->on_settled = on_settled;
	clients->on_use = on_use;
	clients->ctx = ctx;
	clients->by_pid =
		g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, client_free);
}

/**
 * daxd_clients_done() - forget all clients
 * @clients:	after daxd_clients_init(), or zeroed
 */
void daxd_clients_done(struct daxd_clients *clients)
{
	g_clear_pointer(&clients->by_pid, g_hash_table_unref);
}

static struct daxd_client *find_client(const struct daxd_clients *clients, pid_t pid)
{
	return g_hash_table_lookup(clients->by_pid, GINT_TO_POINTER(pid));
}

static gboolean on_process_end(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_client *client = data;
	struct daxd_clients *clients = client->clients;

	(void)fd;
	(void)condition;
	g_hash_table_remove(clients->by_pid, GINT_TO_POINTER(client->pid));
	clients->on_settled(clients->ctx);
	return G_SOURCE_CONTINUE; /* the source is destroyed already */
}

/**
 * daxd_clients_open_pidfd() - open a pidfd of a process, to watch for its end
 * @peer:	the process
 *
 * Return: a descriptor that becomes readable when the process ends, or a negative errno.
 */
int daxd_clients_open_pidfd(const struct daxd_peer *peer)
{
	socklen_t len = sizeof(int);
	int fd;

	if (getsockopt(peer->socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) == 0)
		return fd;
	/*
	 * On older kernels the pid may belong to another process by now. Then only the
	 * end is noticed at a wrong time: the credentials come from the connection.
	 */
	fd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	return fd < 0 ? -errno : fd;
}

static bool has_ended(const struct daxd_client *client)
{
	struct pollfd pfd = {.fd = client->pidfd, .events = POLLIN};

	return poll(&pfd, 1, 0) > 0;
}

/*
 * Find the client of a connection, or add it. Return: 0; -ESRCH: its process is not
 * visible here (in another pid namespace, or it has ended); -EUSERS: too many clients; or
 * another negative errno.
 */
static int get_client(struct daxd_clients *clients, const struct daxd_peer *peer,
		      struct daxd_client **ret)
{
	struct daxd_client *client = find_client(clients, peer->pid);
	int pidfd;

	if (client && !has_ended(client)) {
		*ret = client;
		return 0;
	}
	/* The pid belongs to another process now. */
	if (client)
		g_hash_table_remove(clients->by_pid, GINT_TO_POINTER(peer->pid));
	if (peer->pid <= 0)
		return -ESRCH;
	if (g_hash_table_size(clients->by_pid) >= DAXD_CLIENTS_MAX)
		return -EUSERS;
	pidfd = daxd_clients_open_pidfd(peer);
	if (pidfd < 0)
		return pidfd;
	client = g_new0(struct daxd_client, 1);
	client->clients = clients;
	client->pid = peer->pid;
	client->uid = peer->uid;
	client->pidfd = pidfd;
	client->uses = g_array_new(FALSE, FALSE, sizeof(struct daxd_use));
	client->watch = g_unix_fd_source_new(pidfd, G_IO_IN);
	g_source_set_callback(client->watch, G_SOURCE_FUNC(on_process_end), client, NULL);
	g_source_attach(client->watch, NULL);
	g_hash_table_insert(clients->by_pid, GINT_TO_POINTER(peer->pid), client);
	*ret = client;
	return 0;
}

/* The client reads the state pages afterwards, so it need not follow earlier changes. */
static void add_device(struct daxd_client *client, struct daxd_device *dev)
{
	const struct daxd_use use = {
		.life = dev->life,
		.settled = client->clients->reg->rt->state->changes,
	};
	guint i;

	for (i = 0; i < client->uses->len; i++)
		if (g_array_index(client->uses, struct daxd_use, i).life == dev->life)
			return;
	g_array_append_val(client->uses, use);
	dev->clients++;
	client->clients->on_use(client->clients->ctx, client, dev, true);
}

/**
 * daxd_clients_attach() - note that a process gets a device's store
 * @clients:	all of them
 * @peer:	the process
 * @dev:	the device
 *
 * Return: 0; or -EUSERS: there are too many clients, or no descriptor is left to watch
 * this one. A process that is not visible here is served, but not remembered.
 */
int daxd_clients_attach(struct daxd_clients *clients, const struct daxd_peer *peer,
			struct daxd_device *dev)
{
	struct daxd_client *client;
	int r;

	r = get_client(clients, peer, &client);
	if (r == 0)
		add_device(client, dev);
	else if (r == -EUSERS || r == -EMFILE || r == -ENFILE)
		return -EUSERS;
	return 0;
}

/* The parent of a process according to /proc, or 0 if it is unknown. */
static pid_t parent_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *text = NULL;
	char *paren;
	int ppid;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	/* "pid (name) S ppid": the name may contain any character, also ')'. */
	paren = strrchr(text, ')');
	return paren && sscanf(paren, ") %*c %d", &ppid) == 1 ? ppid : 0;
}

static void found_mapping(void *ctx, const struct daxd_mapping *mapping)
{
	add_device(ctx, mapping->dev);
}

/**
 * daxd_clients_adopt() - note that a forked child has its parent's mappings
 * @clients:	all of them
 * @peer:	the child
 *
 * The child uses the devices of its parent, or if the parent is not a known client, the
 * devices that the child has mapped.
 *
 * Return: 0, or -EUSERS as daxd_clients_attach().
 */
int daxd_clients_adopt(struct daxd_clients *clients, const struct daxd_peer *peer)
{
	bool is_known = find_client(clients, peer->pid);
	const struct daxd_client *parent;
	struct daxd_client *client;
	guint i;
	int r;

	r = get_client(clients, peer, &client);
	if (r < 0)
		return r == -EUSERS || r == -EMFILE || r == -ENFILE ? -EUSERS : 0;
	parent = find_client(clients, parent_of(peer->pid));
	if (!parent || parent == client) {
		if (!is_known)
			daxd_mappings_of(clients->reg, peer->pid, found_mapping, client);
		return 0;
	}
	for (i = 0; i < parent->uses->len; i++) {
		struct daxd_device *dev = device_of(parent, i);

		if (dev)
			add_device(client, dev);
	}
	return 0;
}

/**
 * daxd_clients_settled() - note that a client's mappings match the state pages
 * @clients:	all of them
 * @peer:	the process
 * @changes:	the last change that the mappings follow
 */
void daxd_clients_settled(struct daxd_clients *clients, const struct daxd_peer *peer,
			  uint32_t changes)
{
	struct daxd_client *client = find_client(clients, peer->pid);
	guint i;

	if (!client)
		return;
	for (i = 0; i < client->uses->len; i++)
		g_array_index(client->uses, struct daxd_use, i).settled = changes;
	clients->on_settled(clients->ctx);
}

/* True if one count of changes is behind another. The counts wrap. */
static bool is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/**
 * daxd_clients_are_settled() - check whether all mappings follow the state pages
 * @clients:	all of them
 *
 * Return: true if they do.
 */
bool daxd_clients_are_settled(const struct daxd_clients *clients)
{
	struct daxd_client *client;
	GHashTableIter iter;
	guint i;

	g_hash_table_iter_init(&iter, clients->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&client)) {
		for (i = 0; i < client->uses->len; i++) {
			const struct daxd_device *dev = device_of(client, i);

			if (dev &&
			    is_behind(g_array_index(client->uses, struct daxd_use, i)
					      .settled,
				      dev->changed_at))
				return false;
		}
	}
	return true;
}
