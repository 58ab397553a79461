/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap poll(2) and ppoll(2): an attribute that was not read yet is ready at once. */
#include "client/shim/wrap/poll.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/wrap/wrap.h"

/* How many descriptors of a call are checked at most. */
#define NR_LOOK 64

/*
 * Adds the events of unread attributes (fs/kernfs/file.c: kernfs_generic_poll()). The
 * kernel reports all other events, as the daemon's file is always ready, but never these.
 * Return: how many descriptors have events that had none before.
 */
static SHIM_COLD int add_news(struct pollfd *fds, nfds_t n)
{
	int more = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (fds[i].fd < 0 || !shim_ident_is_unread(fds[i].fd))
			continue;
		more += !fds[i].revents;
		fds[i].revents |= (short)(POLLERR | (fds[i].events & POLLPRI));
	}
	return more;
}

static SHIM_COLD bool has_news(const struct pollfd *fds, nfds_t n)
{
	struct pollfd one;
	nfds_t i;

	for (i = 0; i < n && i < NR_LOOK; i++)
		if (shim_peek(&one, fds + i, sizeof(one)) == 0 && one.fd >= 0 &&
		    shim_ident_is_unread(one.fd))
			return true;
	return false;
}

/**
 * shim_poll_has_news() - tell whether poll(2) returns at once because of an attribute
 * @fds, @n:	its arguments, which may be bad
 *
 * Async-signal-safe.
 *
 * Return: true if one of the descriptors is an attribute that was not read yet.
 */
bool shim_poll_has_news(const struct pollfd *fds, nfds_t n)
{
	return shim_ident_any_unread() && has_news(fds, n);
}

static SHIM_COLD int poll_news(struct pollfd *fds, nfds_t n)
{
	const struct timespec now = {0};
	long r = sys5(ppoll, fds, n, &now, NULL, 0);

	return (int)shim_ret(r < 0 ? r : r + add_news(fds, n));
}

SHIM_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (shim_poll_has_news(fds, n))
		return poll_news(fds, n);
	return REAL(poll)(fds, n, timeout);
}

SHIM_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		      const sigset_t *mask)
{
	if (shim_poll_has_news(fds, n))
		return poll_news(fds, n);
	return REAL(ppoll)(fds, n, timeout, mask);
}

/* The same of programs that were built with _FORTIFY_SOURCE. */
SHIM_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	if (shim_poll_has_news(fds, n))
		return poll_news(fds, n);
	return REAL(__poll_chk)(fds, n, timeout, room);
}

SHIM_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
			    const sigset_t *mask, size_t room)
{
	if (shim_poll_has_news(fds, n))
		return poll_news(fds, n);
	return REAL(__ppoll_chk)(fds, n, timeout, mask, room);
}
