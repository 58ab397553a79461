/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A memfd: sparse memory of the page cache, in pages of 4 KiB, 2 MiB where the kernel
 * or MADV_COLLAPSE makes them so. It takes memory as it is touched.
 */
#include "cuse-daxd/store/memfd.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "cuse-daxd/base/fail.h"

static int make_memfd(struct daxd_store *store, struct daxd_why *why)
{
	int r = daxd_file_take_back(store, 4096, why);

	if (r != 0)
		return MIN(r, 0);
	store->rw = daxd_file_make_memfd(store->name, MFD_ALLOW_SEALING);
	if (store->rw < 0)
		return daxd_fail(why, errno, "%s: memfd_create: %s%s", store->name,
				 strerror(errno),
				 errno == EMFILE ? " (raise ulimit -n)" : "");
	if (ftruncate(store->rw, (off_t)store->size) < 0)
		return daxd_fail(why, errno,
				 "%s: its memfd can't have %llu bytes: %s "
				 "(make it smaller, or raise ulimit -f)",
				 store->name, (unsigned long long)store->size,
				 strerror(errno));
	return daxd_file_seal(store, why);
}

const struct daxd_store_ops daxd_memfd_ops = {
	.make = make_memfd,
};
