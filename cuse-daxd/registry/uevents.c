/* SPDX-License-Identifier: BSD-2-Clause */
/* Send uevents to programs that have opened a socket for them. */
#include "cuse-daxd/registry/uevents.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib-unix.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcore/uevent.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"

#define LISTENERS_MAX 256 /* sockets of all programs */

struct listener {
	uint32_t id;
	uint32_t groups; /* bit N - 1: group N */
	pid_t pid;
	uid_t uid;
	int fd; /* the daemon's end; not blocking */
};

struct daxd_uevents {
	GPtrArray *listeners;
	uint32_t last_id;
	uint64_t seqnum;
	struct dax_uevent_list shown; /* the devices as the listeners know them */
	int host_fd;                  /* the machine's own events; -1: none */
	GSource *host;
};

static void listener_free(void *data)
{
	struct listener *listener = data;

	daxd_close_fd(&listener->fd);
	g_free(listener);
}

static void send_to_all(struct daxd_uevents *u, enum dax_uevent_group group,
			const char *buf, size_t len)
{
	guint i;

	for (i = u->listeners->len; i-- > 0;) {
		struct listener *listener = g_ptr_array_index(u->listeners, i);

		if (!(listener->groups & 1u << (group - 1)))
			continue;
		/* A program that does not read loses events, as with netlink. */
		if (send(listener->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		    errno != EAGAIN && errno != ENOBUFS)
			g_ptr_array_remove_index_fast(u->listeners, i);
	}
}

static bool has_listener(const struct daxd_uevents *u)
{
	guint i;

	for (i = 0; i < u->listeners->len; i++) {
		const struct listener *listener = g_ptr_array_index(u->listeners, i);

		if (listener->groups)
			return true;
	}
	return false;
}

/* Send a message of the kernel's group, and to the other group as udevd would. */
static void send_message(struct daxd_uevents *u, const char *buf, size_t len)
{
	char udev[DAX_UEVENT_MAX];
	size_t udev_len;

	send_to_all(u, DAX_UEVENT_KERNEL, buf, len);
	udev_len = dax_uevent_to_udev(buf, len, (uint64_t)g_get_monotonic_time(), udev);
	send_to_all(u, DAX_UEVENT_UDEV, udev, udev_len);
}

static void send_event(void *ctx, const struct dax_uevent *event)
{
	struct daxd_uevents *u = ctx;
	char buf[DAX_UEVENT_MAX];
	size_t len = dax_uevent_format(event, ++u->seqnum, buf);

	send_message(u, buf, len);
}

/* True if a message of the machine is about a kind of device that we replace. */
static bool is_replaced(const char *buf, size_t len)
{
	static const char *const lines[] = {"\0SUBSYSTEM=dax", "\0SUBSYSTEM=nd",
					    "\0SUBSYSTEM=cxl"};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(lines); i++)
		if (memmem(buf, len, lines[i], strlen(lines[i] + 1) + 2))
			return true;
	return false;
}

/* Who has sent a message? Return: true if it is the kernel, or root for udevd's group. */
static bool is_genuine(struct msghdr *msg, const struct sockaddr_nl *from)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct ucred cred;

	if (msg->msg_flags & MSG_TRUNC || msg->msg_namelen < sizeof(*from) || !cmsg ||
	    cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	return from->nl_groups == DAX_UEVENT_KERNEL
		       ? !from->nl_pid
		       : from->nl_groups == DAX_UEVENT_UDEV && !cred.uid;
}

static gboolean on_host(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_uevents *u = data;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	char buf[8192];
	struct iovec iov = {buf, sizeof(buf)};
	struct sockaddr_nl from;
	struct msghdr msg = {.msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	(void)condition;
	if (n > 0 && is_genuine(&msg, &from) && !is_replaced(buf, (size_t)n))
		send_to_all(u, (enum dax_uevent_group)from.nl_groups, buf, (size_t)n);
	return G_SOURCE_CONTINUE;
}

/* Listen to the machine's own events. Without the right to, or a network, there are none. */
static void open_host(struct daxd_uevents *u)
{
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK,
					 .nl_groups =
						 DAX_UEVENT_KERNEL | DAX_UEVENT_UDEV};
	const int on = 1;

	u->host_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    NETLINK_KOBJECT_UEVENT);
	if (u->host_fd < 0 ||
	    setsockopt(u->host_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(u->host_fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		daxd_debug("uevents of the machine: %s", strerror(errno));
		daxd_close_fd(&u->host_fd);
		return;
	}
	u->host = g_unix_fd_source_new(u->host_fd, G_IO_IN);
	g_source_set_callback(u->host, G_SOURCE_FUNC(on_host), u, NULL);
	g_source_attach(u->host, NULL);
}

/* Continue the machine's numbers. */
static uint64_t first_seqnum(void)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents("/sys/kernel/uevent_seqnum", &text, NULL, NULL))
		return 0;
	return g_ascii_strtoull(text, NULL, 10);
}

static struct daxd_uevents *make(void)
{
	struct daxd_uevents *u = g_new0(struct daxd_uevents, 1);

	u->listeners = g_ptr_array_new_with_free_func(listener_free);
	u->seqnum = first_seqnum();
	u->host_fd = -1;
	return u;
}

/* Forget the sockets of processes that have ended. */
static void forget_dead(struct daxd_uevents *u)
{
	guint i;

	for (i = u->listeners->len; i-- > 0;) {
		const struct listener *listener = g_ptr_array_index(u->listeners, i);

		if (listener->pid > 0 && kill(listener->pid, 0) < 0 && errno == ESRCH)
			g_ptr_array_remove_index_fast(u->listeners, i);
	}
}

/**
 * daxd_uevents_open() - make a socket for uevents
 * @reg:	the registry
 * @pid:	of the program, for finding out that it has ended
 * @uid:	of its user
 * @ret_id:	receives a number for daxd_uevents_join()
 *
 * The socket receives nothing before it has joined a group.
 *
 * Return: the program's end of it, owned by the caller, or a negative errno.
 */
int daxd_uevents_open(struct daxd_registry *reg, pid_t pid, uid_t uid, uint32_t *ret_id)
{
	struct listener *listener;
	int pair[2];

	if (!reg->uevents)
		reg->uevents = make();
	if (reg->uevents->listeners->len >= LISTENERS_MAX)
		forget_dead(reg->uevents);
	if (reg->uevents->listeners->len >= LISTENERS_MAX)
		return -ENFILE;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	listener = g_new0(struct listener, 1);
	*listener = (struct listener){
		.id = ++reg->uevents->last_id, .pid = pid, .uid = uid, .fd = pair[0]};
	g_ptr_array_add(reg->uevents->listeners, listener);
	*ret_id = listener->id;
	return pair[1];
}

/**
 * daxd_uevents_join() - set the groups whose events a socket receives
 * @reg:	the registry
 * @uid:	of the program's user
 * @id:		of the socket
 * @groups:	bit N - 1: group N
 *
 * Return: 0; -EBADF: the user has no such socket; -ENOMEM.
 */
int daxd_uevents_join(struct daxd_registry *reg, uid_t uid, uint32_t id, uint32_t groups)
{
	struct daxd_uevents *u = reg->uevents;
	const bool had_any = u && has_listener(u);
	guint i;

	for (i = 0; u && i < u->listeners->len; i++) {
		struct listener *listener = g_ptr_array_index(u->listeners, i);

		if (listener->id != id || listener->uid != uid)
			continue;
		listener->groups = groups;
		if (groups && !had_any) {
			dax_uevent_list_free(&u->shown);
			if (!u->host)
				open_host(u);
			return dax_uevent_list_make(&reg->model, &u->shown);
		}
		return 0;
	}
	return -EBADF;
}

/**
 * daxd_uevents_publish() - send the events between what listeners know and the model
 * @reg:	the registry, whose model is shown already
 *
 * Does nothing while there is no listener.
 */
void daxd_uevents_publish(struct daxd_registry *reg)
{
	struct daxd_uevents *u = reg->uevents;
	struct dax_uevent_list now;

	if (!u || !has_listener(u) || dax_uevent_list_make(&reg->model, &now) < 0)
		return;
	dax_uevent_diff(&u->shown, &now, send_event, u);
	dax_uevent_list_free(&u->shown);
	u->shown = now;
}

/**
 * daxd_uevents_synthesize() - send the event that a write to `uevent` asks for
 * @reg:	the registry
 * @path:	of the attribute that has taken the write, below /sys
 * @text:	what was written
 * @len:	bytes of it
 */
void daxd_uevents_synthesize(struct daxd_registry *reg, const char *path,
			     const char *text, size_t len)
{
	struct daxd_uevents *u = reg->uevents;
	g_autofree char *line = NULL;
	char buf[DAX_UEVENT_MAX];
	int r;

	if (!u || !has_listener(u) || !g_str_has_suffix(path, "/uevent"))
		return;
	line = g_strndup(text, len);
	r = dax_uevent_synthesize(&u->shown, path, line, u->seqnum + 1, buf);
	if (r < 0)
		return;
	u->seqnum++;
	send_message(u, buf, (size_t)r);
}

/**
 * daxd_uevents_close() - close all sockets
 * @reg:	the registry
 */
void daxd_uevents_close(struct daxd_registry *reg)
{
	struct daxd_uevents *u = g_steal_pointer(&reg->uevents);

	if (!u)
		return;
	if (u->host) {
		g_source_destroy(u->host);
		g_source_unref(u->host);
	}
	daxd_close_fd(&u->host_fd);
	g_ptr_array_free(u->listeners, TRUE);
	dax_uevent_list_free(&u->shown);
	g_free(u);
}
