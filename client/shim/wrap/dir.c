/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that read directories.
 *
 * A shared directory (/dev, /sys/bus...) has emulated entries besides its own. When the
 * program's stream on it is at its end, a second stream, on the daemon's directory, is
 * read. The shim keeps only this pair for each stream, in a small table whose entries are
 * claimed without a lock; if the table is full, the directory is shown without the
 * emulated entries.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <wordexp.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

#define NR_SHARED 32

struct shared {
	DIR *dir;        /* the program's stream; NULL: unused entry */
	DIR *ours;       /* the stream on the daemon's directory */
	bool is_at_ours; /* true if the program's stream is at its end */
	bool hides;      /* memory blocks of the program's stream: see is_hidden() */
};

static struct shared shared[NR_SHARED];
static int nr_shared; /* entries in use, for a quick check */

static struct shared *find_shared(DIR *dir)
{
	int i;

	if (likely(!__atomic_load_n(&nr_shared, __ATOMIC_RELAXED)))
		return NULL;
	for (i = 0; i < NR_SHARED; i++)
		if (__atomic_load_n(&shared[i].dir, __ATOMIC_RELAXED) == dir)
			return &shared[i];
	return NULL;
}

/* Notes that a stream continues with the entries of directory @extra. */
static SHIM_COLD void share_stream(DIR *dir, const char *extra)
{
	DIR *ours = REAL(opendir)(extra);
	int i;

	if (!ours)
		return;
	for (i = 0; i < NR_SHARED; i++) {
		DIR *expected = NULL;

		if (!__atomic_compare_exchange_n(&shared[i].dir, &expected, dir, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		shared[i].ours = ours;
		shared[i].is_at_ours = false;
		shared[i].hides = shim_path_hides_blocks(extra);
		__atomic_add_fetch(&nr_shared, 1, __ATOMIC_RELAXED);
		return;
	}
	REAL(closedir)(ours);
}

static SHIM_COLD DIR *opendir_ours(const char *path)
{
	char buf[PATH_MAX];

	return REAL(opendir)(shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf));
}

/* Called after a directory was opened: notes its emulated entries, if it has any. */
static DIR *opened_dir(DIR *dir, int dirfd, const char *path)
{
	const int saved = errno;
	char extra[PATH_MAX];

	if (dir && shim_path_is_shared_dir(dirfd, path, extra)) {
		share_stream(dir, extra);
		errno = saved;
	}
	return dir;
}

SHIM_EXPORT DIR *opendir(const char *path)
{
	DIR *dir;

	if (shim_has_word(path))
		return opendir_ours(path);
	dir = REAL(opendir)(path);
	if (!dir && shim_was_dangling(AT_FDCWD, path, SHIM_FOLLOW))
		return opendir_ours(path);
	return opened_dir(dir, AT_FDCWD, path);
}

SHIM_EXPORT DIR *fdopendir(int fd)
{
	DIR *dir = REAL(fdopendir)(fd);

	/* Without a daemon, save the system call. */
	if (!shim_session_if_known() && !secure_getenv("CUSE_DAXD_RUNTIME_DIR"))
		return dir;
	return opened_dir(dir, fd, NULL);
}

SHIM_EXPORT int closedir(DIR *dir)
{
	struct shared *s = find_shared(dir);

	if (unlikely(s != NULL)) {
		REAL(closedir)(s->ours);
		__atomic_store_n(&s->dir, NULL, __ATOMIC_RELEASE);
		__atomic_sub_fetch(&nr_shared, 1, __ATOMIC_RELAXED);
	}
	return REAL(closedir)(dir);
}

SHIM_EXPORT void rewinddir(DIR *dir)
{
	struct shared *s = find_shared(dir);

	if (unlikely(s != NULL)) {
		REAL(rewinddir)(s->ours);
		s->is_at_ours = false;
	}
	REAL(rewinddir)(dir);
}

/* True for a memory block of the machine that the program must not see: "memory32". */
static bool is_hidden(const struct shared *s, const char *name)
{
	return s->hides && !strncmp(name, "memory", 6) && name[6] >= '0' &&
	       name[6] <= '9';
}

/* True for an emulated entry that the directory itself also has: it was shown already. */
static bool is_shown(const struct shared *s, const char *name)
{
	if (is_hidden(s, name))
		return false;
	return !strcmp(name, ".") || !strcmp(name, "..") ||
	       sys3(faccessat, dirfd(s->dir), name, F_OK) == 0;
}

/* Makes a handle appear as a character device. */
static void fix_type(unsigned char *type, const char *name, const struct shared *s)
{
	struct stat st;

	if (*type == DT_REG && sys4(newfstatat, dirfd(s->ours), name, &st, 0) == 0 &&
	    shim_ident_stat(&st).kind == SHIM_NODE)
		*type = DT_CHR;
}

#define READDIR(name, type)                                                              \
	SHIM_EXPORT type *name(DIR *dir)                                                 \
	{                                                                                \
		struct shared *s = find_shared(dir);                                     \
		const int saved = errno;                                                 \
		type *entry;                                                             \
                                                                                         \
		if (likely(!s)) {                                                        \
			do {                                                             \
				entry = REAL(name)(dir);                                 \
			} while (entry &&                                                \
				 shim_own_fd_is_entry(dirfd(dir), entry->d_name));       \
			return entry;                                                    \
		}                                                                        \
		if (!s->is_at_ours) {                                                    \
			errno = 0;                                                       \
			do {                                                             \
				entry = REAL(name)(dir);                                 \
			} while (entry && is_hidden(s, entry->d_name));                  \
			if (entry || errno) {                                            \
				errno = errno ? errno : saved;                           \
				return entry;                                            \
			}                                                                \
			s->is_at_ours = true;                                            \
		}                                                                        \
		errno = saved;                                                           \
		do {                                                                     \
			entry = REAL(name)(s->ours);                                     \
		} while (entry && is_shown(s, entry->d_name));                           \
		if (entry)                                                               \
			fix_type(&entry->d_type, entry->d_name, s);                      \
		return entry;                                                            \
	}

READDIR(readdir, struct dirent)
READDIR(readdir64, struct dirent64)

/*
 * These are deprecated, and the size of the caller's buffer is unknown. Like libc, use
 * readdir.
 */
#define READDIR_R(name, type, next)                                                      \
	SHIM_EXPORT int name(DIR *dir, type *entry, type **ret)                          \
	{                                                                                \
		const int saved = errno;                                                 \
		type *found;                                                             \
		int error;                                                               \
                                                                                         \
		if (likely(!find_shared(dir))) {                                         \
			do {                                                             \
				error = REAL(name)(dir, entry, ret);                     \
			} while (!error && *ret &&                                       \
				 shim_own_fd_is_entry(dirfd(dir), entry->d_name));       \
			return error;                                                    \
		}                                                                        \
		errno = 0;                                                               \
		found = next(dir);                                                       \
		error = errno;                                                           \
		errno = saved;                                                           \
		*ret = found ? entry : NULL;                                             \
		if (found)                                                               \
			memcpy(entry, found, found->d_reclen);                           \
		return error;                                                            \
	}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
READDIR_R(readdir_r, struct dirent, readdir)
READDIR_R(readdir64_r, struct dirent64, readdir64)

/* Bytes of emulated entries at most, and bytes left for the directory's own entries. */
#define OUR_ENTRIES   2048
#define THEIR_ENTRIES 512

/* Reads the entries of @extra that directory @fd does not have. Return: their bytes. */
static SHIM_COLD size_t entries_of(int fd, const char *extra, char *to, size_t room)
{
	char buf[OUR_ENTRIES];
	size_t len = 0;
	long n = 0;
	long at;
	int dir;

	dir = (int)sys3(openat, AT_FDCWD, extra, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		n = sys3(getdents64, dir, buf, sizeof(buf));
	for (at = 0; at < n;) {
		struct dirent64 *entry = (struct dirent64 *)(void *)(buf + at);
		struct stat st;

		at += entry->d_reclen;
		if (entry->d_name[0] == '.' || len + entry->d_reclen > room ||
		    sys3(faccessat, fd, entry->d_name, F_OK) == 0)
			continue;
		if (entry->d_type == DT_REG &&
		    sys4(newfstatat, dir, entry->d_name, &st, 0) == 0 &&
		    shim_ident_stat(&st).kind == SHIM_NODE)
			entry->d_type = DT_CHR;
		memcpy(to + len, entry, entry->d_reclen);
		len += entry->d_reclen;
	}
	if (dir >= 0)
		sys1(close, dir);
	return len;
}

/* Removes the shim's descriptors from the entries. Return: the bytes that are left. */
static SHIM_COLD long hide_own(int fd, char *buf, long n)
{
	long left = 0;
	long at = 0;

	while (at < n) {
		const struct dirent64 *entry =
			(const struct dirent64 *)(const void *)(buf + at);
		const long len = entry->d_reclen;

		if (!shim_own_fd_is_entry(fd, entry->d_name)) {
			memmove(buf + left, entry, (size_t)len);
			left += len;
		}
		at += len;
	}
	return left;
}

/*
 * The emulated entries come first, at offset 0 of the directory, so that no state must be
 * kept for the descriptor.
 */
static ssize_t entries(int fd, void *buf, size_t n)
{
	char ours[OUR_ENTRIES];
	char extra[PATH_MAX];
	size_t len = 0;
	long r;

	if (n > THEIR_ENTRIES && sys3(lseek, fd, 0, SEEK_CUR) == 0 &&
	    (shim_session_if_known() || secure_getenv("CUSE_DAXD_RUNTIME_DIR")) &&
	    shim_path_is_shared_dir(fd, NULL, extra))
		len = entries_of(fd, extra, ours,
				 dax_min(n - THEIR_ENTRIES, sizeof(ours)));
	do {
		r = sys3(getdents64, fd, buf, n - len);
	} while (r > 0 && unlikely(shim_own_fd_has_entries()) &&
		 (r = hide_own(fd, buf, r)) == 0);
	if (r <= 0 || !len)
		return shim_ret(r);
	memmove((char *)buf + len, buf, (size_t)r);
	memcpy(buf, ours, len);
	return r + (long)len;
}

SHIM_EXPORT ssize_t getdents64(int fd, void *buf, size_t n)
{
	return entries(fd, buf, n);
}

/* The name in musl. */
ssize_t getdents(int fd, void *buf, size_t n);

SHIM_EXPORT ssize_t getdents(int fd, void *buf, size_t n)
{
	return entries(fd, buf, n);
}

static void free_list(void **list, size_t n)
{
	while (n--)
		free(list[n]);
	free(list);
}

/*
 * libc's scandir reads the directory inside libc, so shared directories are read here.
 * For all others, only the path is redirected.
 */
#define SCANDIR(name, type, next)                                                        \
	static SHIM_COLD int name##_shared(const char *path, type ***ret,                \
					   int (*filter)(const type *),                  \
					   int (*compare)(const type **, const type **)) \
	{                                                                                \
		DIR *dir = opendir(path);                                                \
		type **list = NULL;                                                      \
		size_t room = 0;                                                         \
		size_t n = 0;                                                            \
		type *entry;                                                             \
                                                                                         \
		if (!dir)                                                                \
			return -1;                                                       \
		while ((entry = next(dir))) {                                            \
			type *copy;                                                      \
                                                                                         \
			if (filter && !filter(entry))                                    \
				continue;                                                \
			if (n == room) {                                                 \
				size_t more = room ? 2 * room : 64;                      \
				type **grown = realloc(list, more * sizeof(*list));      \
                                                                                         \
				if (!grown)                                              \
					goto no_memory;                                  \
				list = grown;                                            \
				room = more;                                             \
			}                                                                \
			copy = malloc(entry->d_reclen);                                  \
			if (!copy)                                                       \
				goto no_memory;                                          \
			list[n++] = memcpy(copy, entry, entry->d_reclen);                \
		}                                                                        \
		closedir(dir);                                                           \
		if (compare && n)                                                        \
			qsort(list, n, sizeof(*list),                                    \
			      (int (*)(const void *, const void *))(void *)compare);     \
		*ret = list ? list : malloc(sizeof(*list));                              \
		return (int)n;                                                           \
	no_memory:                                                                       \
		free_list((void **)list, n);                                             \
		closedir(dir);                                                           \
		errno = ENOMEM;                                                          \
		return -1;                                                               \
	}                                                                                \
                                                                                         \
	static SHIM_COLD int name##_ours(const char *path, type ***ret,                  \
					 int (*filter)(const type *),                    \
					 int (*compare)(const type **, const type **))   \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		return REAL(name)(shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf),  \
				  ret, filter, compare);                                 \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name(const char *path, type ***ret, int (*filter)(const type *), \
			     int (*compare)(const type **, const type **))               \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		if (shim_has_word(path))                                                 \
			return name##_ours(path, ret, filter, compare);                  \
		if (unlikely(shim_own_fd_range) && shim_may_look(path) &&                \
		    strstr(path, "/fd"))                                                 \
			return name##_shared(path, ret, filter, compare);                \
		if (shim_may_look(path) && shim_path_is_shared_dir(AT_FDCWD, path, buf)) \
			return name##_shared(path, ret, filter, compare);                \
		return REAL(name)(path, ret, filter, compare);                           \
	}

SCANDIR(scandir, struct dirent, readdir)
SCANDIR(scandir64, struct dirent64, readdir64)

/* Only absolute paths and those relative to the working directory are redirected. */
SHIM_EXPORT int scandirat(int dirfd, const char *path, struct dirent ***ret,
			  int (*filter)(const struct dirent *),
			  int (*compare)(const struct dirent **, const struct dirent **))
{
	if (shim_may_look(path) && (dirfd == AT_FDCWD || path[0] == '/'))
		return scandir(path, ret, filter, compare);
	return REAL(scandirat)(dirfd, path, ret, filter, compare);
}

SHIM_EXPORT int scandirat64(int dirfd, const char *path, struct dirent64 ***ret,
			    int (*filter)(const struct dirent64 *),
			    int (*compare)(const struct dirent64 **,
					   const struct dirent64 **))
{
	if (shim_may_look(path) && (dirfd == AT_FDCWD || path[0] == '/'))
		return scandir64(path, ret, filter, compare);
	return REAL(scandirat64)(dirfd, path, ret, filter, compare);
}

/* True if the pattern may match emulated files. If not, glob is called as it is. */
static bool is_glob_ours(const char *pattern, int flags)
{
	return !(flags & GLOB_ALTDIRFUNC) && shim_may_look(pattern) &&
	       (!strncmp(pattern, "/dev/", 5) || !strncmp(pattern, "/sys/", 5) ||
		strstr(pattern, "dax"));
}

/* GLOB_ALTDIRFUNC makes glob call the wrapped functions. */
#define GLOB(name, type, next, get_stat, get_lstat)                                      \
	SHIM_EXPORT int name(const char *pattern, int flags,                             \
			     int (*on_error)(const char *, int), type *g)                \
	{                                                                                \
		type own;                                                                \
		int r;                                                                   \
                                                                                         \
		if (!is_glob_ours(pattern, flags))                                       \
			return REAL(name)(pattern, flags, on_error, g);                  \
		own = *g;                                                                \
		own.gl_opendir = (void *(*)(const char *))opendir;                       \
		own.gl_closedir = (void (*)(void *))(void *)closedir;                    \
		own.gl_readdir = (void *)next;                                           \
		own.gl_stat = (void *)get_stat;                                          \
		own.gl_lstat = (void *)get_lstat;                                        \
		r = REAL(name)(pattern, flags | GLOB_ALTDIRFUNC, on_error, &own);        \
		g->gl_pathc = own.gl_pathc;                                              \
		g->gl_pathv = own.gl_pathv;                                              \
		g->gl_offs = own.gl_offs;                                                \
		g->gl_flags = own.gl_flags & ~GLOB_ALTDIRFUNC;                           \
		return r;                                                                \
	}

GLOB(glob, glob_t, readdir, stat, lstat)
GLOB(glob64, glob64_t, readdir64, stat64, lstat64)

/* True for a word that libc has left as it was, and that may match emulated files. */
static bool is_unmatched(const char *word)
{
	return word[strcspn(word, "*?[")] && is_glob_ours(word, 0);
}

/*
 * Replaces word @at by the emulated files that it matches, in memory of malloc, as
 * wordfree(3) frees it. Return: how many words there are instead of it.
 */
static SHIM_COLD size_t expand_word(wordexp_t *w, size_t at)
{
	const size_t end = w->we_offs + w->we_wordc;
	glob_t g = {0};
	size_t n = 1;
	size_t i;
	char **list;

	if (glob(w->we_wordv[at], 0, NULL, &g) != 0)
		return n;
	list = realloc(w->we_wordv, (end + g.gl_pathc + 1) * sizeof(*list));
	if (list) {
		n = g.gl_pathc;
		memmove(list + at + n, list + at + 1, (end - at) * sizeof(*list));
		w->we_wordv = list;
		w->we_wordc += n - 1;
		free(list[at]);
		/* The words are moved, not copied: globfree() finds none. */
		for (i = 0; i < n; i++)
			list[at + i] = g.gl_pathv[g.gl_offs + i];
		g.gl_pathc = 0;
	}
	globfree(&g);
	return n;
}

/*
 * libc matches patterns inside libc, so those that it has left are matched again here,
 * unless a quotation may be why.
 */
SHIM_EXPORT int wordexp(const char *words, wordexp_t *w, int flags)
{
	const size_t before = flags & WRDE_APPEND ? w->we_wordc : 0;
	int r = REAL(wordexp)(words, w, flags);
	size_t i;

	if (r || words[strcspn(words, "\\'\"")])
		return r;
	for (i = w->we_offs + before; i < w->we_offs + w->we_wordc;)
		i += is_unmatched(w->we_wordv[i]) ? expand_word(w, i) : 1;
	return r;
}
