/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send requests to the daemon.
 *
 * Each request has its own connection, so that no descriptor is left over that the
 * program could close, inherit or find.
 */
#include "client/shim/process/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/join.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"

/* The daemon carries out a write to an attribute in any case, so wait longer for it. */
#define STORE_TIMEOUT_S 30

/* True if a seccomp filter of the program would kill the process for a request. */
static bool may_not_ask;

/**
 * shim_request_is_allowed() - tell whether the shim may send requests
 *
 * Async-signal-safe.
 *
 * Return: true if it may; false if a seccomp filter of the program would kill the process
 * for a request.
 */
bool shim_request_is_allowed(void)
{
	return likely(!__atomic_load_n(&may_not_ask, __ATOMIC_RELAXED));
}

/**
 * shim_request_forbid() - send no request from now on
 *
 * Called when the program has installed a seccomp filter that kills it for a request.
 * Async-signal-safe.
 */
void shim_request_forbid(void)
{
	__atomic_store_n(&may_not_ask, true, __ATOMIC_RELAXED);
}

/* A thread of the shim whose working directory is the runtime directory; 0: none. */
static int32_t inside_tid;

/**
 * shim_request_inside() - set the thread whose working directory is the runtime directory
 * @tid:	the thread, which must stay there and not end; 0: there is none
 *
 * Through /proc/self/task/TID/cwd, requests reach a daemon whose directory the program
 * may no longer enter.
 * Async-signal-safe.
 */
void shim_request_inside(int32_t tid)
{
	__atomic_store_n(&inside_tid, tid, __ATOMIC_RELEASE);
}

/*
 * Writes a path to the runtime directory that every thread of this process may use.
 * Return: false if there is none.
 */
static bool way_inside(char buf[SHIM_SELF_TASK_PATH])
{
	int32_t tid = __atomic_load_n(&inside_tid, __ATOMIC_ACQUIRE);

	if (tid)
		shim_self_task_path(tid, "/cwd", buf);
	return tid != 0;
}

static int connect_at(const char *dir, int timeout_s)
{
	struct timeval timeout = {.tv_sec = timeout_s};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	long fd;
	long r;

	if (!shim_join(addr.sun_path, sizeof(addr.sun_path), dir, "/" DAX_CONTROL_SOCKET))
		return -ENAMETOOLONG;
	fd = sys3(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	/* A stopped daemon must not block the program forever. */
	sys5(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	sys5(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	do {
		r = sys3(connect, fd, &addr, sizeof(addr));
	} while (r == -EINTR);
	if (r < 0) {
		sys1(close, fd);
		return (int)r;
	}
	return (int)fd;
}

/*
 * Connects by the path of the runtime directory. If the program may no longer enter it,
 * because it has given up rights since it started, connects through the shim's thread
 * that is in it.
 */
static int connect_to(const char *dir, int timeout_s)
{
	char inside[SHIM_SELF_TASK_PATH];
	int fd;

	if (unlikely(!shim_request_is_allowed()))
		return -ECONNREFUSED;
	fd = connect_at(dir, timeout_s);
	if (unlikely(fd == -EACCES) && way_inside(inside))
		fd = connect_at(inside, timeout_s);
	return fd;
}

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_request(int sock, const struct dax_msg *msg, const void *body, int fd)
{
	union control control = {.buf = {0}};
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = msg->len},
	};
	struct msghdr hdr = {.msg_iov = iov, .msg_iovlen = 2};
	long r;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control.buf;
		hdr.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do {
		r = sys3(sendmsg, sock, &hdr, MSG_NOSIGNAL);
	} while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

static int receive_reply(int sock, struct dax_msg *msg, int *ret_fd)
{
	union control control;
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cmsg;
	int fd = -1;
	long r;

	do {
		r = sys3(recvmsg, sock, &hdr, MSG_CMSG_CLOEXEC);
	} while (r == -EINTR);
	if (r < 0)
		return (int)r;
	if (r == 0) /* the daemon has died before it could reply */
		return -ECONNRESET;
	cmsg = CMSG_FIRSTHDR(&hdr);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	if (dax_msg_check(msg, (size_t)r) < 0 || msg->type != DAX_MSG_REPLY ||
	    msg->error) {
		if (fd >= 0)
			sys1(close, fd);
		if (r >= (long)sizeof(*msg) && msg->error)
			return -(int)msg->error;
		return -EBADMSG;
	}
	/* The daemon sent a descriptor, but this process has no number free for it. */
	if (fd < 0 && hdr.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	*ret_fd = fd;
	return 0;
}

/**
 * shim_request() - send the daemon a request and wait for the reply
 * @s:		the session
 * @req:	the request. The caller must close the descriptor that its ret_fd receives
 *
 * Fails if the daemon does not reply within SHIM_REQUEST_TIMEOUT_S, or to DAX_MSG_STORE
 * within STORE_TIMEOUT_S. Async-signal-safe.
 *
 * Return: 0, or a negative errno: the daemon's error, or why it could not be reached.
 */
int shim_request(const struct shim_session *s, const struct shim_request *req)
{
	struct dax_msg msg;
	int reply_fd = -1;
	int sock;
	int r;

	if (req->len > DAX_WIRE_BODY_MAX)
		return -E2BIG;
	sock = connect_to(s->dir, req->type == DAX_MSG_STORE ? STORE_TIMEOUT_S
							     : SHIM_REQUEST_TIMEOUT_S);
	if (sock < 0)
		return sock;
	dax_msg_init(&msg, req->type, (uint32_t)req->len);
	msg.arg[0] = req->arg;
	r = send_request(sock, &msg, req->body, req->fd);
	if (r == 0)
		r = receive_reply(sock, &msg, &reply_fd);
	sys1(close, sock);
	if (r < 0)
		return r;
	if (req->ret_arg)
		memcpy(req->ret_arg, msg.arg, sizeof(msg.arg));
	if (req->ret_fd)
		*req->ret_fd = reply_fd;
	else if (reply_fd >= 0)
		sys1(close, reply_fd);
	return 0;
}
