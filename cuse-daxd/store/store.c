/* SPDX-License-Identifier: BSD-2-Clause */
/* Backing stores: the functions common to all kinds. */
#include "cuse-daxd/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/systemd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/hugetlb.h"
#include "cuse-daxd/store/memfd.h"
#include "cuse-daxd/store/pmem.h"
#include "cuse-daxd/store/slots.h"

static const struct daxd_store_ops *const ops_of[] = {
	[DAXD_MEMFD] = &daxd_memfd_ops,
	[DAXD_HUGETLB] = &daxd_hugetlb_ops,
	[DAXD_HUGETLBFS] = &daxd_hugetlb_fs_ops,
	[DAXD_PMEM] = &daxd_pmem_ops,
};

/**
 * daxd_store_open() - examine a backing store without changing anything
 * @spec:	the requested properties
 * @ret:	receives the store, for daxd_store_free()
 * @why:	receives the reason of a failure
 *
 * If there is a file with content, this sets the store's size, align and map, and
 * has_content; otherwise the caller sets them before daxd_store_make().
 *
 * Return: 0 or a negative errno.
 */
int daxd_store_open(const struct daxd_store_spec *spec, struct daxd_store **ret,
		    struct daxd_why *why)
{
	struct daxd_store *store = g_new0(struct daxd_store, 1);
	int r;

	store->ops = ops_of[spec->backing];
	store->backing = spec->backing;
	store->path = g_strdup(spec->path);
	store->name = g_strdup(spec->name);
	store->asked = spec->size;
	store->may_wipe = spec->may_wipe;
	store->wants_record = spec->wants_record;
	store->rw = -1;
	store->ro = -1;
	if (store->ops->open) {
		r = store->ops->open(store, why);
		if (r < 0) {
			daxd_store_free(store);
			return r;
		}
	}
	*ret = store;
	return 0;
}

/**
 * daxd_store_fit() - compute the largest device that fits into an existing, empty file
 * @store:	opened, with room
 * @align:	of the device
 * @map:	of the region
 *
 * Return: usable bytes; 0 if the file is too small.
 */
uint64_t daxd_store_fit(const struct daxd_store *store, uint64_t align,
			enum dax_region_map map)
{
	return store->ops->fit ? store->ops->fit(store, align, map) : store->room;
}

/**
 * daxd_store_make() - make the store's memory, or take what is there into use
 * @store:	opened; size, align and map are set
 * @why:	why not
 */
int daxd_store_make(struct daxd_store *store, struct daxd_why *why)
{
	struct stat st;
	int r;

	r = store->ops->make(store, why);
	if (r < 0)
		return r;
	if (fstat(store->rw, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->name,
				 strerror(errno));
	store->dev = store->maps_dev = st.st_dev;
	store->ino = store->maps_ino = st.st_ino;
	store->length = (uint64_t)st.st_size;
	return 0;
}

/**
 * daxd_store_keep() - keep a file that this start has created, as the start succeeded
 * @store:	the store
 */
void daxd_store_keep(struct daxd_store *store)
{
	store->is_kept = true;
}

/**
 * daxd_store_hand_over() - let a volatile store outlive the daemon
 * @store:	made
 *
 * If systemd has started the daemon, it keeps the descriptor until the service is
 * stopped, and passes it to the next daemon: daxd_file_take_back().
 */
void daxd_store_hand_over(struct daxd_store *store)
{
	int r;

	if (store->path || store->is_handed_over || !daxd_systemd_has_store())
		return;
	r = daxd_systemd_keep(store->name, store->rw);
	if (r < 0)
		daxd_warning("%s: systemd does not keep it: %s; its content will not "
			     "survive a restart, continuing",
			     store->name, strerror(-r));
	store->is_handed_over = r == 0;
}

/**
 * daxd_store_forget() - give up the content of a store, as its device is gone
 * @store:	made
 */
void daxd_store_forget(struct daxd_store *store)
{
	if (store->is_handed_over)
		daxd_systemd_forget(store->name);
	store->is_handed_over = false;
}

/**
 * daxd_store_sync() - flush a store, so that its content survives a crash of the machine
 * @store:	the store
 *
 * Return: 0, also for stores whose content never survives; or the negative errno of
 * fsync(2).
 */
int daxd_store_sync(struct daxd_store *store)
{
	return store->ops->sync ? store->ops->sync(store) : 0;
}

/* Zero by writing to a mapping: huge pages stay reserved, blocks stay allocated. */
static int zero_mapped(const struct daxd_store *store, uint64_t off, uint64_t len)
{
	const uint64_t step = DAX_GIB;

	while (len) {
		uint64_t n = dax_min(len, step);
		void *p = mmap(NULL, n, PROT_WRITE, MAP_SHARED, store->rw, (off_t)off);

		if (p == MAP_FAILED)
			return -errno;
		memset(p, 0, n);
		munmap(p, n);
		off += n;
		len -= n;
	}
	return 0;
}

/**
 * daxd_store_zero() - set a range to zero
 * @store:	made
 * @off:	offset in the store's file, a multiple of 4K, with huge pages of 2M
 * @len:	bytes, a multiple as @off
 *
 * Reserved memory and blocks stay reserved.
 *
 * Return: 0 or a negative errno.
 */
int daxd_store_zero(struct daxd_store *store, uint64_t off, uint64_t len)
{
	int mode = FALLOC_FL_KEEP_SIZE;

	mode |= store->backing == DAXD_MEMFD ? FALLOC_FL_PUNCH_HOLE
					     : FALLOC_FL_ZERO_RANGE;
	if ((store->backing == DAXD_MEMFD || store->backing == DAXD_PMEM) &&
	    fallocate(store->rw, mode, (off_t)off, (off_t)len) == 0)
		return 0;
	return zero_mapped(store, off, len);
}

/**
 * daxd_store_free() - close a store
 * @store:	in any state, or NULL
 *
 * Removes a file that this start has created, unless daxd_store_keep() was called.
 * Programs that have the store mapped or open keep its memory.
 */
void daxd_store_free(struct daxd_store *store)
{
	if (!store)
		return;
	if (store->is_mine && !store->is_kept)
		unlink(store->path);
	if (store->ops->close)
		store->ops->close(store);
	daxd_slots_done(&store->record);
	daxd_close_fd(&store->rw);
	daxd_close_fd(&store->ro);
	g_free(store->path);
	g_free(store->name);
	g_free(store);
}

/**
 * daxd_store_is_volatile() - check whether the content is lost on the last close
 * @store:	the store
 *
 * Return: true if it is.
 */
bool daxd_store_is_volatile(const struct daxd_store *store)
{
	return !store->path && !store->is_handed_over;
}
