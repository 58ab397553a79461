/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes that use devices. */
#include "cuse-daxd/clients/clients.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/quota.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"

#define ENDS_AT_ONCE 64

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
	daxd_shares_add(&client->clients->shares, client->uid, -1);
	close(client->pidfd); /* leaves the epoll descriptor, too */
	g_free(client);
}

static struct daxd_client *find_client(const struct daxd_clients *clients, pid_t pid)
{
	return g_hash_table_lookup(clients->by_pid, GINT_TO_POINTER(pid));
}

static gboolean on_process_ends(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_clients *clients = data;
	struct epoll_event events[ENDS_AT_ONCE];
	int n = epoll_wait(fd, events, ENDS_AT_ONCE, 0);
	int i;

	(void)condition;
	for (i = 0; i < n; i++)
		g_hash_table_remove(clients->by_pid, GINT_TO_POINTER(events[i].data.fd));
	if (n > 0)
		clients->on_settled(clients->ctx);
	return G_SOURCE_CONTINUE;
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
	daxd_shares_init(&clients->shares);
	/* At most half of the descriptors may go to clients. */
	clients->max = MIN(DAXD_CLIENTS_MAX, daxd_nofile() / 2);
	clients->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients->epoll < 0) {
		daxd_warning("epoll: %s, continuing without noticing the end of "
			     "processes",
			     strerror(errno));
		return;
	}
	clients->watch = g_unix_fd_source_new(clients->epoll, G_IO_IN);
	g_source_set_callback(clients->watch, G_SOURCE_FUNC(on_process_ends), clients,
			      NULL);
	g_source_attach(clients->watch, NULL);
}

/**
 * daxd_clients_done() - forget all clients
 * @clients:	after daxd_clients_init(), or zeroed
 */
void daxd_clients_done(struct daxd_clients *clients)
{
	if (!clients->by_pid)
		return;
	g_clear_pointer(&clients->by_pid, g_hash_table_unref);
	daxd_shares_done(&clients->shares);
	if (clients->watch) {
		g_source_destroy(clients->watch);
		g_clear_pointer(&clients->watch, g_source_unref);
	}
	daxd_close_fd(&clients->epoll);
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
	/* An event has the pid; epoll does not interpret it. */
	struct epoll_event event = {.events = EPOLLIN, .data.fd = peer->pid};
	struct daxd_quota_use use;
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
	use = daxd_shares_use(&clients->shares, peer->uid);
	if (!daxd_quota_has_room(&use, peer->uid, clients->max,
				 daxd_uid_is_trusted(peer->uid) ? clients->max
								: clients->max / 2))
		return -EUSERS;
	pidfd = daxd_clients_open_pidfd(peer);
	if (pidfd < 0)
		return pidfd;
	if (clients->epoll >= 0 &&
	    epoll_ctl(clients->epoll, EPOLL_CTL_ADD, pidfd, &event) < 0) {
		close(pidfd);
		return -EUSERS;
	}
	client = g_new0(struct daxd_client, 1);
	client->clients = clients;
	client->pid = peer->pid;
	client->uid = peer->uid;
	client->pidfd = pidfd;
	client->uses = g_array_new(FALSE, FALSE, sizeof(struct daxd_use));
	daxd_shares_add(&clients->shares, peer->uid, 1);
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

/**
 * daxd_clients_adopt() - note that a forked child has its parent's mappings
 * @clients:	all of them
 * @peer:	the child
 *
 * The child uses the devices of its parent, or if the parent is not a known client, the
 * devices that the child has mapped.
 *
 * Return: 0; 1: the caller must call daxd_clients_found() for each device that the child
 * has mapped; or -EUSERS as daxd_clients_attach().
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
		return !is_known;
	}
	for (i = 0; i < parent->uses->len; i++) {
		struct daxd_device *dev = device_of(parent, i);

		if (dev)
			add_device(client, dev);
	}
	return 0;
}

/**
 * daxd_clients_found() - note that a process has a device mapped
 * @clients:	all of them
 * @pid:	the process; ignored if it is no client, or no longer
 * @dev:	the device
 */
void daxd_clients_found(struct daxd_clients *clients, pid_t pid, struct daxd_device *dev)
{
	struct daxd_client *client = find_client(clients, pid);

	if (client)
		add_device(client, dev);
}

static bool uses_name(const struct daxd_client *client, const char *name)
{
	guint i;

	for (i = 0; client && i < client->uses->len; i++) {
		const struct daxd_device *dev = device_of(client, i);

		if (dev && !strcmp(dev->desc.name, name))
			return true;
	}
	return false;
}

/**
 * daxd_clients_has() - check whether a process was given the memory of a device
 * @clients:	all of them
 * @peer:	the process
 * @name:	of the device
 *
 * Return: true if it, or its parent of the same user, has attached or adopted the device.
 */
bool daxd_clients_has(const struct daxd_clients *clients, const struct daxd_peer *peer,
		      const char *name)
{
	const struct daxd_client *client = find_client(clients, peer->pid);

	if (client)
		return !has_ended(client) && uses_name(client, name);
	/* A child that was forked without libc's handlers has sent no ADOPT yet. */
	client = find_client(clients, parent_of(peer->pid));
	return client && client->uid == peer->uid && uses_name(client, name);
}

/**
 * daxd_clients_uid_of() - get the user of a process
 * @clients:	all of them
 * @peer:	the process
 *
 * The shim's thread in a program of root has a uid of its own, but sends no ATTACH.
 *
 * Return: the user who has attached the first device, or else the peer's.
 */
uid_t daxd_clients_uid_of(const struct daxd_clients *clients,
			  const struct daxd_peer *peer)
{
	const struct daxd_client *client = find_client(clients, peer->pid);

	return client ? client->uid : peer->uid;
}

/* True if one count of changes is behind another. The counts wrap. */
static bool is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
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
	const uint32_t last = clients->reg->rt->state->changes;
	bool is_news = false;
	guint i;

	if (!client)
		return;
	/* Nobody can follow a change that is still to come. */
	if (is_behind(last, changes))
		changes = last;
	for (i = 0; i < client->uses->len; i++) {
		struct daxd_use *use = &g_array_index(client->uses, struct daxd_use, i);

		is_news |= is_behind(use->settled, changes);
		use->settled = changes;
	}
	/* A client that says the same again must cost nothing. */
	if (is_news)
		clients->on_settled(clients->ctx);
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
