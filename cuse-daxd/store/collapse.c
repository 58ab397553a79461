/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make the touched units of memfds huge: one page of 2 MiB instead of 512 of 4 KiB.
 *
 * Where no huge tmpfs can be mounted, the kernel gives a memfd pages of 4 KiB, and
 * MADV_COLLAPSE (Linux 6.1) replaces those of a unit by a huge one for all processes that
 * map it. The daemon cannot see a touch, but it sees that a file has more blocks: while
 * files grow, it looks every millisecond, and less and less often when they do not. It
 * collapses one unit in each turn of the main loop, so that clients need not wait.
 */
#include "cuse-daxd/store/collapse.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/size.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/store/file.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define UNIT       (2 * DAX_MIB)
#define WAIT_LEAST (G_USEC_PER_SEC / 1000)
#define WAIT_MOST  (G_USEC_PER_SEC / 4)
#define RETRIES    4

struct daxd_collapse {
	struct daxd_store *store;
	uint8_t *is_done;   /* a bit for each unit */
	uint64_t next;      /* the byte where the scan continues */
	blkcnt_t blocks;    /* of the file when the last scan began */
	unsigned int tries; /* scans that are still due although the file did not grow */
	bool is_scanning;
	bool has_failed; /* the scan has met a unit that could not be collapsed */
};

static GPtrArray *all; /* struct daxd_collapse * */
static GSource *source;
static gint64 wait_us;

/* Return: room for one unit at a multiple of its size, or MAP_FAILED. */
static uint8_t *window(void)
{
	static uint8_t *place;
	uint8_t *p;

	if (place)
		return place;
	p = mmap(NULL, 2 * UNIT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return p;
	place = p + (-(uintptr_t)p & (UNIT - 1));
	return place;
}

/* Collapse a unit, some of which is there. Return: 0 or a negative errno. */
static int collapse_unit(int fd, uint64_t off)
{
	void *p = window();
	int r = 0;

	if (p == MAP_FAILED || mmap(p, UNIT, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, fd, (off_t)off) == MAP_FAILED)
		return -errno;
	if (madvise(p, UNIT, MADV_COLLAPSE) < 0)
		r = -errno;
	/* The daemon must not hold the memory, nor get SIGBUS from it. */
	mmap(p, UNIT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return r;
}

/* Find the next unit with data that is not collapsed. Return: false if there is none. */
static bool find_unit(struct daxd_collapse *c, uint64_t *ret)
{
	while (c->next < c->store->size) {
		off_t data = lseek(c->store->rw, (off_t)c->next, SEEK_DATA);
		uint64_t unit;

		if (data < 0)
			return false;
		unit = (uint64_t)data / UNIT;
		c->next = (unit + 1) * UNIT;
		if (c->next <= c->store->size &&
		    !(c->is_done[unit / 8] >> (unit % 8) & 1)) {
			*ret = unit;
			return true;
		}
	}
	return false;
}

/* Do one step for a store. Return: true if there was something to do. */
static bool step(struct daxd_collapse *c)
{
	struct stat st;
	uint64_t unit;

	if (!c->is_scanning) {
		if (fstat(c->store->rw, &st) < 0 ||
		    (st.st_blocks == c->blocks && !c->tries))
			return false;
		if (st.st_blocks != c->blocks)
			c->tries = RETRIES;
		else
			c->tries--;
		c->blocks = st.st_blocks;
		c->next = 0;
		c->has_failed = false;
		c->is_scanning = true;
	}
	if (!find_unit(c, &unit)) {
		c->is_scanning = false;
		if (!c->has_failed)
			c->tries = 0;
		return false;
	}
	if (collapse_unit(c->store->rw, unit * UNIT) == 0)
		c->is_done[unit / 8] |= (uint8_t)(1 << unit % 8);
	else
		c->has_failed = true; /* pinned, or no huge page is free: try later */
	return true;
}

static gboolean on_turn(gpointer data)
{
	bool is_busy = false;
	guint i;

	(void)data;
	for (i = 0; i < all->len && !is_busy; i++)
		is_busy = step(g_ptr_array_index(all, i));
	wait_us = is_busy ? 0 : CLAMP(2 * wait_us, WAIT_LEAST, WAIT_MOST);
	g_source_set_ready_time(source, g_get_monotonic_time() + wait_us);
	return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *of, GSourceFunc callback, gpointer data)
{
	(void)of;
	return callback(data);
}

/* Check whether the kernel can collapse a memfd. Return: 0 or a negative errno. */
static int try_it(void)
{
	_cleanup_close_ int fd = daxd_file_make_memfd("collapse", 0);

	if (fd < 0 || ftruncate(fd, UNIT) < 0 || pwrite(fd, "x", 1, 0) != 1)
		return -errno;
	return collapse_unit(fd, 0);
}

static void collapse_free(void *data)
{
	struct daxd_collapse *c = data;

	g_free(c->is_done);
	g_free(c);
}

static void start(void)
{
	static GSourceFuncs funcs = {.dispatch = dispatch};

	all = g_ptr_array_new_with_free_func(collapse_free);
	source = g_source_new(&funcs, sizeof(GSource));
	g_source_set_priority(source, G_PRIORITY_LOW);
	g_source_set_callback(source, on_turn, NULL, NULL);
	g_source_attach(source, NULL);
}

/**
 * daxd_collapse_add() - make touched units of a store huge from now on
 * @store:	a memfd of whole units; daxd_collapse_remove() ends it
 *
 * Return: 0, or a negative errno if this does not work here.
 */
int daxd_collapse_add(struct daxd_store *store)
{
	static int works = 1;
	struct daxd_collapse *c;

	if (works > 0)
		works = try_it();
	if (works < 0)
		return works;
	if (!all)
		start();
	c = g_new0(struct daxd_collapse, 1);
	c->store = store;
	c->is_done = g_malloc0(store->size / UNIT / 8 + 1);
	g_ptr_array_add(all, c);
	store->collapse = c;
	daxd_collapse_hurry();
	return 0;
}

/**
 * daxd_collapse_remove() - leave a store as it is from now on
 * @store:	any store
 */
void daxd_collapse_remove(struct daxd_store *store)
{
	if (!store->collapse)
		return;
	g_ptr_array_remove_fast(all, store->collapse);
	store->collapse = NULL;
	if (all->len)
		return;
	g_source_destroy(source);
	g_clear_pointer(&source, g_source_unref);
	g_clear_pointer(&all, g_ptr_array_unref);
}

/**
 * daxd_collapse_forget() - note that memory was freed, and may be touched again
 * @store:	any store
 * @off, @len:	the range in its file, in bytes
 */
void daxd_collapse_forget(struct daxd_store *store, uint64_t off, uint64_t len)
{
	uint64_t unit;

	if (!store->collapse)
		return;
	for (unit = off / UNIT; unit * UNIT < off + len; unit++)
		store->collapse->is_done[unit / 8] &= (uint8_t) ~(1 << unit % 8);
}

/**
 * daxd_collapse_hurry() - expect that memory is touched soon
 */
void daxd_collapse_hurry(void)
{
	if (!source)
		return;
	wait_us = WAIT_LEAST;
	g_source_set_ready_time(source, 0);
}
