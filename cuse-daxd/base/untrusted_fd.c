/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that a client sent and that are not of our own files.
 *
 * The only threads of the daemon: each closes one descriptor and ends. Who has left us
 * with too many that do not end is not listened to until they do.
 */
#include "cuse-daxd/base/untrusted_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <pthread.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STUCK_MAX         256
#define STUCK_PER_UID_MAX 32

static struct {
	pthread_mutex_t lock;
	unsigned int count;
	struct closing {
		bool is_used;
		int fd;
		uid_t uid;
	} closing[STUCK_MAX];
} stuck = {.lock = PTHREAD_MUTEX_INITIALIZER};

/**
 * daxd_untrusted_fd_stat() - what the kernel knows of a descriptor's file without asking
 * @fd:		any descriptor
 * @ret:	mode, owner, links, device and inode number are good
 */
int daxd_untrusted_fd_stat(int fd, struct statx *ret)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, ret) < 0)
		return -errno;
	return 0;
}

static void *close_it(void *arg)
{
	struct closing *closing = arg;

	close(closing->fd);
	pthread_mutex_lock(&stuck.lock);
	closing->is_used = false;
	stuck.count--;
	pthread_mutex_unlock(&stuck.lock);
	return NULL;
}

static struct closing *take_place(int fd, uid_t uid)
{
	struct closing *found = NULL;
	unsigned int i;

	pthread_mutex_lock(&stuck.lock);
	for (i = 0; i < STUCK_MAX && !found; i++)
		if (!stuck.closing[i].is_used)
			found = &stuck.closing[i];
	if (found) {
		*found = (struct closing){.is_used = true, .fd = fd, .uid = uid};
		stuck.count++;
	}
	pthread_mutex_unlock(&stuck.lock);
	return found;
}

/**
 * daxd_untrusted_fd_close() - close a descriptor that a client sent
 * @fd:		the descriptor
 * @ours:	st_dev of the file system that our own files are on: never waits
 * @uid:	whose it was
 */
void daxd_untrusted_fd_close(int fd, dev_t ours, uid_t uid)
{
	struct closing *closing;
	pthread_attr_t attr;
	struct statx stx;
	pthread_t thread;

	if (daxd_untrusted_fd_stat(fd, &stx) == 0 &&
	    makedev(stx.stx_dev_major, stx.stx_dev_minor) == ours) {
		close(fd);
		return;
	}
	/* Cannot be NULL: is_banned() comes before. If it is, better leak than hang. */
	closing = take_place(fd, uid);
	if (!closing)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, MAX(PTHREAD_STACK_MIN, 64 << 10));
	if (pthread_create(&thread, &attr, close_it, closing) != 0)
		close_it(closing);
	pthread_attr_destroy(&attr);
}

/**
 * daxd_untrusted_fd_is_banned() - shall nothing be received from this user?
 * @uid:	the user
 *
 * What is not received is closed by the kernel, which does not wait.
 */
bool daxd_untrusted_fd_is_banned(uid_t uid)
{
	unsigned int count = 0;
	unsigned int total;
	unsigned int i;

	pthread_mutex_lock(&stuck.lock);
	total = stuck.count;
	for (i = 0; total && i < STUCK_MAX; i++)
		if (stuck.closing[i].is_used && stuck.closing[i].uid == uid)
			count++;
	pthread_mutex_unlock(&stuck.lock);
	/* Room is left for the four descriptors that one message may bring. */
	return count >= STUCK_PER_UID_MAX || total > STUCK_MAX - 4;
}
