/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket.
 *
 * Any user may connect. The resources of a client are limited: there is a maximum number
 * of connections, in all and for each user, and the one silent for longest is dropped to
 * make room; idle connections are dropped; one buffer serves all clients, as messages
 * are handled one at a time; a small send buffer limits unread replies.
 */
#include "cuse-daxd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "libcore/wire.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/quota.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/events.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/requests.h"
#include "cuse-daxd/runtime/runtime.h"

#define CONNS_MAX         512
#define CONNS_PER_UID_MAX 128
#define BACKLOG           1024
#define ACCEPTS_US        2000 /* for new connections, in a turn of the main loop */
#define PAUSE_MS          100  /* when there are no descriptors left */
#define TURN_US           2000 /* for requests of users, in a turn of the main loop */

static void on_request(struct daxd_conn *conn)
{
	struct daxd_reply reply = {.fd = -1};
	struct daxd_request q = {0};
	enum daxd_next next = DAXD_DROP;
	const char *reason = daxd_conn_receive(conn, &q);

	if (!reason) {
		next = daxd_request_answer(conn, &q, &reply);
		reason = "invalid request";
	}
	daxd_conn_close_fds(conn, &q);
	switch (next) {
	case DAXD_REPLY:
		daxd_conn_reply(conn, &reply);
		break;
	case DAXD_LATER:
		break;
	case DAXD_DROP:
		daxd_conn_drop(conn, reason);
		break;
	}
}

/* True if the requests of users have taken enough of this turn of the main loop. */
static bool is_turn_over(const struct daxd_conn *conn)
{
	return !daxd_uid_is_trusted(conn->peer.uid) &&
	       g_get_monotonic_time() - g_source_get_time(conn->source) > TURN_US;
}

/* The main loop serves sources of a priority in the order in which they got it. */
static void queue_behind_others(struct daxd_conn *conn)
{
	g_source_set_priority(conn->source, G_PRIORITY_DEFAULT);
}

static gboolean on_conn(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_conn *conn = data;

	(void)fd;
	if (condition && is_turn_over(conn))
		return G_SOURCE_CONTINUE;
	if (!condition) {
		if (daxd_conn_is_silent(conn))
			daxd_conn_drop(conn, "silent");
	} else if (daxd_conn_is_closed(conn)) {
		daxd_conn_free(conn);
	} else if (conn->job) {
		daxd_conn_drop(conn, "sends a request before the last reply");
	} else if (daxd_untrusted_fd_is_banned(conn->peer.uid)) {
		daxd_conn_drop(conn,
			       "too many descriptors of its user are still closing");
	} else {
		daxd_conn_heard(conn);
		if (!daxd_uid_is_trusted(conn->peer.uid))
			queue_behind_others(conn);
		on_request(conn);
	}
	return G_SOURCE_CONTINUE; /* or the source is destroyed already */
}

/* The connection of a user that was silent for longest. */
static struct daxd_conn *find_oldest(const struct daxd_server *server, uid_t uid)
{
	GList *l = server->conns.head;

	while (l->next && ((struct daxd_conn *)l->data)->peer.uid != uid)
		l = l->next;
	return l->data;
}

/* Make room for a connection. Users never push out root's or those of the daemon's user. */
static void make_room(struct daxd_server *server, uid_t uid)
{
	const struct daxd_quota_use use = daxd_shares_use(&server->shares, uid);

	if (use.of_uid >= CONNS_PER_UID_MAX)
		daxd_conn_drop(find_oldest(server, uid),
			       "its user has too many connections");
	else if (!daxd_quota_has_room(&use, uid, server->conns_max, CONNS_PER_UID_MAX))
		daxd_conn_drop(find_oldest(server,
					   daxd_shares_greediest(&server->shares, uid)),
			       "there are too many connections");
	daxd_shares_add(&server->shares, uid, 1);
}

static void add_conn(struct daxd_server *server, int fd)
{
	/* Room for two or three replies: a client that does not read them is dropped. */
	const int send_buffer = 1;
	struct ucred cred = {.pid = 0, .uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	struct daxd_conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    daxd_untrusted_fd_is_banned(cred.uid)) {
		close(fd);
		server->stats.dropped++;
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	make_room(server, cred.uid);
	conn = g_new0(struct daxd_conn, 1);
	conn->server = server;
	conn->peer = (struct daxd_peer){.socket = fd, .pid = cred.pid, .uid = cred.uid};
	conn->link.data = conn;
	conn->source = g_unix_fd_source_new(fd, G_IO_IN);
	/* Nothing recurses; GLib would write to its eventfd twice for each call. */
	g_source_set_can_recurse(conn->source, TRUE);
	/* Root does not wait for users who send without pause. */
	if (daxd_uid_is_trusted(cred.uid))
		g_source_set_priority(conn->source, G_PRIORITY_HIGH);
	g_source_set_callback(conn->source, G_SOURCE_FUNC(on_conn), conn, NULL);
	conn->heard = g_get_monotonic_time();
	g_source_set_ready_time(conn->source, conn->heard + DAXD_IDLE_US);
	g_source_attach(conn->source, NULL);
	g_queue_push_tail_link(&server->conns, &conn->link);
	server->stats.connections++;
}

static void listen_again(struct daxd_server *server, bool is_paused);

static gboolean on_accept(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_server *server = data;
	gint64 end = g_get_monotonic_time() + ACCEPTS_US;

	(void)condition;
	/* The kernel serves the users in the order in which they came: be quick. */
	while (g_get_monotonic_time() < end) {
		int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn >= 0) {
			add_conn(server, conn);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* The socket stays readable, so stop watching it for a while. */
			daxd_debug("accept: %s, pausing", strerror(errno));
			listen_again(server, true);
			return G_SOURCE_REMOVE;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			break;
		}
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_pause_over(gpointer data)
{
	listen_again(data, false);
	return G_SOURCE_REMOVE;
}

static void listen_again(struct daxd_server *server, bool is_paused)
{
	if (server->source)
		g_source_unref(server->source);
	if (is_paused) {
		server->source = g_timeout_source_new(PAUSE_MS);
		g_source_set_callback(server->source, on_pause_over, server, NULL);
	} else {
		server->source = g_unix_fd_source_new(server->fd, G_IO_IN);
		g_source_set_callback(server->source, G_SOURCE_FUNC(on_accept), server,
				      NULL);
	}
	g_source_attach(server->source, NULL);
}

/* Make a path of a name in the runtime directory that is short enough for an address. */
static int fill_address(const struct daxd_runtime *rt, const char *name,
			struct sockaddr_un *ret)
{
	int len = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%s", rt->path, name);

	ret->sun_family = AF_UNIX;
	if (len >= (int)sizeof(ret->sun_path))
		len = snprintf(ret->sun_path, sizeof(ret->sun_path),
			       "/proc/self/fd/%d/%s", rt->dir, name);
	return len < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

/* The socket gets its name once it listens, so that clients that find it can connect. */
static int make_socket(struct daxd_server *server, struct daxd_why *why)
{
	const struct daxd_runtime *rt = server->reg->rt;
	struct sockaddr_un address;
	int r;

	daxd_runtime_remove_tree(rt->dir, DAXD_NEW);
	r = fill_address(rt, DAXD_NEW, &address);
	if (r == 0)
		server->fd =
			socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0 ||
	    bind(server->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(rt->dir, DAXD_NEW, 0666, 0) < 0 || listen(server->fd, BACKLOG) < 0 ||
	    renameat(rt->dir, DAXD_NEW, rt->dir, DAX_CONTROL_SOCKET) < 0)
		return daxd_fail(why, errno,
				 "%s/" DAX_CONTROL_SOCKET ": can't listen "
				 "there: %s (give another --runtime-dir)",
				 rt->path, strerror(errno));
	return 0;
}

/* Take over a socket on which systemd listens already. */
static int take_socket(struct daxd_server *server, int fd, struct daxd_why *why)
{
	socklen_t len = sizeof(int);
	int type = 0;

	server->fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return daxd_fail(why, EPROTOTYPE,
				 "the socket passed by systemd has the wrong type (use "
				 "ListenSequentialPacket=%s/" DAX_CONTROL_SOCKET ")",
				 server->reg->rt->path);
	return 0;
}

/**
 * daxd_server_start() - let clients connect
 * @server:	to be filled; for daxd_server_stop(), also after a failure
 * @reg:	started; outlives the server
 * @fd:		a socket that listens already, taken over; or -1
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_server_start(struct daxd_server *server, struct daxd_registry *reg, int fd,
		      struct daxd_why *why)
{
	int r;

	*server = (struct daxd_server){
		.reg = reg,
		.fd = -1,
		.conns_max = MIN(CONNS_MAX, daxd_nofile() / 4),
		.started = g_get_monotonic_time(),
	};
	daxd_clients_init(&server->clients, reg, daxd_settle_check, daxd_events_use,
			  server);
	reg->on_event = daxd_events_device;
	reg->event_ctx = server;
	reg->faults->on_event = daxd_events_fault;
	reg->faults->ctx = server;
	g_queue_init(&server->conns);
	daxd_shares_init(&server->shares);
	r = fd >= 0 ? take_socket(server, fd, why) : make_socket(server, why);
	if (r == 0)
		listen_again(server, false);
	return r;
}

/**
 * daxd_server_stop() - close all connections, forget all clients
 * @server:	after daxd_server_start(), or zeroed
 */
void daxd_server_stop(struct daxd_server *server)
{
	if (!server->reg)
		return;
	while (server->conns.head)
		daxd_conn_free(server->conns.head->data);
	server->reg->on_event = NULL;
	server->reg->faults->on_event = NULL;
	daxd_shares_done(&server->shares);
	daxd_watch_done(&server->watch);
	daxd_clients_done(&server->clients);
	if (server->source) {
		g_source_destroy(server->source);
		g_source_unref(server->source);
	}
	daxd_close_fd(&server->fd);
	server->reg = NULL;
}
