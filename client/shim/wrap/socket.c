/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that give a socket a path, or look one up, and those of uevent.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/path.h"
#include "client/shim/wrap/change.h"
#include "client/shim/wrap/uevent.h"
#include "client/shim/wrap/wrap.h"

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

/*
 * Copies the path of a socket's address. @path: receives it, terminated. Return: false if
 * the address has none, or if it cannot be read.
 */
static bool path_of(const void *addr, socklen_t len,
		    char path[sizeof(struct sockaddr_un)])
{
	struct sockaddr_un un;

	if (len <= PATH_AT || len > sizeof(un) || shim_peek(&un, addr, len) < 0 ||
	    un.sun_family != AF_UNIX || !un.sun_path[0])
		return false;
	memcpy(path, un.sun_path, len - PATH_AT);
	path[len - PATH_AT] = '\0';
	return true;
}

/* The socket would be a plain file in /dev. A name that exists is in use (net/unix). */
SHIM_EXPORT int bind(int sock, const struct sockaddr *addr, socklen_t len)
{
	char path[sizeof(struct sockaddr_un)];
	struct shim_uevent_socket *uevent = shim_uevent_of(sock);
	int r = path_of(addr, len, path) ? shim_change_make(AT_FDCWD, path) : 0;

	if (unlikely(r < 0))
		return (int)shim_ret(r == -EEXIST ? -EADDRINUSE : r);
	if (unlikely(uevent))
		return (int)shim_ret(shim_uevent_bind(uevent, addr, len));
	return REAL(bind)(sock, addr, len);
}

/* No emulated file is a socket. Return: the errno of a look at its path, negative. */
static SHIM_COLD int connect_ours(const char *path)
{
	char buf[PATH_MAX];
	long r;

	if (shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf) == path)
		return -ENOENT;
	r = sys3(faccessat, AT_FDCWD, buf, W_OK);
	return r < 0 ? (int)r : -ECONNREFUSED;
}

SHIM_EXPORT int connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	char path[sizeof(struct sockaddr_un)];
	int r = REAL(connect)(sock, addr, len);

	if (unlikely(r < 0 && errno == ENOENT) && path_of(addr, len, path) &&
	    dax_path_has_word(path))
		return (int)shim_ret(connect_ours(path));
	return r;
}

SHIM_EXPORT int socket(int domain, int type, int protocol)
{
	int r;

	if (likely(domain != AF_NETLINK) || protocol != NETLINK_KOBJECT_UEVENT)
		return REAL(socket)(domain, type, protocol);
	r = shim_uevent_open(type);
	return r == -EXDEV ? REAL(socket)(domain, type, protocol) : r;
}

SHIM_EXPORT int getsockname(int sock, struct sockaddr *addr, socklen_t *len)
{
	const struct shim_uevent_socket *uevent = shim_uevent_of(sock);

	if (unlikely(uevent))
		return (int)shim_ret(shim_uevent_name(uevent, addr, len));
	return REAL(getsockname)(sock, addr, len);
}

SHIM_EXPORT int getsockopt(int sock, int level, int option, void *value, socklen_t *len)
{
	const struct shim_uevent_socket *uevent = shim_uevent_of(sock);
	int r = REAL(getsockopt)(sock, level, option, value, len);
	int own =
		uevent && level == SOL_SOCKET ? shim_uevent_get(uevent, option) : -EXDEV;

	if (unlikely(own != -EXDEV) && r == 0 && *len == sizeof(own))
		memcpy(value, &own, sizeof(own));
	return r;
}

SHIM_EXPORT int setsockopt(int sock, int level, int option, const void *value,
			   socklen_t len)
{
	struct shim_uevent_socket *uevent = shim_uevent_of(sock);

	if (unlikely(uevent) && level == SOL_NETLINK)
		return (int)shim_ret(shim_uevent_set(uevent, option, value, len));
	return REAL(setsockopt)(sock, level, option, value, len);
}

/* @room: the length of the address before the call. */
static ssize_t received(int sock, const void *buf, ssize_t r, struct sockaddr *addr,
			socklen_t *len, socklen_t room)
{
	if (r >= 0 && addr && len && shim_uevent_of(sock)) {
		*len = room;
		shim_uevent_from(buf, (size_t)r, addr, len);
	}
	return r;
}

SHIM_EXPORT ssize_t recvfrom(int sock, void *buf, size_t n, int flags,
			     struct sockaddr *addr, socklen_t *len)
{
	const socklen_t room = unlikely(shim_uevent_is_used) && addr && len ? *len : 0;

	return received(sock, buf, REAL(recvfrom)(sock, buf, n, flags, addr, len), addr,
			len, room);
}

SHIM_EXPORT ssize_t __recvfrom_chk(int sock, void *buf, size_t n, size_t size, int flags,
				   struct sockaddr *addr, socklen_t *len)
{
	const socklen_t room = unlikely(shim_uevent_is_used) && addr && len ? *len : 0;

	return received(sock, buf,
			REAL(__recvfrom_chk)(sock, buf, n, size, flags, addr, len), addr,
			len, room);
}
