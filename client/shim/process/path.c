/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Redirect paths of emulated files to the runtime directory, and translate them back.
 *
 * libcore/path.h knows the names of the emulated files. This file finds them behind
 * relative paths, "..", and symbolic links. A path is resolved here only if it contains
 * one of those words, or if it is a symbolic link whose target does not exist.
 */
#include "client/shim/process/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/session.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

/* Reads the path of an open directory. Return: its length, or a negative errno. */
static long path_of_dir(int dirfd, char buf[PATH_MAX])
{
	char link[SHIM_SELF_FD_LINK];
	long n;

	shim_self_fd_link(dirfd, link);
	n = sys4(readlinkat, AT_FDCWD, link, buf, PATH_MAX - 1);
	if (n < 0)
		return n;
	if (buf[0] != '/') /* "(unreachable)...", or a pipe, socket and so on */
		return -ENOENT;
	buf[n] = '\0';
	return n;
}

/**
 * shim_path_of_fd() - read the path that a descriptor was opened through
 * @fd:		any descriptor, or AT_FDCWD
 * @buf:	receives the path as /proc shows it, terminated
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

/* The state of a path's resolution: done[0, len) is resolved, rest is not. */
struct walk {
	const struct shim_session *session;
	char *done; /* PATH_MAX bytes: absolute, no links, no slash at the end, terminated */
	size_t len;
	const char *rest;
	char expanded[PATH_MAX]; /* holds rest after a link was followed */
};

enum walk_end {
	WALK_OTHER,  /* not an emulated file, or an error: leave it to the kernel */
	WALK_ROOT,   /* done is an emulated root, rest the path below it */
	WALK_ARRIVED /* all is resolved, and not below an emulated root */
};

/*
 * Return: the bytes of a path that lead to the daemon's root directory, which pivot_root(2)
 * may have moved.
 */
static size_t root_of(const struct shim_session *s, const char *path)
{
	return starts_with_dir(path, s->dir, s->root_len) ? s->root_len : 0;
}

static void cut(struct walk *w, size_t len)
{
	w->len = len;
	w->done[len] = '\0';
}

static void pop_name(struct walk *w)
{
	size_t len = w->len;

	while (len && w->done[--len] != '/')
		;
	cut(w, len);
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
 * If done is a symbolic link, puts its target in front of rest. Return: 1 if it is a
 * link, 0 if it is not, a negative errno if it cannot be resolved.
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
	if (!rest_len) /* do not add a slash at the end */
		w->expanded[n] = '\0';
	w->rest = w->expanded;
	if (target[0] == '/')
		cut(w, 0);
	else
		pop_name(w);
	return 1;
}

/* True while devices have memory blocks, which replace the machine's. */
static bool has_memory(const struct shim_session *session)
{
	return __atomic_load_n(&session->state->flags, __ATOMIC_RELAXED) &
	       DAX_STATE_MEMORY;
}

/*
 * Writes the path of the daemon's /dev. @dev: receives it, terminated, in up to
 * sizeof(s->dir) + 4 bytes. Return: its length.
 */
static size_t write_dev(const struct shim_session *s, char *dev)
{
	memcpy(dev, s->dir, s->root_len);
	memcpy(dev + s->root_len, "/dev", sizeof("/dev"));
	return s->root_len + 4;
}

/* True if a directory is /dev by another name, as bind mounts and pivot_root(2) make them. */
static bool is_dev(const struct shim_session *s, const char *path)
{
	char dev[sizeof(s->dir) + sizeof("/dev")];
	struct stat a;
	struct stat b;

	write_dev(s, dev);
	return sys4(newfstatat, AT_FDCWD, path, &a, 0) == 0 &&
	       sys4(newfstatat, AT_FDCWD, dev, &b, 0) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/*
 * If done is a node by another name of its directory, replaces it by the node's own name.
 * @n: bytes of the node's name, which done ends with. Return: true if it is.
 */
static bool find_node(struct walk *w, const struct dax_path_names *names, size_t n)
{
	char node[sizeof(w->session->dir) + sizeof("/dev/") + NAME_MAX];
	const size_t root = w->session->root_len;
	size_t len;
	bool is_node;

	if (n > NAME_MAX || w->len == n + 1)
		return false;
	len = write_dev(w->session, node);
	memcpy(node + len, w->done + w->len - n - 1, n + 2);
	len += n + 1;
	if (!dax_path_is_root(names, node + root, len - root))
		return false;
	w->done[w->len - n - 1] = '\0';
	is_node = is_dev(w->session, w->done);
	w->done[w->len - n - 1] = '/';
	if (is_node) {
		memcpy(w->done, node, len + 1);
		w->len = len;
	}
	return is_node;
}

static enum walk_end walk_path(struct walk *w, int dirfd, const char *path,
			       enum shim_follow follow)
{
	struct dax_path_names names = w->session->names;
	int links = 0;

	names.has_memory = has_memory(w->session);
	cut(w, 0);
	w->rest = path;
	if (path[0] != '/') {
		long n = path_of_dir(dirfd, w->done);

		/* In the runtime directory the kernel resolves relative paths itself. */
		if (n < 0 ||
		    starts_with_dir(w->done, w->session->dir, w->session->dir_len))
			return WALK_OTHER;
		cut(w, n == 1 ? 0 : (size_t)n);
	}
	for (;;) {
		const char *name;
		size_t root;
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
		root = root_of(w->session, w->done);
		if (dax_path_is_root(&names, w->done + root, w->len - root) ||
		    find_node(w, &names, n))
			return WALK_ROOT;
		if (dax_path_is_above_root(w->done + root, w->len - root))
			continue;
		if (!*w->rest && follow == SHIM_NOFOLLOW)
			return WALK_ARRIVED;
		r = expand_link(w);
		if (r < 0 || (r && ++links > LINKS_MAX))
			return WALK_OTHER;
	}
}

/**
 * shim_path_redirect() - find the file in the runtime directory that a path stands for
 * @dirfd:	directory that a relative path starts from, or AT_FDCWD
 * @path:	any path
 * @follow:	whether a symbolic link at its end is followed
 * @buf:	receives the path in the runtime directory
 *
 * Waits for the sysfs tree if @path leads into it (shim_session_await_tree()).
 * Async-signal-safe, but needs 12 KiB of stack.
 *
 * Return: @buf, or @path if it does not lead to an emulated file.
 */
const char *shim_path_redirect(int dirfd, const char *path, enum shim_follow follow,
			       char buf[PATH_MAX])
{
	struct walk w = {.session = shim_session(), .done = buf};
	size_t rest_len;
	size_t root;
	size_t len;

	if (!w.session || strlen(path) >= PATH_MAX ||
	    walk_path(&w, dirfd, path, follow) != WALK_ROOT)
		return path;
	root = root_of(w.session, buf);
	if (starts_with_dir(buf + root, "/sys", 4))
		shim_session_await_tree(w.session);
	else
		w.session = shim_session_renew(w.session);
	len = w.len - root;
	rest_len = strlen(w.rest);
	if (w.session->dir_len + len + rest_len >= PATH_MAX)
		return path;
	memmove(buf + w.session->dir_len, buf + root, len);
	memcpy(buf, w.session->dir, w.session->dir_len);
	memcpy(buf + w.session->dir_len + len, w.rest, rest_len + 1);
	return buf;
}

/**
 * shim_path_is_dangling() - tell whether a path that was not found is a symbolic link
 * @dirfd:	directory that a relative path starts from, or AT_FDCWD
 * @path:	any path; the pointer may be bad
 *
 * Such a link may lead to an emulated file: the kernel finds nothing at /dev/dax0.0.
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
 * shim_path_is_copy() - tell whether a path is a link that stands for a node of a device
 * @dirfd:	directory that a relative path starts from, or AT_FDCWD
 * @path:	any path; the pointer may be bad
 *
 * mknod(2) makes it (dax_path_write_copy()). Async-signal-safe.
 *
 * Return: true if it is, and this process has a daemon.
 */
SHIM_COLD bool shim_path_is_copy(int dirfd, const char *path)
{
	char target[DAX_PATH_COPY_LEN + 1];
	const long n = sys4(readlinkat, dirfd, path, target, sizeof(target));

	return n > 0 && dax_path_is_copy(target, (size_t)n) && shim_session_exists();
}

/**
 * shim_path_is_readable() - tell whether the kernel can read a path
 * @path:	the pointer, which may be bad
 *
 * Async-signal-safe.
 *
 * Return: true if it can; false if every call with this path fails with EFAULT.
 */
SHIM_COLD bool shim_path_is_readable(const char *path)
{
	char target[2];

	return sys4(readlinkat, AT_FDCWD, path, target, sizeof(target)) != -EFAULT;
}

/*
 * Finds the session in whose runtime directory a path lies; opens it if the path looks
 * like one there. Return: the session, or NULL.
 */
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
 * shim_path_unredirect() - translate a path in the runtime directory to the emulated path
 * @path:	a path, terminated; changed in place
 * @len:	its length
 *
 * Async-signal-safe.
 *
 * Return: the new length, or -1 if the path does not lie in the runtime directory.
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
	memmove(path + s->root_len, path + s->dir_len, len - s->dir_len + 1);
	return (ssize_t)(len - s->dir_len + s->root_len);
}

/* True if the last component may name a shared directory, or lead to one. */
static bool may_be_shared(const char *path)
{
	static const char *const names[] = {
		".",        "..",     "dev",     "bus",     "class",  "char",
		"platform", "module", "devices", "drivers", "memory",
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
	return !strncmp(path + start, "node", 4); /* node0 */
}

/**
 * shim_path_is_shared_dir() - tell whether a directory has emulated entries as well
 * @dirfd:	directory that a relative path starts from, or AT_FDCWD
 * @path:	path of a directory, or NULL for @dirfd itself
 * @extra:	receives the path in the runtime directory of the emulated entries
 *
 * Async-signal-safe, but needs 12 KiB of stack.
 *
 * Return: true if the directory must show them besides its own entries, as /dev and
 * /sys/bus must.
 */
bool shim_path_is_shared_dir(int dirfd, const char *path, char extra[PATH_MAX])
{
	struct walk w = {.done = extra};
	size_t root;
	size_t len;

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
	if (w.len > 4 && !strcmp(extra + w.len - 4, "/dev") && is_dev(w.session, extra))
		w.len = write_dev(w.session, extra);
	root = root_of(w.session, extra);
	len = w.len - root;
	if (!dax_path_is_shared_dir(extra + root, len) ||
	    w.session->dir_len + len >= PATH_MAX)
		return false;
	if (starts_with_dir(extra + root, "/sys", 4))
		shim_session_await_tree(w.session);
	memmove(extra + w.session->dir_len, extra + root, len + 1);
	memcpy(extra, w.session->dir, w.session->dir_len);
	return true;
}

/**
 * shim_path_hides_blocks() - tell whether a shared directory must not list memory blocks
 * @extra:	of that directory, from shim_path_is_shared_dir()
 *
 * While devices have memory blocks, the machine's are hidden. Async-signal-safe.
 *
 * Return: true if entries "memoryN" of the directory itself must be left out.
 */
bool shim_path_hides_blocks(const char *extra)
{
	const struct shim_session *s = shim_session();
	const char *path = extra + s->dir_len;

	return has_memory(s) && dax_path_has_blocks(path, strlen(path));
}
