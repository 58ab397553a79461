/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets for uevents. A program's netlink socket is really one end of a socket pair of the
 * daemon's, which sends on it, so poll, epoll, socket filters and timeouts are the kernel's.
 * Only addresses, credentials and options are made up here.
 */
#include "client/shim/wrap/uevent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/stat.h>

#include "libcore/size.h"
#include "libcore/uevent.h"
#include "libcore/wire.h"

#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"

#define SOCKETS_MAX 64 /* the oldest one is forgotten */
#define UDEVD_PORT  1  /* of the messages that udevd would send */

struct shim_uevent_socket {
	uint64_t ino; /* 0: unused */
	uint32_t id;
	uint32_t groups;
	int type;
};

bool shim_uevent_is_used;

static struct shim_uevent_socket sockets[SOCKETS_MAX];
static unsigned int nr_sockets; /* opened so far */

static uint64_t inode_of(int fd)
{
	struct stat st;

	return sys2(fstat, fd, &st) < 0 || !S_ISSOCK(st.st_mode) ? 0 : st.st_ino;
}

/**
 * shim_uevent_open() - open a socket for uevents
 * @type:	SOCK_RAW or SOCK_DGRAM, with flags
 *
 * Return: its descriptor; -EXDEV: leave it to the kernel, since there is no daemon, or since
 * the type is wrong.
 */
int shim_uevent_open(int type)
{
	const struct shim_session *session = shim_session();
	const int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint64_t answer[4];
	int fd = -1;
	const struct shim_request req = {
		.type = DAX_MSG_UEVENTS, .fd = -1, .ret_fd = &fd, .ret_arg = answer};
	struct shim_uevent_socket *s;

	if (!session || (kind != SOCK_RAW && kind != SOCK_DGRAM) ||
	    shim_request(session, &req) < 0 || fd < 0)
		return -EXDEV;
	sys3(fcntl, fd, F_SETFD, type & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
	if (type & SOCK_NONBLOCK)
		sys3(fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK);
	s = &sockets[__atomic_fetch_add(&nr_sockets, 1, __ATOMIC_RELAXED) % SOCKETS_MAX];
	*s = (struct shim_uevent_socket){.ino = inode_of(fd),
					 .id = (uint32_t)answer[0],
					 .type = kind};
	__atomic_store_n(&shim_uevent_is_used, true, __ATOMIC_RELEASE);
	return fd;
}

/**
 * shim_uevent_find() - the socket of a descriptor
 * @fd:		any descriptor
 *
 * Async-signal-safe. A program that has been started with such a descriptor does not know
 * it.
 *
 * Return: the socket, or NULL.
 */
struct shim_uevent_socket *shim_uevent_find(int fd)
{
	const uint64_t ino = inode_of(fd);
	size_t i;

	for (i = 0; ino && i < SOCKETS_MAX; i++)
		if (sockets[i].ino == ino)
			return &sockets[i];
	return NULL;
}

static void join(struct shim_uevent_socket *s, uint32_t groups)
{
	const struct shim_session *session = shim_session();
	const struct shim_request req = {.type = DAX_MSG_UEVENTS,
					 .arg = (uint64_t)s->id << 32 |
						(groups &
						 (DAX_UEVENT_KERNEL | DAX_UEVENT_UDEV)),
					 .fd = -1};

	s->groups = groups;
	/* Without the daemon, no event comes. */
	if (session)
		shim_request(session, &req);
}

/**
 * shim_uevent_bind() - bind(2)
 * @s:		the socket
 * @addr:	a struct sockaddr_nl; the pointer may be bad
 * @len:	bytes of it
 *
 * af_netlink.c: netlink_bind().
 *
 * Return: 0 or a negative errno.
 */
int shim_uevent_bind(struct shim_uevent_socket *s, const void *addr, socklen_t len)
{
	struct sockaddr_nl nl;

	if (len < sizeof(nl))
		return -EINVAL;
	if (shim_peek(&nl, addr, sizeof(nl)) < 0)
		return -EFAULT;
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	join(s, s->groups | nl.nl_groups);
	return 0;
}

/**
 * shim_uevent_set() - setsockopt(2) with SOL_NETLINK
 * @s:		the socket
 * @option:	NETLINK_ADD_MEMBERSHIP and NETLINK_DROP_MEMBERSHIP; others do nothing
 * @value:	the number of a group; the pointer may be bad
 * @len:	bytes of it
 *
 * Return: 0 or a negative errno.
 */
int shim_uevent_set(struct shim_uevent_socket *s, int option, const void *value,
		    socklen_t len)
{
	int group;

	if (option != NETLINK_ADD_MEMBERSHIP && option != NETLINK_DROP_MEMBERSHIP)
		return 0;
	if (len < sizeof(group))
		return -EINVAL;
	if (shim_peek(&group, value, sizeof(group)) < 0)
		return -EFAULT;
	if (group < 1 || group > 32)
		return -EINVAL;
	if (option == NETLINK_ADD_MEMBERSHIP)
		join(s, s->groups | 1u << (group - 1));
	else
		join(s, s->groups & ~(1u << (group - 1)));
	return 0;
}

/**
 * shim_uevent_get() - what getsockopt(2) says of the kind of the socket
 * @s:		the socket
 * @option:	of SOL_SOCKET
 *
 * Return: the value, or -EXDEV: that of the socket pair is right.
 */
int shim_uevent_get(const struct shim_uevent_socket *s, int option)
{
	switch (option) {
	case SO_DOMAIN:
		return AF_NETLINK;
	case SO_PROTOCOL:
		return NETLINK_KOBJECT_UEVENT;
	case SO_TYPE:
		return s->type;
	default:
		return -EXDEV;
	}
}

static int put_address(uint32_t port, uint32_t groups, void *addr, socklen_t *len)
{
	const struct sockaddr_nl nl = {.nl_family = AF_NETLINK,
				       .nl_pid = port,
				       .nl_groups = groups};
	const socklen_t real = sizeof(nl);
	socklen_t room;

	if (shim_peek(&room, len, sizeof(room)) < 0 ||
	    shim_poke(addr, &nl, dax_min(room, real)) < 0)
		return -EFAULT;
	return (int)shim_poke(len, &real, sizeof(real));
}

/**
 * shim_uevent_name() - getsockname(2)
 * @s:		the socket
 * @addr:	receives the address; the pointer may be bad
 * @len:	its room, then its length
 *
 * Return: 0 or -EFAULT.
 */
int shim_uevent_name(const struct shim_uevent_socket *s, void *addr, socklen_t *len)
{
	return put_address(s->groups ? (uint32_t)sys0(getpid) : 0, s->groups, addr, len);
}

/* The kernel's messages have port 0; those of udevd have its port. */
static uint32_t group_of(const void *data, size_t n)
{
	return n >= 8 && !memcmp(data, "libudev", 8) ? DAX_UEVENT_UDEV
						     : DAX_UEVENT_KERNEL;
}

/**
 * shim_uevent_from() - write the sender of a message as netlink does
 * @data:	the message
 * @n:		bytes of it
 * @addr:	receives the sender; may be NULL
 * @len:	its room, then its length
 */
void shim_uevent_from(const void *data, size_t n, void *addr, socklen_t *len)
{
	const uint32_t group = group_of(data, n);

	if (addr && len)
		put_address(group == DAX_UEVENT_UDEV ? UDEVD_PORT : 0, group, addr, len);
}

/**
 * shim_uevent_fix() - make a received message the kernel's or udevd's
 * @msg:	as recvmsg(2) has left it; its sender and credentials are replaced
 * @room:	bytes of its msg_name
 * @n:		bytes received
 */
void shim_uevent_fix(struct msghdr *msg, socklen_t room, size_t n)
{
	static const struct ucred root;
	struct cmsghdr *cmsg;
	char head[8] = "";

	if (msg->msg_iovlen && msg->msg_iov[0].iov_len >= sizeof(head) &&
	    n >= sizeof(head))
		memcpy(head, msg->msg_iov[0].iov_base, sizeof(head));
	if (msg->msg_name) {
		msg->msg_namelen = room;
		shim_uevent_from(head, sizeof(head), msg->msg_name, &msg->msg_namelen);
	}
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_CREDENTIALS &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(root)))
			memcpy(CMSG_DATA(cmsg), &root, sizeof(root));
}
