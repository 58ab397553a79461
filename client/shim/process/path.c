/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where does this path lead?
 *
 * libcore/path.h knows the names. Here they are found behind relative paths, "..",
 * and symbolic links of other people, and translated to the runtime directory and
 * back. Only paths with one of our words in them come this far, and such as do not
 * exist and are symbolic links.
 */
#include "client/shim/process/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/session.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

/* The path of an open directory. Return: its length, or a negative errno. */
static long path_of_dir(int dirfd, char buf[PATH_MAX])
{
	char link[SHIM_SELF_FD_LINK];
	long n;

	shim_self_fd_link(dirfd, link);
	n = sys4(readlinkat, AT_FDCWD, link, buf, PATH_MAX - 1);
	if (n < 0)
		return n;
	if (buf[0] != '/') /* unreachable, or no path at all */
		return -ENOENT;
	buf[n] = '\0';
	return n;
}

/**
 * shim_path_of_fd() - read the path that a descriptor was opened through
 * @fd:		any descriptor, or AT_FDCWD
 * @buf:	receives the path as the kernel has it, terminated
 *
 * Async-signal-safe.
 *
 * Return: its length, or a negative errno.
 */
ssize_t shim_path_of_fd(int fd, char buf[PATH_MAX])
{
	return path_of_dir(fd, buf);
}

static bool starts_with_dir(const char *path, const char *dir, size_t len)
{
	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/* A path that is being followed: done[0, len) is resolved, rest is to come. */
struct walk {
	const struct shim_session *session;
	char *done; /* PATH_MAX bytes: absolute, no links, no slash at the end */
	size_t len;
	const char *rest;
	char expanded[PATH_MAX]; /* holds rest, once a link was followed */
};

enum walk_end {
	WALK_OTHER,  /* not ours, or broken: the kernel shall say so */
	WALK_ROOT,   /* done is a root of ours, rest what is below it */
	WALK_ARRIVED /* all is resolved; not below a root */
};

static void pop_name(struct walk *w)
{
	while (w->len && w->done[--w->len] != '/')
		;
}

static bool push_name(struct walk *w, const char *name, size_t n)
{
	if (w->len + 1 + n >= PATH_MAX)
		return false;
	w->done[w->len++] = '/';
	memcpy(w->done + w->len, name, n);
	w->len += n;
	w->done[w->len] = '\0';
	return true;
}

/*
 * If done is a symbolic link, puts its target in front of rest.
 * Return: 1 if it was one, 0 if not, negative errno if it can't be.
 */
static int expand_link(struct walk *w)
{
	char target[PATH_MAX];
	size_t rest_len;
	long n;

	n = sys4(readlinkat, AT_FDCWD, w->done, target, sizeof(target));
	if (n == -EINVAL)
		return 0;
	if (n < 0)
		return (int)n;
	rest_len = strlen(w->rest);
	if ((size_t)n + 1 + rest_len >= sizeof(w->expanded))
		return -ENAMETOOLONG;
	memmove(w->expanded + n + 1, w->rest, rest_len + 1);
	memcpy(w->expanded, target, (size_t)n);
	w->expanded[n] = '/';
	if (!rest_len) /* no slash that was not there */
		w->expanded[n] = '\0';
	w->rest = w->expanded;
	if (target[0] == '/')
		w->len = 0;
	else
		pop_name(w);
	return 1;
}

static enum walk_end walk_path(struct walk *w, int dirfd, const char *path,
			       enum shim_follow follow)
{
	int links = 0;

	w->len = 0;
	w->rest = path;
	if (path[0] != '/') {
		long n = path_of_dir(dirfd, w->done);

		/* From inside of our tree the kernel finds the way by itself. */
		if (n < 0 ||
		    starts_with_dir(w->done, w->session->dir, w->session->dir_len))
			return WALK_OTHER;
		w->len = n == 1 ? 0 : (size_t)n;
	}
	for (;;) {
		const char *name;
		size_t n;
		int r;

		while (*w->rest == '/')
			w->rest++;
		if (!*w->rest)
			return WALK_ARRIVED;
		name = w->rest;
		n = strcspn(name, "/");
		w->rest += n;
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			pop_name(w);
			continue;
		}
		if (!push_name(w, name, n))
			return WALK_OTHER;
		if (dax_path_is_root(&w->session->names, w->done, w->len))
			return WALK_ROOT;
		if (dax_path_is_above_root(w->done, w->len))
			continue;
		if (!*w->rest && follow == SHIM_NOFOLLOW)
			return WALK_ARRIVED;
		r = expand_link(w);
		if (r < 0 || (r && ++links > LINKS_MAX))
			return WALK_OTHER;
	}
}

/**
 * shim_path_redirect() - find where the emulator keeps what a path names
 * @dirfd:	what a relative path starts from, or AT_FDCWD
 * @path:	any path
 * @follow:	whether a symbolic link at its end is followed
 * @buf:	receives the other path
 *
 * Async-signal-safe, but needs 12 KiB of stack.
 *
 * Return: @buf, or @path if it names nothing of ours.
 */
const char *shim_path_redirect(int dirfd, const char *path, enum shim_follow follow,
			       char buf[PATH_MAX])
{
	struct walk w = {.session = shim_session(), .done = buf};
	size_t rest_len;

	if (!w.session || strlen(path) >= PATH_MAX ||
	    walk_path(&w, dirfd, path, follow) != WALK_ROOT)
		return path;
	if (starts_with_dir(buf, "/sys", 4))
		shim_session_await_tree(w.session);
	rest_len = strlen(w.rest);
	if (w.session->dir_len + w.len + rest_len >= PATH_MAX)
		return path;
	memmove(buf + w.session->dir_len, buf, w.len);
	memcpy(buf, w.session->dir, w.session->dir_len);
	memcpy(buf + w.session->dir_len + w.len, w.rest, rest_len + 1);
	return buf;
}

/**
 * shim_path_is_dangling() - tell whether a path that does not exist may lead to us
 * @dirfd:	what a relative path starts from, or AT_FDCWD
 * @path:	any path; the pointer may be bad
 *
 * A symbolic link to /dev/dax0.0 leads nowhere, as far as the kernel knows.
 * Async-signal-safe.
 *
 * Return: true if it is a symbolic link.
 */
bool shim_path_is_dangling(int dirfd, const char *path)
{
	char target[2];

	return sys4(readlinkat, dirfd, path, target, sizeof(target)) > 0;
}

/**
 * shim_path_is_readable() - tell whether the kernel can read a path
 * @path:	the pointer, which may be bad
 *
 * Async-signal-safe.
 *
 * Return: true if it can; else every call with this path fails with EFAULT.
 */
SHIM_COLD bool shim_path_is_readable(const char *path)
{
	char target[2];

	return sys4(readlinkat, AT_FDCWD, path, target, sizeof(target)) != -EFAULT;
}

/* Whose runtime directory is this path in, if anybody's? Without a session, too. */
static const struct shim_session *session_of(const char *path)
{
	const struct shim_session *s = shim_session_if_known();
	const char *env;

	if (!s) {
		env = secure_getenv("CUSE_DAXD_RUNTIME_DIR");
		if (env ? strncmp(path, env, strlen(env)) != 0
			: !strstr(path, "cuse-daxd"))
			return NULL;
		s = shim_session();
	}
	return s && starts_with_dir(path, s->dir, s->dir_len) ? s : NULL;
}

/**
 * shim_path_unredirect() - turn a path in the runtime directory into what it stands for
 * @path:	a path, changed in place; terminated
 * @len:	its length
 *
 * Async-signal-safe.
 *
 * Return: its new length, or -1 if it is not in the runtime directory.
 */
ssize_t shim_path_unredirect(char *path, size_t len)
{
	const struct shim_session *s;

	if (path[0] != '/')
		return -1;
	s = session_of(path);
	if (!s)
		return -1;
	if (!starts_with_dir(path + s->dir_len, "/dev", 4) &&
	    !starts_with_dir(path + s->dir_len, "/sys", 4) &&
	    !starts_with_dir(path + s->dir_len, "/proc", 5))
		return -1;
	memmove(path, path + s->dir_len, len - s->dir_len + 1);
	return (ssize_t)(len - s->dir_len);
}

/* Might the last component be a shared directory's, or lead to one? */
static bool may_be_shared(const char *path)
{
	static const char *const names[] = {
		".",    "..",       "dev",    "bus",     "class",
		"char", "platform", "module", "devices", "drivers",
	};
	size_t end = strlen(path);
	size_t start;
	size_t i;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == end - start &&
		    !memcmp(names[i], path + start, end - start))
			return true;
	return false;
}

/**
 * shim_path_is_shared_dir() - tell whether a directory must show entries of ours, too
 * @dirfd:	what a relative path starts from, or AT_FDCWD
 * @path:	of a directory; NULL: @dirfd itself
 * @extra:	receives the directory that holds our entries
 *
 * Async-signal-safe, but needs 12 KiB of stack.
 *
 * Return: true if it must, as /dev or /sys/bus.
 */
bool shim_path_is_shared_dir(int dirfd, const char *path, char extra[PATH_MAX])
{
	struct walk w = {.done = extra};

	if (path && !may_be_shared(path))
		return false;
	w.session = shim_session();
	if (!w.session)
		return false;
	if (path) {
		if (walk_path(&w, dirfd, path, SHIM_FOLLOW) != WALK_ARRIVED)
			return false;
	} else {
		long n = path_of_dir(dirfd, extra);

		if (n < 0)
			return false;
		w.len = (size_t)n;
	}
	if (!dax_path_is_shared_dir(extra, w.len) ||
	    w.session->dir_len + w.len >= PATH_MAX)
		return false;
	if (starts_with_dir(extra, "/sys", 4))
		shim_session_await_tree(w.session);
	memmove(extra + w.session->dir_len, extra, w.len + 1);
	memcpy(extra, w.session->dir, w.session->dir_len);
	return true;
}
