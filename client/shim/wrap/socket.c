/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that give a socket a path, or look one up. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
	int r = path_of(addr, len, path) ? shim_change_make(AT_FDCWD, path) : 0;

	if (unlikely(r < 0))
		return (int)shim_ret(r == -EEXIST ? -EADDRINUSE : r);
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
