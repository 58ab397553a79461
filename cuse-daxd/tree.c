/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree as plain files.
 *
 * A file that changes is replaced, not rewritten: who reads it gets the old text or
 * the new one whole. A descriptor that is open for writing therefore may be of a file
 * that is there no more; daxd_tree_find() knows it all the same.
 */
#include "cuse-daxd/tree.h"

#include "cuse-daxd/foreign.h"
#include "libcore/attrmode.h"
#include "libcore/sysfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define TREE     "sys"
#define TREE_NEW "sys.new"

/* ---- one node -------------------------------------------------------------- */

/* FNV-1a: nobody but us chooses the names. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_path(const char *path)
{
	return hash_bytes(UINT64_C(0xcbf29ce484222325), path, strlen(path));
}

static uint64_t hash_rest(const struct dax_sysfs_node *node)
{
	uint32_t head[] = {(uint32_t)node->kind, node->mode, !!node->read_error};

	return hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325), head, sizeof(head)),
			  node->text, node->len);
}

static int write_file(int dir, const char *name, const struct dax_sysfs_node *node)
{
	uint32_t mode = dax_attr_mode_encode(node->mode, node->read_error);
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
	/* The write has taken this bit away, unless we are root. */
	if (mode & S_ISUID && fchmod(fd, mode) < 0)
		return -errno;
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
		return write_file(sys, node->path, node);
	}
	return -EINVAL;
}

static int replace(const struct daxd_tree *tree, const struct dax_sysfs_node *node)
{
	int r;

	if (node->kind == DAX_SYSFS_DIR)
		return 0;
	daxd_runtime_remove_tree(tree->rt->dir, DAXD_NEW);
	if (node->kind == DAX_SYSFS_LINK)
		r = symlinkat(node->text, tree->rt->dir, DAXD_NEW) < 0 ? -errno : 0;
	else
		r = write_file(tree->rt->dir, DAXD_NEW, node);
	if (r == 0 && renameat(tree->rt->dir, DAXD_NEW, tree->sys, node->path) < 0)
		r = -errno;
	return r;
}

/* ---- the walk -------------------------------------------------------------- */

struct walk {
	struct daxd_tree *tree;
	GHashTable *seen;
	unsigned int known; /* how many of those were there before */
};

static int emit(void *ctx, const struct dax_sysfs_node *node)
{
	struct walk *walk = ctx;
	gpointer path = GSIZE_TO_POINTER(hash_path(node->path));
	gpointer rest = GSIZE_TO_POINTER(hash_rest(node));
	gpointer old;
	int r = 0;

	if (!g_hash_table_lookup_extended(walk->tree->nodes, path, NULL, &old)) {
		r = write_new(walk->tree->sys, node);
	} else {
		walk->known++;
		if (old != rest)
			r = replace(walk->tree, node);
	}
	if (r < 0) {
		daxd_debug("%s/" TREE "/%s: %s", walk->tree->rt->path, node->path,
			   strerror(-r));
		return r;
	}
	g_hash_table_insert(walk->seen, path, rest);
	return 0;
}

/* Removes what the walk did not name from the directory @path, "" being the top. */
static void prune(int dir, const char *path, GHashTable *seen)
{
	struct dirent *entry;
	int fd = dup(dir);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		daxd_close_fd(&fd);
		return;
	}
	rewinddir(d);
	while ((entry = readdir(d))) {
		char below[DAX_SYSFS_PATH_MAX + 256];
		_cleanup_close_ int sub = -1;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "/" : "",
			 entry->d_name);
		if (!g_hash_table_contains(seen, GSIZE_TO_POINTER(hash_path(below)))) {
			daxd_runtime_remove_tree(dir, entry->d_name);
			continue;
		}
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		sub = openat(dir, entry->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			prune(sub, below, seen);
	}
	closedir(d);
}

/* Links first: none shall lead to nowhere. */
static void prune_all(const struct daxd_tree *tree, GHashTable *seen)
{
	static const char *const tops[] = {"bus", "class", "dev", "module", "devices"};
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(tops); i++) {
		_cleanup_close_ int dir =
			openat(tree->sys, tops[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0)
			prune(dir, tops[i], seen);
	}
}

/**
 * daxd_tree_update() - write what has changed
 * @tree:	as daxd_tree_init() left it
 * @model:	the model as it is now
 *
 * Return: 0, or the errno of the first file that could not be written; then the next
 * call tries again.
 */
int daxd_tree_update(struct daxd_tree *tree, const struct dax_model *model)
{
	struct walk walk = {
		.tree = tree,
		.seen = g_hash_table_new(g_direct_hash, g_direct_equal),
	};
	int r = dax_sysfs_walk(model, emit, &walk);
	GHashTableIter iter;
	gpointer path;
	gpointer rest;

	if (r < 0) {
		/* What was written is there, what was not reached is as it was. */
		g_hash_table_iter_init(&iter, walk.seen);
		while (g_hash_table_iter_next(&iter, &path, &rest))
			g_hash_table_insert(tree->nodes, path, rest);
		g_hash_table_unref(walk.seen);
		return r;
	}
	if (walk.known < g_hash_table_size(tree->nodes))
		prune_all(tree, walk.seen);
	g_hash_table_unref(tree->nodes);
	tree->nodes = walk.seen;
	return 0;
}

/**
 * daxd_tree_init() - write the whole tree
 * @tree:	to be filled; daxd_tree_done() it, also after a failure
 * @rt:		the runtime directory; kept
 * @model:	what to show
 * @why:	why not
 *
 * The tree of a daemon that died is exchanged for the new one in one step.
 */
int daxd_tree_init(struct daxd_tree *tree, struct daxd_runtime *rt,
		   const struct dax_model *model, struct daxd_why *why)
{
	bool is_there = faccessat(rt->dir, TREE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	const char *name = is_there ? TREE_NEW : TREE;
	int r;

	*tree = (struct daxd_tree){
		.rt = rt,
		.sys = -1,
		.nodes = g_hash_table_new(g_direct_hash, g_direct_equal),
	};
	daxd_runtime_remove_tree(rt->dir, TREE_NEW);
	tree->sys = daxd_runtime_mkdir(rt, name, why);
	if (tree->sys < 0)
		return tree->sys;
	r = daxd_tree_update(tree, model);
	if (r == 0 && is_there &&
	    renameat2(rt->dir, name, rt->dir, TREE, RENAME_EXCHANGE) < 0) {
		/* Not every file system can: then there is a moment without. */
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
	return 0;
}

/**
 * daxd_tree_done() - let go of the tree; the files stay
 * @tree:	after daxd_tree_init(), or zeroed
 */
void daxd_tree_done(struct daxd_tree *tree)
{
	g_clear_pointer(&tree->nodes, g_hash_table_unref);
	if (tree->rt)
		daxd_close_fd(&tree->sys);
	tree->rt = NULL;
}

/* ---- descriptors of attributes --------------------------------------------- */

static char *path_of_fd(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

	return g_file_read_link(link, NULL);
}

/*
 * Opens what is at a path in the tree, over links, but never outside of the tree: the
 * model, which takes ".." at the top for the top, would look elsewhere than we do.
 */
static int open_beneath(const struct daxd_tree *tree, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 1000;
	int fd;

	/* A rename or mount anywhere on the machine makes the kernel unsure of "..". */
	do
		fd = (int)syscall(SYS_openat2, tree->sys, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --tries);
	/* Before Linux 5.6, or forbidden: then paths without links only. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) &&
	    g_hash_table_contains(tree->nodes, GSIZE_TO_POINTER(hash_path(path))))
		fd = openat(tree->sys, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/*
 * Is it the file that was at @path before it was replaced? Such a file is made by a
 * daemon of our user only, and the path at which it was can't be borrowed for it.
 */
static bool is_predecessor(int fd, const struct statx *stx, const char *path)
{
	g_autofree char *was = NULL;
	g_autofree char *deleted = g_strdup_printf("%s (deleted)", path);

	if (stx->stx_nlink || stx->stx_uid != geteuid() ||
	    !dax_attr_mode_is_ours(stx->stx_mode))
		return false;
	was = path_of_fd(fd);
	return was && !strcmp(was, deleted);
}

/**
 * daxd_tree_find() - which attribute is a descriptor of?
 * @tree:	the tree
 * @fd:		from a client
 * @path:	what the client says it is, below /sys
 * @ret_path:	the same without links, to be freed by g_free()
 *
 * Also if the file was replaced since it was opened.
 *
 * Return: 0; -ENOENT: no such attribute; -EBADF: the descriptor is of another file.
 */
int daxd_tree_find(const struct daxd_tree *tree, int fd, const char *path,
		   char **ret_path)
{
	_cleanup_close_ int now = -1;
	g_autofree char *full = NULL;
	g_autofree char *top = NULL;
	struct statx got;
	struct stat named;

	now = open_beneath(tree, path);
	if (now < 0 || fstat(now, &named) < 0 || !S_ISREG(named.st_mode))
		return -ENOENT;
	full = path_of_fd(now);
	top = path_of_fd(tree->sys);
	if (!full || !top || !g_str_has_prefix(full, top))
		return -ENOENT;
	if (daxd_foreign_stat(fd, &got) < 0 ||
	    makedev(got.stx_dev_major, got.stx_dev_minor) != named.st_dev)
		return -EBADF;
	if (got.stx_ino != named.st_ino && !is_predecessor(fd, &got, full))
		return -EBADF;
	*ret_path = g_strdup(full + strlen(top) + 1);
	return 0;
}
