/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Close descriptors that may block.
 *
 * One short-lived thread closes each descriptor. (cuse_session.c has the daemon's other
 * thread.) A user with too many closes pending is ignored until some finish.
 */
#include "cuse-daxd/base/untrusted_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <pthread.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cuse-daxd/base/quota.h"

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
 * daxd_untrusted_fd_stat() - get the attributes of a file from the kernel's cache
 * @fd:		any descriptor
 * @ret:	receives mode, owner, links, device, inode number, and the time of birth
 *		if the file system has it; the rest may be stale
 *
 * Never blocks, whatever file system the file is on.
 *
 * Return: 0 or a negative errno.
 */
int daxd_untrusted_fd_stat(int fd, struct statx *ret)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_BASIC_STATS | STATX_BTIME, ret) < 0)
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
 * daxd_untrusted_fd_close() - close a descriptor received from a client
 * @fd:		the descriptor
 * @ours:	st_dev of the daemon's two file systems, where close(2) never blocks: those of
 *		the runtime directory and of the handles
 * @uid:	the client's user
 *
 * Never blocks.
 */
void daxd_untrusted_fd_close(int fd, const dev_t ours[2], uid_t uid)
{
	struct closing *closing;
	pthread_attr_t attr;
	struct statx stx;
	pthread_t thread;

	if (daxd_untrusted_fd_stat(fd, &stx) == 0) {
		const dev_t dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);

		if (dev == ours[0] || dev == ours[1]) {
			close(fd);
			return;
		}
	}
	/* Never NULL, as is_banned() is called first. If it is, a leak beats a hang. */
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
 * daxd_untrusted_fd_is_banned() - check whether messages of a user must not be received
 * @uid:	the user
 *
 * The kernel closes the descriptors of messages that are not received; the daemon does
 * not wait for it.
 *
 * Return: true if too many descriptors of this user, or of all users, are still closing.
 */
bool daxd_untrusted_fd_is_banned(uid_t uid)
{
	struct daxd_quota_use use = {0};
	unsigned int i;

	pthread_mutex_lock(&stuck.lock);
	for (i = 0; stuck.count && i < STUCK_MAX; i++)
		if (stuck.closing[i].is_used)
			daxd_quota_count(&use, stuck.closing[i].uid, uid);
	pthread_mutex_unlock(&stuck.lock);
	/* Leave room for the four descriptors that one message may carry. */
	return !daxd_quota_has_room(&use, uid, STUCK_MAX - 3, STUCK_PER_UID_MAX);
}
