/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors whose calls the filter must stop: those of devices and attributes, of
 * directories with emulated or hidden entries, and of /proc/self/maps and pagemap.
 *
 * The functions run in a context, unless they say otherwise.
 */
#include "client/graft/descriptor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "client/shim/memory/pagemap_show.h"
#include "client/shim/memory/procmap.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/graft/context.h"
#include "client/graft/filter.h"

/* Looks at its type first: most descriptors of most programs need no more. */
static bool is_ours(int fd)
{
	char extra[PATH_MAX];
	struct stat st;

	if (shim_own_fd_is(fd))
		return true;
	if (sys2(fstat, fd, &st) != 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return shim_path_is_shared_dir(fd, NULL, extra) ||
		       shim_own_fd_is_list(fd);
	return shim_ident_stat(&st).kind != SHIM_OTHER ||
	       (S_ISREG(st.st_mode) &&
		(shim_procmap_is_list(fd) || shim_pagemap_show_is_own(fd)));
}

/**
 * graft_descriptor_new() - see to it that the calls on a new descriptor are stopped
 * @fd:	the descriptor, or a negative errno
 *
 * Return: the descriptor that the program gets, or a negative errno.
 */
long graft_descriptor_new(long fd)
{
	if (fd < 0 || !is_ours((int)fd) || graft_filter_watch((int)fd))
		return fd;
	/* The kernel would answer calls on it as for the backing store. */
	sys1(close, fd);
	return -ENFILE;
}

/* The same for a descriptor that the program already has. */
static void watch(int fd)
{
	shim_ident_forget(fd);
	if (is_ours(fd))
		graft_filter_watch(fd);
}

static void look(void *unused)
{
	char buf[2048] __attribute__((aligned(8)));
	const long dir = sys3(openat, AT_FDCWD, "/proc/self/fd",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n;

	(void)unused;
	while (dir >= 0 && (n = sys3(getdents64, dir, buf, sizeof(buf))) > 0) {
		long pos = 0;

		while (pos < n) {
			const struct dirent64 *entry =
				(const struct dirent64 *)(const void *)(buf + pos);
			const char *p = entry->d_name;
			int fd = 0;

			for (; *p >= '0' && *p <= '9'; p++)
				fd = fd * 10 + (*p - '0');
			if (!*p && fd != dir)
				watch(fd);
			pos += entry->d_reclen;
		}
	}
	if (dir >= 0)
		sys1(close, dir);
}

/**
 * graft_descriptor_look() - watch the descriptors that the program has inherited
 *
 * Called outside of any context.
 */
void graft_descriptor_look(void)
{
	graft_context_run_masked(look, NULL);
}

/* Watches the descriptors in the control data of a message. */
static void watch_received(void *arg)
{
	struct msghdr *msg = arg;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = c->cmsg_len > CMSG_LEN(0) ? c->cmsg_len - CMSG_LEN(0) : 0;
		size_t i;
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < n / sizeof(fd); i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			watch(fd);
		}
	}
}

/**
 * graft_descriptor_receive() - answer recvmsg(2) and recvmmsg(2)
 * @c:	the call
 *
 * Called outside of any context.
 *
 * Return: a value or a negative errno.
 */
long graft_descriptor_receive(const struct graft_call *c)
{
	const long r = graft_call_interruptible(c);
	struct mmsghdr *messages = (struct mmsghdr *)c->args[1];
	long i;

	if (r < 0)
		return r;
	if (c->nr == SYS_recvmsg) {
		graft_context_run(watch_received, (void *)c->args[1]);
		return r;
	}
	for (i = 0; i < r; i++)
		graft_context_run(watch_received, &messages[i].msg_hdr);
	return r;
}
