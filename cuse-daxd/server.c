/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket.
 *
 * Anybody may connect. What a client can cost is bounded: connections by number, in
 * all and for each user, where the one that was silent longest makes room; time by
 * the idle limit; memory by one buffer for all, as messages are handled one at a time;
 * unread answers by a small send buffer.
 */
#include "cuse-daxd/control/control.h"

#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/clients/rebind.h"
#include "cuse-daxd/clients/settle.h"

#include "libcore/event.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG         4096
#define ACCEPTS_AT_ONCE 16
#define PAUSE_MS        100 /* when there are no descriptors left */

/* One message; a byte more than it may have, to see that it has more. */
static union {
	struct dax_msg msg;
	uint8_t bytes[sizeof(struct dax_msg) + DAX_WIRE_BODY_MAX + 1];
} buffer;

/* ---- connections ----------------------------------------------------------- */

static void conn_free(struct daxd_conn *conn)
{
	if (conn->job)
		conn->give_up(conn->job);
	g_queue_unlink(&conn->server->conns, &conn->link);
	g_source_destroy(conn->source);
	g_source_unref(conn->source);
	close(conn->peer.socket);
	g_free(conn);
}

/* For what it did, or did not do. */
static void conn_drop(struct daxd_conn *conn, const char *reason)
{
	daxd_debug("pid %d, uid %u: dropped: %s", conn->peer.pid, conn->peer.uid, reason);
	conn->server->stats.dropped++;
	conn_free(conn);
}

static void conn_touch(struct daxd_conn *conn)
{
	g_queue_unlink(&conn->server->conns, &conn->link);
	g_queue_push_tail_link(&conn->server->conns, &conn->link);
	conn->heard = g_source_get_time(conn->source);
}

/* The timer runs on when something is heard, and looks at that when it is over. */
static bool conn_is_silent(struct daxd_conn *conn)
{
	gint64 end = conn->heard + DAXD_IDLE_US;

	if (end <= g_source_get_time(conn->source))
		return true;
	g_source_set_ready_time(conn->source, end);
	return false;
}

static int conn_send(const struct daxd_conn *conn, const struct daxd_answer *answer)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct dax_msg msg;
	struct iovec iov = {.iov_base = &msg, .iov_len = sizeof(msg)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	dax_msg_init(&msg, DAX_MSG_REPLY, 0);
	msg.error = (uint32_t)answer->error;
	msg.arg[0] = answer->arg[0];
	msg.arg[1] = answer->arg[1];
	if (answer->fd >= 0) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &answer->fd, sizeof(int));
	}
	if (sendmsg(conn->peer.socket, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/**
 * daxd_conn_reply() - answer a question
 * @conn:	who asked; dropped if it does not take the answer
 * @answer:	a descriptor that it owns is closed
 */
void daxd_conn_reply(struct daxd_conn *conn, const struct daxd_answer *answer)
{
	int r = conn_send(conn, answer);

	if (answer->owns_fd)
		close(answer->fd);
	conn->job = NULL;
	if (answer->error)
		conn->server->stats.refused++;
	if (r < 0)
		conn_drop(conn, r == -EAGAIN ? "does not read" : strerror(-r));
}

/* ---- receiving ------------------------------------------------------------- */

static void take_fds(struct msghdr *mh, struct daxd_question *q)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		size_t nr;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		g_assert(q->nr_fds + nr <= DAXD_FDS_MAX);
		memcpy(q->fds + q->nr_fds, CMSG_DATA(c), nr * sizeof(int));
		q->nr_fds += (unsigned int)nr;
	}
}

/* Return: why the connection is to be dropped, or NULL. */
static const char *receive(struct daxd_conn *conn, struct daxd_question *q)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DAXD_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buffer.bytes, .iov_len = sizeof(buffer.bytes)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;
	int r;

	n = recvmsg(conn->peer.socket, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return strerror(errno);
	take_fds(&mh, q);
	if (mh.msg_flags & MSG_CTRUNC)
		return "too many descriptors";
	if (mh.msg_flags & MSG_TRUNC)
		return "too long a message";
	r = dax_msg_check(&buffer.msg, (size_t)n);
	if (r < 0)
		return strerror(-r);
	q->msg = &buffer.msg;
	return NULL;
}

static void close_fds(const struct daxd_conn *conn, const struct daxd_question *q)
{
	unsigned int i;

	for (i = 0; i < q->nr_fds; i++)
		daxd_foreign_close(q->fds[i], conn->server->reg->rt->state->runtime_dev,
				   conn->peer.uid);
}

/* Has the other end gone, with nothing left to read? */
static bool is_closed(const struct daxd_conn *conn)
{
	char byte;

	return recv(conn->peer.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_question(struct daxd_conn *conn)
{
	struct daxd_answer answer = {.fd = -1};
	struct daxd_question q = {0};
	enum daxd_next next = DAXD_DROP;
	const char *reason = receive(conn, &q);

	if (!reason) {
		next = daxd_question_answer(conn, &q, &answer);
		reason = "nonsense";
	}
	close_fds(conn, &q);
	switch (next) {
	case DAXD_REPLY:
		daxd_conn_reply(conn, &answer);
		break;
	case DAXD_LATER:
		break;
	case DAXD_DROP:
		conn_drop(conn, reason);
		break;
	}
}

static gboolean on_conn(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_conn *conn = data;

	(void)fd;
	if (!condition) {
		if (conn_is_silent(conn))
			conn_drop(conn, "silent");
	} else if (is_closed(conn)) {
		conn_free(conn);
	} else if (conn->job) {
		conn_drop(conn, "asks before it was answered");
	} else if (daxd_foreign_is_banned(conn->peer.uid)) {
		conn_drop(conn, "its user's descriptors do not close");
	} else {
		conn_touch(conn);
		on_question(conn);
	}
	return G_SOURCE_CONTINUE; /* or the source is destroyed already */
}

/* ---- accepting ------------------------------------------------------------- */

/* Room for one more, by whoever has been silent longest. */
static void make_room(struct daxd_server *server, uid_t uid)
{
	struct daxd_conn *oldest = NULL;
	unsigned int count = 0;
	GList *l;

	for (l = server->conns.head; l; l = l->next) {
		struct daxd_conn *conn = l->data;

		if (conn->peer.uid != uid)
			continue;
		count++;
		if (!oldest)
			oldest = conn;
	}
	if (count >= DAXD_CONNS_PER_UID_MAX)
		conn_drop(oldest, "its user has too many connections");
	else if (server->conns.length >= DAXD_CONNS_MAX)
		conn_drop(server->conns.head->data, "there are too many connections");
}

static void add_conn(struct daxd_server *server, int fd)
{
	/* Two or three answers; who does not read them is dropped. */
	const int send_buffer = 1;
	struct ucred cred = {.pid = 0, .uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	struct daxd_conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    daxd_foreign_is_banned(cred.uid)) {
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
	unsigned int i;

	(void)condition;
	for (i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn >= 0) {
			add_conn(server, conn);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* The socket stays readable: look away for a while. */
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

/* The path of a name in the runtime directory, short enough for an address. */
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

/* ---- events ---------------------------------------------------------------- */

static void on_device(void *ctx, enum daxd_event event, const struct daxd_device *dev)
{
	static const char *const names[] = {
		[DAXD_APPEAR] = "appear",
		[DAXD_CHANGE] = "change",
		[DAXD_VANISH] = "vanish",
	};
	struct daxd_server *server = ctx;

	if (daxd_watch_is_on(&server->watch))
		daxd_watch_emit(&server->watch, names[event], daxd_describe_device(dev));
}

static void on_use(void *ctx, const struct daxd_client *client,
		   const struct daxd_device *dev, bool is_begin)
{
	struct daxd_server *server = ctx;
	struct json_object *json;
	g_autofree char *comm = NULL;

	if (!daxd_watch_is_on(&server->watch) || !dev->region)
		return;
	json = json_object_new_object();
	daxd_add_string(json, "chardev", dev->desc.name);
	daxd_add_number(json, "pid", (uint64_t)client->pid);
	if (is_begin) {
		comm = daxd_comm_of(client->pid);
		daxd_add_string(json, "comm", comm);
	}
	daxd_watch_emit(&server->watch, is_begin ? "attach" : "detach", json);
}

static void on_fault(void *ctx, const struct dax_fault_event *ev)
{
	struct daxd_server *server = ctx;
	struct json_object *json;
	char address[32];

	if (!daxd_watch_is_on(&server->watch))
		return;
	json = json_object_new_object();
	snprintf(address, sizeof(address), "0x%jx", (uintmax_t)ev->address);
	daxd_add_string(json, "chardev", ev->device);
	daxd_add_number(json, "rule", ev->rule);
	daxd_add_number(json, "pid", (uint64_t)ev->pid);
	daxd_add_number(json, "thread", (uint64_t)ev->tid);
	daxd_add_string(json, "comm", ev->comm);
	daxd_add_string(json, "call", dax_fault_call_name((enum dax_fault_call)ev->call));
	daxd_add_string(json, "address", address);
	daxd_add_number(json, "offset", ev->off);
	if (ev->error)
		daxd_add_string(json, "refused", dax_errno_name((int)ev->error));
	daxd_watch_emit(&server->watch, "fault", json);
}

/* The socket gets its name when it is listening: who finds it can connect. */
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

/* Who has started us listens on it already. */
static int take_socket(struct daxd_server *server, int fd, struct daxd_why *why)
{
	socklen_t len = sizeof(int);
	int type = 0;

	server->fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return daxd_fail(why, EPROTOTYPE,
				 "the socket that systemd has made is not one of ours "
				 "(ListenSequentialPacket=%s/" DAX_CONTROL_SOCKET ")",
				 server->reg->rt->path);
	return 0;
}

/**
 * daxd_server_start() - let clients connect
 * @server:	to be filled; daxd_server_stop() it, also after a failure
 * @reg:	started; outlives the server
 * @fd:		a socket that clients connect to already, taken over; or -1
 * @why:	why not
 */
int daxd_server_start(struct daxd_server *server, struct daxd_registry *reg, int fd,
		      struct daxd_why *why)
{
	int r;

	*server = (struct daxd_server){
		.reg = reg,
		.fd = -1,
		.started = g_get_monotonic_time(),
	};
	daxd_clients_init(&server->clients, reg, daxd_settle_check, on_use, server);
	reg->on_event = on_device;
	reg->event_ctx = server;
	reg->faults->on_event = on_fault;
	reg->faults->ctx = server;
	g_queue_init(&server->conns);
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
		conn_free(server->conns.head->data);
	server->reg->on_event = NULL;
	server->reg->faults->on_event = NULL;
	daxd_watch_done(&server->watch);
	daxd_giveback_done(server);
	daxd_clients_done(&server->clients);
	if (server->source) {
		g_source_destroy(server->source);
		g_source_unref(server->source);
	}
	daxd_close_fd(&server->fd);
	server->reg = NULL;
}
