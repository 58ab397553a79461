/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shares of what is limited: connections, processes, watchers, counters.
 *
 * A limit for each user is not enough: with a user namespace one person has 65,536 users.
 * So a quarter of everything is kept for root and the daemon's user.
 */
#ifndef DAXD_BASE_QUOTA_H
#define DAXD_BASE_QUOTA_H

#include <stdbool.h>
#include <sys/types.h>

#include "cuse-daxd/base/util.h"

/* How much is in use. */
struct daxd_quota_use {
	unsigned int all;    /* in total */
	unsigned int others; /* by all users but root and the daemon's */
	unsigned int of_uid; /* by the user who asks for more */
};

/* The part of a limit that users other than root and the daemon's have in total. */
static inline unsigned int daxd_quota_of_others(unsigned int max)
{
	return max - max / 4;
}

/* Count one that is in use by @owner, on behalf of @uid. */
static inline void daxd_quota_count(struct daxd_quota_use *use, uid_t owner, uid_t uid)
{
	use->all++;
	use->others += !daxd_uid_is_trusted(owner);
	use->of_uid += owner == uid;
}

/* True if a user may have one more. */
static inline bool daxd_quota_has_room(const struct daxd_quota_use *use, uid_t uid,
				       unsigned int max, unsigned int uid_max)
{
	return use->all < max && use->of_uid < uid_max &&
	       (daxd_uid_is_trusted(uid) || use->others < daxd_quota_of_others(max));
}

#endif
