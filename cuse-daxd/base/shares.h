/* SPDX-License-Identifier: BSD-2-Clause */
/* Count how many of a limited thing each user has: connections, processes. */
#ifndef DAXD_BASE_SHARES_H
#define DAXD_BASE_SHARES_H

#include <glib.h>
#include <sys/types.h>

#include "cuse-daxd/base/quota.h"

struct daxd_shares {
	GHashTable *by_uid; /* uid -> number */
	unsigned int all;
	unsigned int others; /* of users other than root and the daemon's */
};

void daxd_shares_init(struct daxd_shares *shares);
void daxd_shares_done(struct daxd_shares *shares);
void daxd_shares_add(struct daxd_shares *shares, uid_t uid, int change);
struct daxd_quota_use daxd_shares_use(const struct daxd_shares *shares, uid_t uid);
uid_t daxd_shares_greediest(const struct daxd_shares *shares, uid_t otherwise);

#endif
