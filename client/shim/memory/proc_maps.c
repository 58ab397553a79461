/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Show a process its dax mappings in /proc/self/maps, smaps and numa_maps as real ones, and
 * its touched memory in smaps_rollup, status, statm and stat.
 *
 * When the program opens such a file, it gets a copy in which the lines of its dax
 * mappings are replaced, and the numbers that count them. Other processes that look at this one see the kernel's lines. A
 * process without dax mappings gets the kernel's file.
 */
#include "client/shim/memory/proc_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libcore/device.h"
#include "libcore/kernel.h"
#include "libcore/maps_text.h"
#include "libcore/rss_text.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/hex.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/pagemap.h"
#include "client/shim/memory/template.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/lock_anchor.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/session.h"

enum proc_file {
	PROC_NONE,
	PROC_MAPS,
	PROC_SMAPS,
	PROC_NUMA_MAPS,
	PROC_ROLLUP,
	PROC_STATUS, /* from here on without lines of mappings */
	PROC_STATM,
	PROC_STAT,
	PROC_PAGEMAP, /* not copied: see pagemap_show.c */
};

/* Return: the part of a path behind "self/", "thread-self/" or "PID/", or NULL. */
static const char *behind_self(const char *p)
{
	uint64_t pid = 0;
	const char *start = p;

	if (!strncmp(p, "self/", 5))
		return p + 5;
	if (!strncmp(p, "thread-self/", 12))
		return p + 12;
	for (; *p >= '0' && *p <= '9' && p - start < 10; p++)
		pid = pid * 10 + (uint64_t)(*p - '0');
	return p > start && *p == '/' && pid == (uint64_t)sys0(getpid) ? p + 1 : NULL;
}

static enum proc_file which_file(const char *path)
{
	const char *p;

	if (strncmp(path, "/proc/", 6))
		return PROC_NONE;
	p = behind_self(path + 6);
	if (p && !strncmp(p, "task/", 5)) {
		p = strchr(p + 5, '/');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return PROC_NONE;
	return !strcmp(p, "maps")           ? PROC_MAPS
	       : !strcmp(p, "smaps")        ? PROC_SMAPS
	       : !strcmp(p, "numa_maps")    ? PROC_NUMA_MAPS
	       : !strcmp(p, "smaps_rollup") ? PROC_ROLLUP
	       : !strcmp(p, "status")       ? PROC_STATUS
	       : !strcmp(p, "statm")        ? PROC_STATM
	       : !strcmp(p, "stat")         ? PROC_STAT
	       : !strcmp(p, "pagemap")      ? PROC_PAGEMAP
					    : PROC_NONE;
}

/**
 * shim_proc_maps_is_own() - tell whether a path is /proc/PID/maps of this process
 * @path:	an absolute path
 *
 * Async-signal-safe.
 *
 * Return: true if it is.
 */
bool shim_proc_maps_is_own(const char *path)
{
	return which_file(path) == PROC_MAPS;
}

/**
 * shim_proc_maps_is_own_pagemap() - tell whether a path is /proc/PID/pagemap of this process
 * @path:	an absolute path
 *
 * Async-signal-safe.
 *
 * Return: true if it is.
 */
bool shim_proc_maps_is_own_pagemap(const char *path)
{
	return which_file(path) == PROC_PAGEMAP;
}

/**
 * shim_proc_maps_is_hidden_locked() - tell whether a mapping of the shim's begins here
 * @addr:	first byte of a mapping in /proc/self/maps
 *
 * Async-signal-safe.
 *
 * Return: true if the program must not see the mapping.
 */
bool shim_proc_maps_is_hidden_locked(uint64_t addr)
{
	return shim_lock_anchor_is_at_locked(addr) || shim_template_is_at(addr);
}

struct copy {
	const struct shim_session *s;
	enum proc_file file;
	int to;
	const struct dax_vma *next; /* first entry of the list that is not written yet */
	uint64_t until;             /* end of the last one that is written */
	/* SMAPS: the first entry that begins in the kernel's current block */
	const struct dax_vma *block_first;
	struct dax_device dev; /* of the last entry that is written; life 0: none */
	struct dax_maps_node node;
	uint32_t slot; /* of dev */
	enum dax_kernel kernel;
	int pagemap;
	struct dax_rollup
		*rollup; /* ROLLUP: receives the differences; nothing is written */
	bool is_ours;    /* true if the current block is of a dax mapping or an anchor */
	size_t block_len;
	char block[4096]; /* the current block of the kernel without its first line */
};

/* Text that is not written to the copy yet. Protected by the lock. */
static char out[32 * 1024];
static size_t out_len;

static void flush_locked(const struct copy *c)
{
	const char *text = out;
	size_t len = out_len;

	out_len = 0;
	while (len) {
		long n = sys3(write, c->to, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* @len: at most sizeof(out) */
static void put_text(const struct copy *c, const char *text, size_t len)
{
	if (unlikely(c->rollup != NULL))
		return;
	if (len > sizeof(out) - out_len)
		flush_locked(c);
	memcpy(out + out_len, text, len);
	out_len += len;
}

/* Looks up a CUSE node in /dev, as the state pages hold only its device number. */
static void find_cuse_node(const struct shim_session *s, uint32_t slot,
			   struct dax_maps_node *node)
{
	char path[sizeof("/dev/") + DAX_NAME_LEN] = "/dev/";
	struct stat st;

	if (s->state->handles[slot].dev)
		return;
	strcat(path, node->name);
	if (sys4(newfstatat, AT_FDCWD, path, &st, 0) < 0 ||
	    st.st_rdev != s->state->handles[slot].ino)
		return;
	node->dev = st.st_dev;
	node->ino = st.st_ino;
}

/**
 * shim_proc_maps_node() - describe the node of a mapping, as the lists show it
 * @s:		the session
 * @vma:	the mapping
 * @dev:	receives the device, to which @node points
 * @node:	receives the node
 *
 * Async-signal-safe.
 */
void shim_proc_maps_node(const struct shim_session *s, const struct dax_vma *vma,
			 struct dax_device *dev, struct dax_maps_node *node)
{
	dax_state_read(s->state, vma->slot, dev);
	node->name = dev->name;
	node->dev = s->state->devtmpfs_dev;
	node->ino = s->state->handles[vma->slot].ino;
	find_cuse_node(s, vma->slot, node);
	node->is_gone = dev->flags & DAX_DEVICE_GONE || dev->life != vma->life;
}

static void put_first_line(struct copy *c, const struct dax_vma *vma)
{
	char line[DAX_MAPS_LINE_MAX];

	if (!c->dev.life || c->slot != vma->slot) {
		c->slot = vma->slot;
		shim_proc_maps_node(c->s, vma, &c->dev, &c->node);
	}
	c->node.is_gone = c->dev.flags & DAX_DEVICE_GONE || c->dev.life != vma->life;
	put_text(c, line,
		 c->file == PROC_NUMA_MAPS ? dax_numa_maps_line(vma, &c->node, line)
					   : dax_maps_line(vma, &c->node, line));
}

/* Goes on to the next entry of the list. */
static void step_locked(struct copy *c)
{
	c->until = c->next->end;
	c->next = dax_vmas_next(shim_vmas, c->next);
}

/* Bytes of a mapping's units that were touched. */
static uint64_t touched(int pagemap, const struct dax_vma *vma)
{
	return vma->align *
	       shim_pagemap_count(pagemap, vma->start, vma->end - vma->start, vma->align);
}

/* Ends a block of the kernel: writes a block for each dax mapping that begins in it. */
static void end_block(struct copy *c)
{
	const struct dax_vma *vma;
	uint64_t counted;

	for (vma = c->block_first; vma && vma != c->next;
	     vma = dax_vmas_next(shim_vmas, vma)) {
		const char *line = c->block;
		const char *end = c->block + c->block_len;

		put_first_line(c, vma);
		counted =
			dax_rss_in_smaps(c->kernel, vma->align, touched(c->pagemap, vma));
		while (line < end) {
			const char *nl = memchr(line, '\n', (size_t)(end - line));
			size_t len = nl ? (size_t)(nl + 1 - line) : (size_t)(end - line);
			char text[DAX_MAPS_LINE_MAX];

			const size_t n = dax_smaps_line(vma, counted, line, len, text);

			put_text(c, text, n);
			if (unlikely(c->rollup != NULL))
				dax_rss_rollup_add(c->rollup, text, n, 1);
			line += len;
		}
	}
	c->block_first = NULL;
	c->block_len = 0;
}

/* True if a line is the first of a mapping. @start, @end: receive its addresses. */
static bool is_first_line(const struct copy *c, const char *line, uint64_t *start,
			  uint64_t *end)
{
	if (!shim_read_hex(&line, start))
		return false;
	if (c->file == PROC_NUMA_MAPS) {
		*end = *start + 1;
		return *line == ' ';
	}
	return *line++ == '-' && shim_read_hex(&line, end) && *line == ' ';
}

/* True for smaps, read for itself or to add it up. */
static bool has_blocks(const struct copy *c)
{
	return c->file == PROC_SMAPS || c->file == PROC_ROLLUP;
}

static void put_line(struct copy *c, const char *line, size_t len)
{
	uint64_t start;
	uint64_t end;

	if (!is_first_line(c, line, &start, &end)) { /* SMAPS */
		if (!c->is_ours)
			put_text(c, line, len);
		else if (unlikely(c->rollup != NULL))
			dax_rss_rollup_add(c->rollup, line, len, -1);
		if (c->is_ours && c->block_len + len <= sizeof(c->block)) {
			memcpy(c->block + c->block_len, line, len);
			c->block_len += len;
		}
		return;
	}
	end_block(c);
	/* numa_maps does not say where a mapping ends: the last one has ended here. */
	if (c->file == PROC_NUMA_MAPS && c->is_ours)
		for (; c->next && c->next->start < start; step_locked(c))
			put_first_line(c, c->next);
	/* Skip entries for which the kernel has no mapping. */
	while (c->next && c->next->end <= start)
		step_locked(c);
	c->is_ours = start < c->until || (c->next && c->next->start <= start) ||
		     shim_proc_maps_is_hidden_locked(start);
	if (!c->is_ours) {
		put_text(c, line, len);
		return;
	}
	if (has_blocks(c) && c->next && c->next->start < end)
		c->block_first = c->next;
	for (; c->next && c->next->start < end; step_locked(c))
		if (!has_blocks(c))
			put_first_line(c, c->next);
}

static void copy_file(struct copy *c, int from)
{
	char buf[8192];
	size_t have = 0;
	long n;

	out_len = 0;
	c->next = dax_vmas_first(shim_vmas);
	while ((n = sys3(read, from, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf;
		char *nl;

		have += (size_t)n;
		buf[have] = '\0';
		while ((nl = strchr(line, '\n'))) {
			put_line(c, line, (size_t)(nl + 1 - line));
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
	}
	put_text(c, buf, have);
	end_block(c);
	flush_locked(c);
}

/* Adds up the touched memory of all mappings. */
static void count_rss_locked(const struct copy *c, struct dax_rss *ret)
{
	const struct dax_vma *vma;
	struct dax_device dev;

	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {
		const uint64_t pages =
			DAX_PAGE * shim_pagemap_count(c->pagemap, vma->start,
						      vma->end - vma->start, DAX_PAGE);

		dax_state_read(c->s->state, vma->slot, &dev);
		if (dev.flags & (DAX_DEVICE_PAGES_2M | DAX_DEVICE_PAGES_1G))
			ret->hugetlb += pages;
		else if (shim_backing_is_shmem(vma->slot))
			ret->shmem += pages;
		else
			ret->file += pages;
		ret->device += dax_rss_in_status(c->kernel, touched(c->pagemap, vma));
	}
}

/* Writes the lines of status or smaps_rollup. */
static void put_counted_line(struct copy *c, const struct dax_rss *rss,
			     const struct dax_rollup *rollup, const char *line,
			     size_t len)
{
	char text[DAX_MAPS_LINE_MAX];

	if (len > sizeof(text)) /* a list of CPUs */
		put_text(c, line, len);
	else
		put_text(c, text,
			 rollup ? dax_rss_rollup_line(rollup, line, len, text)
				: dax_rss_status_line(rss, line, len, text));
}

/*
 * Copies a file that counts memory. @from: the kernel's. Its text, which is short, is
 * read at once.
 */
static void copy_counts(struct copy *c, int from)
{
	struct dax_rollup rollup = {0};
	struct dax_rss rss = {0};
	static char text[8192]; /* protected by the lock */
	char *line = text;
	long len;
	char *nl;

	out_len = 0;
	if (c->file == PROC_ROLLUP) {
		long smaps =
			sys3(openat, AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC);

		c->rollup = &rollup;
		if (smaps >= 0) {
			copy_file(c, (int)smaps);
			sys1(close, smaps);
		}
		c->rollup = NULL;
	} else {
		count_rss_locked(c, &rss);
		rss.threads = shim_own_fd_thread != 0;
	}
	len = sys3(read, from, text, sizeof(text) - 1);
	if (len < 0)
		len = 0;
	text[len] = '\0';
	if (c->file == PROC_STATM) {
		char changed[DAX_RSS_STATM_MAX];

		put_text(c, changed, dax_rss_statm(&rss, text, changed));
	} else if (c->file == PROC_STAT) {
		char changed[DAX_RSS_STAT_MAX];

		put_text(c, changed, dax_rss_stat(&rss, text, (size_t)len, changed));
	} else {
		for (; (nl = strchr(line, '\n')); line = nl + 1)
			put_counted_line(c, &rss, c->file == PROC_ROLLUP ? &rollup : NULL,
					 line, (size_t)(nl + 1 - line));
		put_text(c, line, (size_t)(text + len - line));
	}
	flush_locked(c);
}

/* Set by the first copy of /proc/self/maps. */
bool shim_proc_maps_has_copied;
/* Set when the program has opened its pagemap. */
bool shim_proc_maps_has_pagemap;

/**
 * shim_proc_maps_open() - open a list of mappings as the program must see it
 * @path:	any path
 * @flags:	flags of open(2)
 *
 * Takes the lock if @path is such a list. Async-signal-safe, but needs 20 KiB of stack.
 *
 * Return: a descriptor of the copy, which the caller must close; a negative errno; or
 * -EXDEV if the program must get the kernel's own file.
 */
SHIM_COLD int shim_proc_maps_open(const char *path, int flags)
{
	struct copy c = {.s = shim_session_if_known(), .file = which_file(path)};
	uint64_t mask;
	long from;

	if (c.file == PROC_PAGEMAP)
		__atomic_store_n(&shim_proc_maps_has_pagemap, true, __ATOMIC_RELAXED);
	if (c.file == PROC_NONE || c.file == PROC_PAGEMAP || !c.s ||
	    (!shim_maps_touch(0, UINT64_MAX) && !shim_own_fd_thread) ||
	    (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)) != O_RDONLY)
		return -EXDEV;
	from = sys3(openat, AT_FDCWD, path, flags | O_CLOEXEC);
	if (from < 0)
		return (int)from;
	c.to = (int)sys2(memfd_create, c.file == PROC_MAPS ? "maps" : "smaps",
			 flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	c.kernel = dax_state_kernel(c.s->state);
	c.pagemap = shim_pagemap_open();
	if (c.file == PROC_MAPS)
		__atomic_store_n(&shim_proc_maps_has_copied, true, __ATOMIC_RELAXED);
	if (c.to >= 0 && shim_lock_masked(&mask)) {
		if (c.file >= PROC_ROLLUP)
			copy_counts(&c, (int)from);
		else
			copy_file(&c, (int)from);
		shim_unlock_masked(mask);
		sys3(lseek, c.to, 0, 0);
	}
	if (c.pagemap >= 0)
		sys1(close, c.pagemap);
	sys1(close, from);
	return c.to;
}
