/* SPDX-License-Identifier: BSD-2-Clause */
/* Count how many of a limited thing each user has. */
#include "cuse-daxd/base/shares.h"

#include <glib.h>
#include <sys/types.h>

#include "cuse-daxd/base/quota.h"
#include "cuse-daxd/base/util.h"

/**
 * daxd_shares_init() - start counting from nothing
 * @shares:	to be ended by daxd_shares_done()
 */
void daxd_shares_init(struct daxd_shares *shares)
{
	*shares = (struct daxd_shares){
		.by_uid = g_hash_table_new(g_direct_hash, g_direct_equal)};
}

/**
 * daxd_shares_done() - forget all counts
 * @shares:	after daxd_shares_init()
 */
void daxd_shares_done(struct daxd_shares *shares)
{
	g_clear_pointer(&shares->by_uid, g_hash_table_unref);
}

static unsigned int share_of(const struct daxd_shares *shares, uid_t uid)
{
	return GPOINTER_TO_UINT(
		g_hash_table_lookup(shares->by_uid, GUINT_TO_POINTER(uid)));
}

/**
 * daxd_shares_add() - count one more or one less
 * @shares:	after daxd_shares_init()
 * @uid:	the user who has or had it
 * @change:	1 or -1
 */
void daxd_shares_add(struct daxd_shares *shares, uid_t uid, int change)
{
	unsigned int count = share_of(shares, uid) + (unsigned int)change;

	if (count)
		g_hash_table_insert(shares->by_uid, GUINT_TO_POINTER(uid),
				    GUINT_TO_POINTER(count));
	else
		g_hash_table_remove(shares->by_uid, GUINT_TO_POINTER(uid));
	shares->all += (unsigned int)change;
	if (!daxd_uid_is_trusted(uid))
		shares->others += (unsigned int)change;
}

/**
 * daxd_shares_use() - tell how much is in use
 * @shares:	after daxd_shares_init()
 * @uid:	the user who asks for more
 *
 * Return: what daxd_quota_has_room() decides by.
 */
struct daxd_quota_use daxd_shares_use(const struct daxd_shares *shares, uid_t uid)
{
	return (struct daxd_quota_use){.all = shares->all,
				       .others = shares->others,
				       .of_uid = share_of(shares, uid)};
}

/**
 * daxd_shares_greediest() - find the user who has most
 * @shares:	after daxd_shares_init()
 * @otherwise:	the answer if only root and the daemon's user have any
 *
 * Return: the user, never root or the daemon's unless @otherwise is.
 */
uid_t daxd_shares_greediest(const struct daxd_shares *shares, uid_t otherwise)
{
	uid_t uid = otherwise;
	GHashTableIter iter;
	gpointer count;
	gpointer key;
	guint most = 0;

	g_hash_table_iter_init(&iter, shares->by_uid);
	while (g_hash_table_iter_next(&iter, &key, &count)) {
		if (GPOINTER_TO_UINT(count) <= most ||
		    daxd_uid_is_trusted(GPOINTER_TO_UINT(key)))
			continue;
		most = GPOINTER_TO_UINT(count);
		uid = GPOINTER_TO_UINT(key);
	}
	return uid;
}
