/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of clients: receive requests, send replies, drop those that misbehave. */
#include "cuse-daxd/clients/conn.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libcore/wire.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"

/* One message, and one byte more to detect longer ones. */
static union {
	struct dax_msg msg;
	uint8_t bytes[sizeof(struct dax_msg) + DAX_WIRE_BODY_MAX + 1];
} buffer;

/**
 * daxd_conn_free() - close a connection and forget it
 * @conn:	the connection; a pending job of it is cancelled
 */
void daxd_conn_free(struct daxd_conn *conn)
{
	if (conn->job)
		conn->give_up(conn->job);
	g_queue_unlink(&conn->server->conns, &conn->link);
	daxd_shares_add(&conn->server->shares, conn->peer.uid, -1);
	g_source_destroy(conn->source);
	g_source_unref(conn->source);
	close(conn->peer.socket);
	g_free(conn);
}

/**
 * daxd_conn_drop() - close the connection of a client that broke the rules
 * @conn:	the connection
 * @reason:	what the client did, for the log
 */
void daxd_conn_drop(struct daxd_conn *conn, const char *reason)
{
	daxd_debug("pid %d, uid %u: dropped: %s", conn->peer.pid, conn->peer.uid, reason);
	conn->server->stats.dropped++;
	daxd_conn_free(conn);
}

/**
 * daxd_conn_heard() - restart the idle time of a connection
 * @conn:	the connection on which something arrived
 */
void daxd_conn_heard(struct daxd_conn *conn)
{
	g_queue_unlink(&conn->server->conns, &conn->link);
	g_queue_push_tail_link(&conn->server->conns, &conn->link);
	conn->heard = g_source_get_time(conn->source);
}

/**
 * daxd_conn_is_silent() - check whether the idle time of a connection is over
 * @conn:	the connection whose timer has run out
 *
 * The timer is not moved when something arrives. Here it is set again if something did.
 *
 * Return: true if nothing arrived for DAXD_IDLE_US, and the client waits for no reply.
 */
bool daxd_conn_is_silent(struct daxd_conn *conn)
{
	gint64 end = conn->heard + DAXD_IDLE_US;

	if (conn->job)
		end = g_source_get_time(conn->source) + DAXD_IDLE_US;
	if (end <= g_source_get_time(conn->source))
		return true;
	g_source_set_ready_time(conn->source, end);
	return false;
}

static int conn_send(const struct daxd_conn *conn, const struct daxd_reply *reply)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct dax_msg msg;
	struct iovec iov = {.iov_base = &msg, .iov_len = sizeof(msg)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	dax_msg_init(&msg, DAX_MSG_REPLY, 0);
	msg.error = (uint32_t)reply->error;
	msg.arg[0] = reply->arg[0];
	msg.arg[1] = reply->arg[1];
	if (reply->fd >= 0) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &reply->fd, sizeof(int));
	}
	if (sendmsg(conn->peer.socket, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/**
 * daxd_conn_reply() - send the reply to a request
 * @conn:	the connection; dropped if the client does not read
 * @reply:	the reply; a descriptor that it owns is closed
 */
void daxd_conn_reply(struct daxd_conn *conn, const struct daxd_reply *reply)
{
	int r = conn_send(conn, reply);

	if (reply->owns_fd)
		close(reply->fd);
	conn->job = NULL;
	if (reply->error)
		conn->server->stats.refused++;
	if (r < 0)
		daxd_conn_drop(conn,
			       r == -EAGAIN ? "does not read replies" : strerror(-r));
}

static void take_fds(struct msghdr *mh, struct daxd_request *q)
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

/**
 * daxd_conn_receive() - receive one request
 * @conn:	the connection, readable
 * @q:		zeroed; receives the message, valid until the next call, and descriptors
 *
 * Return: NULL, or why the connection must be dropped. Descriptors are received in either
 * case: see daxd_conn_close_fds().
 */
const char *daxd_conn_receive(struct daxd_conn *conn, struct daxd_request *q)
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
	r = dax_wire_decode(&buffer.msg, (size_t)n, q->nr_fds, &q->wire);
	if (r == -EINVAL)
		q->error = EINVAL;
	else if (r < 0)
		return strerror(-r);
	return NULL;
}

/**
 * daxd_conn_close_fds() - close the descriptors that came with a request
 * @conn:	the connection
 * @q:		as daxd_conn_receive() left it
 *
 * Never blocks, whatever files the descriptors belong to.
 */
void daxd_conn_close_fds(const struct daxd_conn *conn, const struct daxd_request *q)
{
	const struct daxd_runtime *rt = conn->server->reg->rt;
	const dev_t ours[2] = {rt->state->runtime_dev, rt->handle_dev};
	unsigned int i;

	for (i = 0; i < q->nr_fds; i++)
		daxd_untrusted_fd_close(q->fds[i], ours, conn->peer.uid);
}

/**
 * daxd_conn_is_closed() - check whether the client has gone
 * @conn:	the connection
 *
 * Return: true if the other end is closed and nothing is left to read.
 */
bool daxd_conn_is_closed(const struct daxd_conn *conn)
{
	char byte;

	return recv(conn->peer.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/**
 * daxd_conn_may_change() - check whether a client may change devices
 * @conn:	the connection of the client
 *
 * The same users as for the files in sysfs: root, and the daemon's user, who owns them.
 *
 * Return: true if it may.
 */
bool daxd_conn_may_change(const struct daxd_conn *conn)
{
	return daxd_uid_is_trusted(conn->peer.uid);
}
