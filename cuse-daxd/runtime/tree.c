/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree as plain files.
 *
 * A file that changes is replaced, not rewritten: who reads it gets the old text or
 * the new one whole. A descriptor that is open for writing therefore may be of a file
 * that is there no more; daxd_tree_find() knows it all the same (replaced.c).
 */
#include "cuse-daxd/runtime/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/attrmode.h"
#include "libcore/model.h"
#include "libcore/state.h"
#include "libcore/sysfs.h"
#include "libcore/sysfs_node.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/runtime/runtime.h"

#define TREE     "sys"
#define TREE_NEW "sys.new"
#define ASK_US   500

/* A node that was written; a hash stands for its text. */
struct node {
	uint64_t hash;
	uint64_t walk; /* the last walk that named it */
	enum dax_sysfs_kind kind;
};

/* FNV-1a is good enough, as only the daemon chooses the texts. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_node(const struct dax_sysfs_node *node)
{
	uint32_t head[] = {(uint32_t)node->kind, node->mode, !!node->read_error};

	return hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325), head, sizeof(head)),
			  node->text, node->len);
}

static int write_file(int dir, const char *name, const struct dax_sysfs_node *node,
		      uint32_t shown)
{
	uint32_t mode = dax_attr_mode_encode(shown, node->read_error);
	_cleanup_close_ int fd = -1;
	ssize_t n;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode);
	if (fd < 0)
		return -errno;
	if (!node->len || node->read_error)
		return 0;
	n = write(fd, node->text, node->len);
	if (n != (ssize_t)node->len) {
		int error = n < 0 ? errno : ENOSPC;

		unlinkat(dir, name, 0);
		return -error;
	}
	return 0;
}

static int write_new(int sys, const struct dax_sysfs_node *node)
{
	switch (node->kind) {
	case DAX_SYSFS_DIR:
		return mkdirat(sys, node->path, 0755) < 0 ? -errno : 0;
	case DAX_SYSFS_LINK:
		return symlinkat(node->text, sys, node->path) < 0 ? -errno : 0;
	case DAX_SYSFS_FILE:
		return write_file(sys, node->path, node, node->mode);
	}
	return -EINVAL;
}

/* The mode of an attribute outlives its value: an administrator may have set it. */
static uint32_t mode_of_old(int sys, const struct dax_sysfs_node *node)
{
	struct stat st;

	if (fstatat(sys, node->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    dax_attr_mode_is_ours(st.st_mode))
		return dax_attr_mode_decode(st.st_mode);
	return node->mode;
}

static int replace(struct daxd_tree *tree, const struct dax_sysfs_node *node)
{
	int r;

	if (node->kind == DAX_SYSFS_DIR)
		return 0;
	daxd_runtime_remove_tree(tree->rt->dir, DAXD_NEW);
	if (node->kind == DAX_SYSFS_LINK)
		r = symlinkat(node->text, tree->rt->dir, DAXD_NEW) < 0 ? -errno : 0;
	else
		r = write_file(tree->rt->dir, DAXD_NEW, node,
			       mode_of_old(tree->sys, node));
	if (r == 0)
		daxd_replaced_add(&tree->replaced, tree->sys, node->path, node->path);
	if (r == 0 && renameat(tree->rt->dir, DAXD_NEW, tree->sys, node->path) < 0)
		r = -errno;
	return r;
}

struct walk {
	struct daxd_tree *tree;
	unsigned int named;
	unsigned int written;
	bool may_pause;
	gint64 asked_at;
};

/*
 * True if the main loop has other work. The check costs as much as writing a node in
 * memory, so it is not made for each; on a busy disk a node can take very long.
 */
static bool is_wanted(struct walk *walk)
{
	gint64 now;

	if (!walk->may_pause || !walk->written)
		return false;
	now = g_get_monotonic_time();
	if (now - walk->asked_at < ASK_US)
		return false;
	walk->asked_at = now;
	return g_main_context_pending(NULL);
}

static int emit(void *ctx, const struct dax_sysfs_node *node)
{
	struct walk *walk = ctx;
	struct daxd_tree *tree = walk->tree;
	struct node *known = g_hash_table_lookup(tree->nodes, node->path);
	uint64_t hash = hash_node(node);
	int r = 0;

	if (!known && is_wanted(walk))
		return -EAGAIN;
	if (!known)
		r = write_new(tree->sys, node);
	else if (known->hash != hash)
		r = replace(tree, node);
	if (r < 0) {
		daxd_debug("%s/" TREE "/%s: %s", tree->rt->path, node->path,
			   strerror(-r));
		return r;
	}
	if (!known) {
		known = g_new0(struct node, 1);
		g_hash_table_insert(tree->nodes, g_strdup(node->path), known);
		walk->written++;
		if (tree->later)
			__atomic_fetch_add(&tree->rt->state->tree_pending, 1,
					   __ATOMIC_RELAXED);
	}
	known->hash = hash;
	known->kind = node->kind;
	known->walk = tree->walk;
	walk->named++;
	return 0;
}

/* A node that no longer exists. */
struct stale {
	const char *path;
	enum dax_sysfs_kind kind;
};

/* Links first, so that none dangles; then the contents of a directory before it. */
static int compare_stale(const void *a, const void *b)
{
	const struct stale *sa = a;
	const struct stale *sb = b;

	if ((sa->kind == DAX_SYSFS_LINK) != (sb->kind == DAX_SYSFS_LINK))
		return sa->kind == DAX_SYSFS_LINK ? -1 : 1;
	return -strcmp(sa->path, sb->path);
}

/* Remove the nodes that the last walk did not name. */
static void prune(struct daxd_tree *tree)
{
	g_autoptr(GArray) stale = g_array_new(FALSE, FALSE, sizeof(struct stale));
	GHashTableIter iter;
	struct node *node;
	char *path;
	guint i;

	g_hash_table_iter_init(&iter, tree->nodes);
	while (g_hash_table_iter_next(&iter, (void **)&path, (void **)&node)) {
		const struct stale entry = {.path = path, .kind = node->kind};

		if (node->walk != tree->walk)
			g_array_append_val(stale, entry);
	}
	g_array_sort(stale, compare_stale);
	for (i = 0; i < stale->len; i++) {
		const struct stale *s = &g_array_index(stale, struct stale, i);

		if (unlinkat(tree->sys, s->path,
			     s->kind == DAX_SYSFS_DIR ? AT_REMOVEDIR : 0) < 0)
			daxd_runtime_remove_tree(tree->sys, s->path);
		g_hash_table_remove(tree->nodes, s->path);
	}
}

static int update(struct daxd_tree *tree, const struct dax_model *model, bool may_pause)
{
	struct walk walk = {
		.tree = tree,
		.may_pause = may_pause,
		.asked_at = g_get_monotonic_time(),
	};
	int r;

	tree->walk++;
	r = dax_sysfs_walk(model, emit, &walk);
	/* After a failure the nodes up to there are known, all others are unchanged. */
	if (r == 0 && walk.named < g_hash_table_size(tree->nodes))
		prune(tree);
	return r;
}

/**
 * daxd_tree_update() - write the nodes that have changed
 * @tree:	as daxd_tree_init() left it
 * @model:	the current model
 *
 * Return: 0, or the negative errno of the first file that could not be written; then the
 * next call tries again.
 */
int daxd_tree_update(struct daxd_tree *tree, const struct dax_model *model)
{
	return update(tree, model, false);
}

static int open_tree(struct daxd_tree *tree, struct daxd_runtime *rt, const char *name,
		     struct daxd_why *why)
{
	*tree = (struct daxd_tree){
		.rt = rt,
		.sys = -1,
		.nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
	};
	daxd_replaced_init(&tree->replaced);
	daxd_runtime_remove_tree(rt->dir, TREE_NEW);
	tree->sys = daxd_runtime_mkdir(rt, name, why);
	return tree->sys < 0 ? tree->sys : 0;
}

/* Mark the tree complete and wake the programs that wait for it. */
static void stop_waiting(struct daxd_tree *tree)
{
	uint32_t *word = &tree->rt->state->tree_pending;

	tree->later = 0;
	if (!*word)
		return;
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/**
 * daxd_tree_init() - write the whole tree
 * @tree:	to be filled; for daxd_tree_done(), also after a failure
 * @rt:		the runtime directory; kept
 * @model:	the model
 * @why:	receives the reason of a failure
 *
 * The new tree replaces that of a daemon that died in one step.
 *
 * Return: 0 or a negative errno.
 */
int daxd_tree_init(struct daxd_tree *tree, struct daxd_runtime *rt,
		   const struct dax_model *model, struct daxd_why *why)
{
	bool is_there = faccessat(rt->dir, TREE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	const char *name = is_there ? TREE_NEW : TREE;
	int r;

	r = open_tree(tree, rt, name, why);
	if (r < 0)
		return r;
	if (is_there)
		daxd_replaced_add_tree(&tree->replaced, rt->dir, TREE);
	r = daxd_tree_update(tree, model);
	if (r == 0 && is_there &&
	    renameat2(rt->dir, name, rt->dir, TREE, RENAME_EXCHANGE) < 0) {
		/* Not every file system can exchange: then there is a short gap. */
		daxd_runtime_remove_tree(rt->dir, TREE);
		if (renameat(rt->dir, name, rt->dir, TREE) < 0)
			r = -errno;
	}
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s/" TREE ": can't be written: %s (check the "
				 "room there)",
				 rt->path, strerror(-r));
	daxd_runtime_remove_tree(rt->dir, TREE_NEW);
	/* Programs may still wait for a daemon that died before its tree was complete. */
	stop_waiting(tree);
	return 0;
}

static gboolean write_later(gpointer data)
{
	struct daxd_tree *tree = data;
	int r = update(tree, tree->model, true);

	if (r == -EAGAIN)
		return G_SOURCE_CONTINUE;
	if (r < 0)
		daxd_error("%s/" TREE ": can't be written: %s (check the room there), "
			   "continuing with an incomplete tree",
			   tree->rt->path, strerror(-r));
	stop_waiting(tree);
	return G_SOURCE_REMOVE;
}

/**
 * daxd_tree_init_later() - write the whole tree when the main loop runs
 * @tree:	to be filled; for daxd_tree_done(), also after a failure
 * @rt:		the runtime directory; kept
 * @model:	the model; kept
 * @why:	receives the reason of a failure
 *
 * Requests of clients are served first. If there is a tree already, programs can see it,
 * so it is replaced at once.
 *
 * Return: 0 or a negative errno.
 */
int daxd_tree_init_later(struct daxd_tree *tree, struct daxd_runtime *rt,
			 const struct dax_model *model, struct daxd_why *why)
{
	int r;

	if (faccessat(rt->dir, TREE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return daxd_tree_init(tree, rt, model, why);
	r = open_tree(tree, rt, TREE, why);
	if (r < 0)
		return r;
	rt->state->tree_pending = 1;
	tree->model = model;
	/* Not an idle source, which might never run while clients keep the loop busy. */
	tree->later = g_timeout_add(0, write_later, tree);
	return 0;
}

/**
 * daxd_tree_leave_off() - stop writing the tree, as the daemon ends
 * @tree:	after daxd_tree_init() or daxd_tree_init_later(), or zeroed
 */
void daxd_tree_leave_off(struct daxd_tree *tree)
{
	if (!tree->later)
		return;
	g_source_remove(tree->later);
	stop_waiting(tree);
}

/**
 * daxd_tree_done() - free the tree; its files stay
 * @tree:	after daxd_tree_init(), or zeroed
 */
void daxd_tree_done(struct daxd_tree *tree)
{
	daxd_tree_leave_off(tree);
	g_clear_pointer(&tree->nodes, g_hash_table_unref);
	daxd_replaced_done(&tree->replaced);
	if (tree->rt)
		daxd_close_fd(&tree->sys);
	tree->rt = NULL;
}

static char *path_of_fd(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

	return g_file_read_link(link, NULL);
}

/*
 * Open a path in the tree, following links, but never outside of the tree: the model
 * treats ".." at the top as the top itself, and would find another node.
 */
static int open_beneath(const struct daxd_tree *tree, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 1000;
	int fd;

	/* EAGAIN: a concurrent rename or mount anywhere may have moved "..". */
	do
		fd = (int)syscall(SYS_openat2, tree->sys, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --tries);
	/* Before Linux 5.6, or where a filter forbids it: only paths without links. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) &&
	    g_hash_table_contains(tree->nodes, path))
		fd = openat(tree->sys, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/**
 * daxd_tree_find() - check which attribute a descriptor belongs to
 * @tree:	the tree
 * @fd:		a descriptor from a client
 * @path:	its path according to the client, below /sys
 * @ret_path:	receives the path without links, for the caller to g_free()
 *
 * Accepts a file that was replaced since it was opened.
 *
 * Return: 0; -ENOENT: no such attribute; -EBADF: the descriptor belongs to another file.
 */
int daxd_tree_find(const struct daxd_tree *tree, int fd, const char *path,
		   char **ret_path)
{
	_cleanup_close_ int now = -1;
	g_autofree char *full = NULL;
	g_autofree char *top = NULL;
	const char *below;
	struct statx got;
	struct stat named;

	now = open_beneath(tree, path);
	if (now < 0 || fstat(now, &named) < 0 || !S_ISREG(named.st_mode))
		return -ENOENT;
	full = path_of_fd(now);
	top = path_of_fd(tree->sys);
	if (!full || !top || !g_str_has_prefix(full, top))
		return -ENOENT;
	below = full + strlen(top) + 1;
	if (daxd_untrusted_fd_stat(fd, &got) < 0 ||
	    makedev(got.stx_dev_major, got.stx_dev_minor) != named.st_dev)
		return -EBADF;
	/* On our own file system, which does not block, ask for the time of birth, too. */
	if (got.stx_ino != named.st_ino &&
	    (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &got) < 0 ||
	     !daxd_replaced_has(&tree->replaced, &got, below)))
		return -EBADF;
	*ret_path = g_strdup(below);
	return 0;
}

/**
 * daxd_tree_find_fd() - check which attribute a descriptor belongs to, without its path
 * @tree:	the tree
 * @fd:		a descriptor from a client
 * @ret_path:	receives the path without links, for the caller to g_free()
 *
 * Return: as daxd_tree_find().
 */
int daxd_tree_find_fd(const struct daxd_tree *tree, int fd, char **ret_path)
{
	g_autofree char *path = path_of_fd(fd);
	g_autofree char *top = path_of_fd(tree->sys);
	size_t len;

	if (!path || !top)
		return -ENOENT;
	len = strlen(top);
	if (strncmp(path, top, len) || path[len] != '/')
		return -EBADF;
	if (g_str_has_suffix(path, " (deleted)"))
		path[strlen(path) - strlen(" (deleted)")] = '\0';
	return daxd_tree_find(tree, fd, path + len + 1, ret_path);
}
