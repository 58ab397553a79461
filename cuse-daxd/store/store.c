/* SPDX-License-Identifier: BSD-2-Clause */
/* Backing stores: the functions common to all kinds. */
#include "cuse-daxd/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/systemd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/store/collapse.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/hugetlb.h"
#include "cuse-daxd/store/memory.h"
#include "cuse-daxd/store/pmem.h"
#include "cuse-daxd/store/slots.h"

static const struct daxd_store_ops *const ops_of[] = {
	[DAXD_MEMORY] = &daxd_memory_ops,
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

/* Learn what statx(2) says of the store's file. Return: 0, or -1 and errno. */
static int identify(struct daxd_store *store)
{
	struct statfs fs;
	struct statx stx;

	if (statx(store->rw, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx) <
		    0 ||
	    fstatfs(store->rw, &fs) < 0)
		return -1;
	store->dev = store->maps_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	store->ino = store->maps_ino = stx.stx_ino;
	store->born = daxd_born(&stx);
	store->length = stx.stx_size;
	/* Elsewhere the block size says nothing about pages. */
	if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC ||
	    (unsigned long)fs.f_type == TMPFS_MAGIC)
		store->pages = MAX(store->pages, stx.stx_blksize);
	else
		store->pages = DAX_PAGE;
	store->part =
		(unsigned long)fs.f_type == HUGETLBFS_MAGIC ? stx.stx_blksize : DAX_PAGE;
	return 0;
}

/**
 * daxd_store_make() - make the store's memory, or take what is there into use
 * @store:	opened; size, align and map are set
 * @why:	why not
 */
int daxd_store_make(struct daxd_store *store, struct daxd_why *why)
{
	int r;

	r = store->ops->make(store, why);
	if (r < 0)
		return r;
	if (identify(store) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->name,
				 strerror(errno));
	return 0;
}

/**
 * daxd_store_choose() - choose the best memory for a store, before anybody gets it
 * @store:	made
 * @is_private:	true if only the daemon's own user and root may write to it
 *
 * Only the first call does anything. Afterwards @store->pages is final. May replace the
 * store's descriptors.
 */
void daxd_store_choose(struct daxd_store *store, bool is_private)
{
	const ino_t ino = store->ino;

	if (store->is_chosen)
		return;
	store->is_chosen = true;
	if (!store->ops->choose)
		return;
	store->ops->choose(store, is_private);
	if (identify(store) < 0)
		daxd_warning("%s: statx: %s, continuing", store->name, strerror(errno));
	if (store->ino != ino && store->is_handed_over) {
		daxd_store_forget(store);
		daxd_store_hand_over(store);
	}
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
		uint64_t start = dax_round_down(off, store->part);
		uint64_t n = dax_min(len, start + step - off);
		uint64_t size = dax_round_up(off + n, store->part) - start;
		uint8_t *p =
			mmap(NULL, size, PROT_WRITE, MAP_SHARED, store->rw, (off_t)start);

		if (p == MAP_FAILED)
			return -errno;
		memset(p + (off - start), 0, n);
		munmap(p, size);
		off += n;
		len -= n;
	}
	return 0;
}

/**
 * daxd_store_zero() - set a range to zero
 * @store:	made
 * @off:	offset in the store's file
 * @len:	bytes
 *
 * Reserved memory and blocks stay reserved.
 *
 * Return: 0 or a negative errno.
 */
int daxd_store_zero(struct daxd_store *store, uint64_t off, uint64_t len)
{
	int mode = FALLOC_FL_KEEP_SIZE;

	mode |= store->backing == DAXD_MEMORY ? FALLOC_FL_PUNCH_HOLE
					      : FALLOC_FL_ZERO_RANGE;
	daxd_collapse_forget(store, off, len);
	if ((store->backing == DAXD_MEMORY || store->backing == DAXD_PMEM) &&
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

/* Touch the first byte of a store. Return: the bytes that this has allocated. */
static uint64_t touch_first(const struct daxd_store *store)
{
	struct stat st;
	char *p = mmap(NULL, store->size, PROT_WRITE, MAP_SHARED, store->rw, 0);

	if (p == MAP_FAILED)
		return 0;
	*p = 1;
	munmap(p, store->size);
	return fstat(store->rw, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

/**
 * daxd_store_check_memory() - find out which pages memory with align 2M has here
 *
 * Return: a line for daxrun --check, for the caller to g_free().
 */
char *daxd_store_check_memory(void)
{
	const struct daxd_store_spec spec = {.backing = DAXD_MEMORY, .name = "check"};
	struct daxd_store *store;
	struct daxd_why why;
	char *text;

	if (daxd_store_open(&spec, &store, &why) < 0)
		return g_strdup_printf("no (%s): no memory", why.text);
	store->size = store->align = 2 * DAX_MIB;
	if (daxd_store_make(store, &why) < 0) {
		daxd_store_free(store);
		return g_strdup_printf("no (%s): no memory", why.text);
	}
	daxd_store_choose(store, true);
	if (store->pages < store->align)
		text = g_strdup_printf("no (%s): a fault for each 4K, and slower loads",
				       store->lost);
	else if (store->collapse)
		text = g_strdup_printf("yes: 2M, made of pages of 4K after the first "
				       "touch, which is slower (no huge tmpfs: %s)",
				       store->lost);
	else if (touch_first(store) < store->align)
		text = g_strdup("no (no free memory of 2M in one piece): a fault for "
				"each 4K, and slower loads");
	else
		text = g_strdup("yes: 2M, one fault for each (align 2M and 1G)");
	daxd_store_free(store);
	return text;
}
