/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap nftw(3).
 *
 * libc walks the tree inside libc, so it gets paths in the runtime directory. Its paths
 * and stats are translated before they are passed to the program's function.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/path.h"
#include "client/shim/wrap/wrap.h"

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "64 bit only");

/* The walk of this thread. A variable, as libc passes no context to the function. */
static __thread struct {
	__nftw_func_t fn; /* the program's function */
	int level;        /* level of the walk's root, as the program must see it */
} walking;

static int visit_shown(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct FTW shown_ftw = *ftw;
	struct stat shown = *st;
	struct shim_ident id = shim_ident_stat(st);
	char buf[PATH_MAX];
	size_t len = strlen(path);
	ssize_t n;

	if (len >= sizeof(buf))
		return 0;
	memcpy(buf, path, len + 1);
	n = shim_path_unredirect(buf, len);
	if (n >= 0)
		shown_ftw.base -= (int)(len - (size_t)n);
	shown_ftw.level += walking.level;
	shim_ident_fix_stat(&id, &shown);
	return walking.fn(buf, &shown, type, &shown_ftw);
}

/* Walks the emulated entries of a shared directory, one after the other. */
static int walk_extra(const char *path, char *extra, int depth, int flags,
		      __nftw_func_t fn)
{
	const size_t len = strlen(extra);
	DIR *dir = REAL(opendir)(extra);
	struct dirent *entry;
	int r = 0;
	int fd;

	if (!dir)
		return 0;
	fd = (int)sys3(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (r == 0 && (entry = REAL(readdir)(dir))) {
		const __nftw_func_t outer = walking.fn;

		if (entry->d_name[0] == '.' ||
		    len + 1 + strlen(entry->d_name) >= PATH_MAX ||
		    sys3(faccessat, fd, entry->d_name, F_OK) == 0)
			continue;
		extra[len] = '/';
		strcpy(extra + len + 1, entry->d_name);
		walking.fn = fn;
		walking.level = 1;
		r = REAL(nftw)(extra, visit_shown, depth, flags & ~FTW_MOUNT);
		walking.fn = outer;
		walking.level = 0;
	}
	if (fd >= 0)
		sys1(close, fd);
	REAL(closedir)(dir);
	return r;
}

static SHIM_COLD int walk_ours(const char *path, int depth, int flags, __nftw_func_t fn)
{
	const __nftw_func_t outer = walking.fn;
	char buf[PATH_MAX];
	int r;

	path = shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf);
	if (path != buf)
		return REAL(nftw)(path, fn, depth, flags);
	walking.fn = fn;
	r = REAL(nftw)(path, visit_shown, depth, flags);
	walking.fn = outer;
	return r;
}

static int walk_tree(const char *path, __nftw_func_t fn, int depth, int flags)
{
	char extra[PATH_MAX];
	int r;

	if (shim_has_word(path))
		return walk_ours(path, depth, flags, fn);
	r = REAL(nftw)(path, fn, depth, flags);
	if (r == 0 && shim_path_is_shared_dir(AT_FDCWD, path, extra))
		r = walk_extra(path, extra, depth, flags, fn);
	return r;
}

SHIM_EXPORT int nftw(const char *path, __nftw_func_t fn, int depth, int flags)
{
	return walk_tree(path, fn, depth, flags);
}

SHIM_EXPORT int nftw64(const char *path, __nftw64_func_t fn, int depth, int flags)
{
	return walk_tree(path, (__nftw_func_t)(void *)fn, depth, flags);
}
