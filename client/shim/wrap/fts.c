/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap fts(3), which walks inside libc.
 *
 * A walk that may come to emulated files is made here, with the wrapped functions; all
 * others are libc's. It differs from libc's in one thing: it never changes the working
 * directory, so that fts_accpath is always the whole path. On 64-bit machines, the
 * structures of both variants are the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/libc.h"
#include "client/shim/base/real.h"
#include "client/shim/process/path.h"
#include "client/shim/wrap/wrap.h"

/* In fts_options: the walk is made here. */
#define OURS 0x40000000

/* fts_pathlen is a short. */
#define PATH_ROOM 65536

#define NO_INSTRUCTION 3 /* FTS_NOINSTR, which the header keeps for libc */

typedef int compare_function(const FTSENT **, const FTSENT **);

static bool has(const FTS *f, int option)
{
	return f->fts_options & option;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static FTSENT *new_entry(const FTS *f, const char *name)
{
	const size_t len = strlen(name);
	const size_t at = (sizeof(FTSENT) + len + 15) & ~(size_t)15;
	FTSENT *e = malloc(at + sizeof(struct stat));

	if (!e)
		return NULL;
	memset(e, 0, at + sizeof(struct stat));
	memcpy(e->fts_name, name, len + 1);
	e->fts_namelen = (unsigned short)len;
	e->fts_path = f->fts_path;
	e->fts_statp = (struct stat *)(void *)((char *)e + at);
	e->fts_instr = NO_INSTRUCTION;
	return e;
}

static void free_list(FTSENT *e)
{
	while (e) {
		FTSENT *next = e->fts_link;

		free(e);
		e = next;
	}
}

/* Ends the walk with an error. */
static FTSENT *stop(FTS *f)
{
	f->fts_options |= FTS_STOP;
	return NULL;
}

/* Return: FTS_D, or FTS_DC in a directory that the walk is in already. */
static unsigned short look_at_directory(FTSENT *e)
{
	const struct stat *st = e->fts_statp;
	FTSENT *above;

	e->fts_dev = st->st_dev;
	e->fts_ino = st->st_ino;
	e->fts_nlink = st->st_nlink;
	if (is_dot(e->fts_name))
		return FTS_DOT;
	for (above = e->fts_parent; above->fts_level >= FTS_ROOTLEVEL;
	     above = above->fts_parent)
		if (above->fts_ino == e->fts_ino && above->fts_dev == e->fts_dev) {
			e->fts_cycle = above;
			return FTS_DC;
		}
	return FTS_D;
}

/* Gets the status of a file. Return: the entry's new fts_info. */
static unsigned short look_at(const FTS *f, FTSENT *e, bool follows)
{
	struct stat *st = e->fts_statp;
	const bool is_logical = follows || has(f, FTS_LOGICAL);

	if ((is_logical ? stat : lstat)(e->fts_accpath, st) != 0) {
		const int error = errno;

		if (is_logical && lstat(e->fts_accpath, st) == 0) {
			errno = 0;
			return FTS_SLNONE;
		}
		e->fts_errno = error;
		memset(st, 0, sizeof(*st));
		return FTS_NS;
	}
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return look_at_directory(e);
	case S_IFLNK:
		return FTS_SL;
	case S_IFREG:
		return FTS_F;
	default:
		return FTS_DEFAULT;
	}
}

static int compare_pointers(const void *a, const void *b, void *compare)
{
	return ((compare_function *)compare)((const FTSENT **)(uintptr_t)a,
					     (const FTSENT **)(uintptr_t)b);
}

static FTSENT *sorted(const FTS *f, FTSENT *list, size_t n)
{
	FTSENT **all;
	FTSENT *e;
	size_t i = 0;

	if (!f->fts_compar || n < 2 || !(all = malloc(n * sizeof(FTSENT *))))
		return list;
	for (e = list; e; e = e->fts_link)
		all[i++] = e;
	qsort_r(all, n, sizeof(FTSENT *), compare_pointers,
		(void *)(uintptr_t)f->fts_compar);
	for (i = 0; i + 1 < n; i++)
		all[i]->fts_link = all[i + 1];
	all[n - 1]->fts_link = NULL;
	list = all[0];
	free(all);
	return list;
}

/* Where the name of an entry of a directory begins in the path. */
static size_t prefix(const FTS *f, const FTSENT *dir)
{
	const size_t n = dir->fts_pathlen;

	return f->fts_path[n - 1] == '/' ? n - 1 : n;
}

static void put_name(const FTS *f, const FTSENT *e)
{
	char *to = f->fts_path + prefix(f, e->fts_parent);

	*to = '/';
	memcpy(to + 1, e->fts_name, e->fts_namelen + (size_t)1);
}

/* Adds an entry of the directory that is read. Return: it, or NULL with errno. */
static FTSENT *add_entry(FTS *f, const struct dirent *found, bool has_names_only)
{
	FTSENT *dir = f->fts_cur;
	FTSENT *e = new_entry(f, found->d_name);
	const size_t len = prefix(f, dir) + 1 + strlen(found->d_name);
	const bool is_known = has(f, FTS_NOSTAT) && has(f, FTS_PHYSICAL) &&
			      found->d_type != DT_DIR && found->d_type != DT_UNKNOWN;

	if (!e)
		return NULL;
	if (len >= PATH_ROOM) {
		free(e);
		errno = ENAMETOOLONG;
		return NULL;
	}
	e->fts_level = (short)(dir->fts_level + 1);
	e->fts_parent = dir;
	e->fts_pathlen = (unsigned short)len;
	e->fts_accpath = f->fts_path;
	put_name(f, e);
	e->fts_info = is_known || has_names_only ? FTS_NSOK : look_at(f, e, false);
	return e;
}

/* Reads the current directory. Return: its entries, or NULL; fts_info says why. */
static FTSENT *read_directory(FTS *f, bool has_names_only, bool is_walked)
{
	FTSENT *dir = f->fts_cur;
	FTSENT *list = NULL;
	FTSENT **end = &list;
	struct dirent *found;
	size_t n = 0;
	DIR *stream = opendir(dir->fts_accpath);

	if (!stream) {
		dir->fts_errno = errno;
		if (is_walked)
			dir->fts_info = FTS_DNR;
		return NULL;
	}
	while ((found = readdir(stream))) {
		if (is_dot(found->d_name) && !has(f, FTS_SEEDOT))
			continue;
		*end = add_entry(f, found, has_names_only);
		if (!*end) {
			const int error = errno;

			free_list(list);
			closedir(stream);
			f->fts_path[dir->fts_pathlen] = '\0';
			dir->fts_info = FTS_ERR;
			errno = error;
			return stop(f);
		}
		end = &(*end)->fts_link;
		n++;
	}
	closedir(stream);
	f->fts_path[dir->fts_pathlen] = '\0';
	if (!list && is_walked)
		dir->fts_info = FTS_DP;
	return sorted(f, list, n);
}

/* Makes an entry that was named at the start the current one. */
static FTSENT *enter_root(FTS *f, FTSENT *e)
{
	char *last = NULL;
	char *p;

	for (p = e->fts_name; *p; p++)
		if (*p == '/')
			last = p;
	e->fts_pathlen = e->fts_namelen;
	memcpy(f->fts_path, e->fts_name, e->fts_namelen + (size_t)1);
	if (last && (last != e->fts_name || last[1])) {
		e->fts_namelen = (unsigned short)strlen(last + 1);
		memmove(e->fts_name, last + 1, e->fts_namelen + (size_t)1);
	}
	e->fts_accpath = f->fts_path;
	f->fts_dev = e->fts_dev;
	return f->fts_cur = e;
}

static FTSENT *enter(FTS *f, FTSENT *e)
{
	if (e->fts_level == FTS_ROOTLEVEL)
		return enter_root(f, e);
	put_name(f, e);
	if (e->fts_instr == FTS_FOLLOW) {
		e->fts_info = look_at(f, e, true);
		e->fts_instr = NO_INSTRUCTION;
	}
	return f->fts_cur = e;
}

/* Goes on behind an entry, which is freed. */
static FTSENT *next_of(FTS *f, FTSENT *e)
{
	FTSENT *above = e->fts_parent;
	FTSENT *next = e->fts_link;

	free(e);
	while (next && next->fts_instr == FTS_SKIP && next->fts_level > FTS_ROOTLEVEL) {
		e = next;
		next = e->fts_link;
		free(e);
	}
	if (next)
		return enter(f, next);
	if (above->fts_level == FTS_ROOTPARENTLEVEL) {
		free(above);
		errno = 0;
		return f->fts_cur = NULL;
	}
	f->fts_path[above->fts_pathlen] = '\0';
	above->fts_info = above->fts_errno ? FTS_ERR : FTS_DP;
	return f->fts_cur = above;
}

static SHIM_COLD FTSENT *read_ours(FTS *f)
{
	FTSENT *e = f->fts_cur;
	FTSENT *child;
	int instruction;

	if (!e || has(f, FTS_STOP))
		return NULL;
	instruction = e->fts_instr;
	e->fts_instr = NO_INSTRUCTION;
	if (instruction == FTS_AGAIN ||
	    (instruction == FTS_FOLLOW &&
	     (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE))) {
		e->fts_info = look_at(f, e, instruction == FTS_FOLLOW);
		return e;
	}
	if (e->fts_info != FTS_D)
		return next_of(f, e);
	if (instruction == FTS_SKIP || (has(f, FTS_XDEV) && e->fts_dev != f->fts_dev)) {
		free_list(f->fts_child);
		f->fts_child = NULL;
		e->fts_info = FTS_DP;
		return e;
	}
	if (f->fts_child && has(f, FTS_NAMEONLY)) {
		f->fts_options &= ~FTS_NAMEONLY;
		free_list(f->fts_child);
		f->fts_child = NULL;
	}
	child = f->fts_child ? f->fts_child : read_directory(f, false, true);
	f->fts_child = NULL;
	if (!child)
		return has(f, FTS_STOP) ? NULL : e;
	return enter(f, child);
}

static SHIM_COLD FTSENT *children_ours(FTS *f, int instruction)
{
	if (instruction && instruction != FTS_NAMEONLY) {
		errno = EINVAL;
		return NULL;
	}
	errno = 0;
	if (has(f, FTS_STOP) || !f->fts_cur)
		return NULL;
	if (f->fts_cur->fts_info == FTS_INIT)
		return f->fts_cur->fts_link;
	if (f->fts_cur->fts_info != FTS_D)
		return NULL;
	free_list(f->fts_child);
	f->fts_options &= ~FTS_NAMEONLY;
	f->fts_options |= instruction;
	return f->fts_child = read_directory(f, instruction == FTS_NAMEONLY, false);
}

static SHIM_COLD int close_ours(FTS *f)
{
	FTSENT *e = f->fts_cur;

	while (e) {
		FTSENT *next = e->fts_level < FTS_ROOTLEVEL ? NULL
			       : e->fts_link                ? e->fts_link
							    : e->fts_parent;

		free(e);
		e = next;
	}
	free_list(f->fts_child);
	free(f->fts_path);
	free(f);
	return 0;
}

/* Adds what is named at the start. Return: false with errno. */
static bool add_roots(FTS *f, char *const *paths, FTSENT *parent)
{
	FTSENT **end = &f->fts_cur->fts_link;
	size_t n = 0;

	for (; *paths; paths++, n++) {
		FTSENT *e;

		errno = **paths ? ENAMETOOLONG : ENOENT;
		if (!**paths || strlen(*paths) >= PATH_ROOM ||
		    !(e = new_entry(f, *paths)))
			return false;
		*end = e;
		end = &e->fts_link;
		e->fts_level = FTS_ROOTLEVEL;
		e->fts_parent = parent;
		e->fts_accpath = e->fts_name;
		e->fts_info = look_at(f, e, has(f, FTS_COMFOLLOW));
		if (e->fts_info == FTS_DOT)
			e->fts_info = FTS_D;
	}
	f->fts_cur->fts_link = sorted(f, f->fts_cur->fts_link, n);
	return true;
}

static SHIM_COLD FTS *open_ours(char *const *paths, int options,
				compare_function *compare)
{
	FTS *f = malloc(sizeof(*f));
	FTSENT *parent;

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->fts_options = options | OURS | (options & FTS_LOGICAL ? FTS_NOCHDIR : 0);
	f->fts_compar = (int (*)(const void *, const void *))(void *)compare;
	f->fts_path = malloc(PATH_ROOM);
	f->fts_cur = new_entry(f, "");
	parent = new_entry(f, "");
	if (!f->fts_path || !f->fts_cur || !parent) {
		free(parent);
		free(f->fts_cur);
		free(f->fts_path);
		free(f);
		return NULL;
	}
	*f->fts_path = '\0';
	f->fts_cur->fts_info = FTS_INIT;
	f->fts_cur->fts_parent = parent;
	parent->fts_level = FTS_ROOTPARENTLEVEL;
	if (!add_roots(f, paths, parent)) {
		const int error = errno;

		close_ours(f);
		errno = error;
		return NULL;
	}
	return f;
}

/* True if emulated files may lie below a path, or it is one. */
static bool may_lead_to_ours(const char *path)
{
	char extra[PATH_MAX];

	if (shim_has_word(path))
		return true;
	return shim_may_look(path) && (!strcmp(path, "/") || !strncmp(path, "/dev", 4) ||
				       !strncmp(path, "/sys", 4) ||
				       shim_path_is_shared_dir(AT_FDCWD, path, extra));
}

static bool is_walk_ours(char *const *paths, int options)
{
	if (options & ~FTS_OPTIONMASK || !shim_libc_is_gnu())
		return false;
	for (; *paths; paths++)
		if (may_lead_to_ours(*paths))
			return true;
	return false;
}

/* The structures are glibc's: those of a library for musl have other fields there. */
static bool is_ours(int options)
{
	return options & OURS && shim_libc_is_gnu();
}

#define WALK(prefix, stream, entry)                                                      \
	SHIM_EXPORT stream *prefix##_open(char *const *paths, int options,               \
					  int (*compare)(const entry **,                 \
							 const entry **))                \
	{                                                                                \
		if (!is_walk_ours(paths, options))                                       \
			return REAL(prefix##_open)(paths, options, compare);             \
		return (stream *)open_ours(paths, options,                               \
					   (compare_function *)(void *)compare);         \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT entry *prefix##_read(stream *f)                                      \
	{                                                                                \
		return is_ours(f->fts_options) ? (entry *)read_ours((FTS *)f)            \
					       : REAL(prefix##_read)(f);                 \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT entry *prefix##_children(stream *f, int instruction)                 \
	{                                                                                \
		return is_ours(f->fts_options)                                           \
			       ? (entry *)children_ours((FTS *)f, instruction)           \
			       : REAL(prefix##_children)(f, instruction);                \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int prefix##_close(stream *f)                                        \
	{                                                                                \
		return is_ours(f->fts_options) ? close_ours((FTS *)f)                    \
					       : REAL(prefix##_close)(f);                \
	}

_Static_assert(sizeof(FTS) == sizeof(FTS64) && sizeof(FTSENT) == sizeof(FTSENT64),
	       "64 bit only");
WALK(fts, FTS, FTSENT)
WALK(fts64, FTS64, FTSENT64)
