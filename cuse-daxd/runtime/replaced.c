/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of attributes that were replaced.
 *
 * A file system may give an inode number to a new file when the old one is closed. The
 * times of birth differ then; the owner, the mode and the path must be the same as well.
 */
#include "cuse-daxd/runtime/replaced.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/attrmode.h"

#include "cuse-daxd/base/util.h"

struct file {
	uint64_t ino; /* the key */
	uint64_t path;
	int64_t born_s;
	uint32_t born_ns;
	uint32_t mode;
	GList link; /* in the order */
};

static uint64_t hash_path(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (*path)
		hash = (hash ^ (uint8_t)*path++) * UINT64_C(0x100000001b3);
	return hash;
}

/**
 * daxd_replaced_init() - begin with no file
 * @r:		to be filled; for daxd_replaced_done()
 */
void daxd_replaced_init(struct daxd_replaced *r)
{
	r->files = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_queue_init(&r->order);
}

static void forget(struct daxd_replaced *r, struct file *file)
{
	g_hash_table_remove(r->files, &file->ino);
	g_queue_unlink(&r->order, &file->link);
	g_free(file);
}

/**
 * daxd_replaced_add() - remember a file before it is replaced
 * @r:		the files
 * @dir:	descriptor of a directory
 * @name:	the file's path in it; ignored unless it is an attribute
 * @path:	the attribute's path in the tree
 */
void daxd_replaced_add(struct daxd_replaced *r, int dir, const char *name,
		       const char *path)
{
	struct file *file;
	struct statx stx;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx) <
		    0 ||
	    !dax_attr_mode_is_ours(stx.stx_mode) || stx.stx_uid != geteuid())
		return;
	file = g_hash_table_lookup(r->files, &(uint64_t){stx.stx_ino});
	if (file)
		forget(r, file);
	if (r->order.length >= DAXD_REPLACED_MAX)
		forget(r, r->order.head->data);
	file = g_new0(struct file, 1);
	file->ino = stx.stx_ino;
	file->path = hash_path(path);
	file->born_s = stx.stx_btime.tv_sec;
	file->born_ns = stx.stx_btime.tv_nsec;
	file->mode = stx.stx_mode;
	file->link.data = file;
	g_hash_table_insert(r->files, &file->ino, file);
	g_queue_push_tail_link(&r->order, &file->link);
}

/**
 * daxd_replaced_add_tree() - remember all files of a tree before it is replaced
 * @r:		the files
 * @dir:	descriptor of the directory with the tree
 * @name:	the tree's name in it
 *
 * Only those that somebody may open for writing.
 */
void daxd_replaced_add_tree(struct daxd_replaced *r, int dir, const char *name)
{
	_cleanup_close_ int top =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autoptr(GQueue) todo = g_queue_new();
	char *path;

	if (top < 0)
		return;
	g_queue_push_tail(todo, g_strdup("."));
	while ((path = g_queue_pop_head(todo))) {
		int fd = openat(top, path,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *entry;

		while (d && (entry = readdir(d))) {
			g_autofree char *below =
				strcmp(path, ".")
					? g_build_filename(path, entry->d_name, NULL)
					: g_strdup(entry->d_name);
			struct stat st;

			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
			    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			if (S_ISDIR(st.st_mode))
				g_queue_push_tail(todo, g_steal_pointer(&below));
			else if (st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH))
				daxd_replaced_add(r, fd, entry->d_name, below);
		}
		if (d)
			closedir(d);
		else if (fd >= 0)
			close(fd);
		g_free(path);
	}
}

/**
 * daxd_replaced_has() - check whether a file was an attribute before it was replaced
 * @r:		the files
 * @stx:	of the file, on the tree's file system
 * @path:	the attribute's path in the tree
 *
 * Return: true if it was that attribute.
 */
bool daxd_replaced_has(const struct daxd_replaced *r, const struct statx *stx,
		       const char *path)
{
	const struct file *file =
		g_hash_table_lookup(r->files, &(uint64_t){stx->stx_ino});

	return file && stx->stx_uid == geteuid() && !stx->stx_nlink &&
	       file->mode == stx->stx_mode && file->path == hash_path(path) &&
	       (!(stx->stx_mask & STATX_BTIME) ||
		(file->born_s == stx->stx_btime.tv_sec &&
		 file->born_ns == stx->stx_btime.tv_nsec));
}

/**
 * daxd_replaced_done() - forget all files
 * @r:		after daxd_replaced_init(), or zeroed
 */
void daxd_replaced_done(struct daxd_replaced *r)
{
	while (r->order.head)
		forget(r, r->order.head->data);
	g_clear_pointer(&r->files, g_hash_table_unref);
}
