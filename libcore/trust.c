/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May a runtime directory be trusted?
 *
 * The walk begins at the root and looks at each component before it looks into it. A
 * directory that passes can be changed by root and the caller's own user only, so the
 * components above the current one stay as they were seen. In a sticky directory that
 * others may write to, only the owner of an entry can replace it.
 *
 * In a user namespace, users without a number look like one user. Root on the outside is
 * one of them, and so is every stranger. A directory of theirs passes only where a
 * stranger cannot have put it: below a directory that nobody else may write to. The last
 * component, which is what is trusted, must be a mount as well, made by the one who
 * made the sandbox, or be the system's daemon's.
 */
#include "libcore/trust.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define TURNS_MAX 40 /* as the kernel's MAXSYMLINKS */

static int refuse(struct dax_trust *t, enum dax_trust_reason reason, int error)
{
	t->reason = reason;
	t->error = error;
	return -error;
}

/* True if other users may put entries into a directory. */
static bool is_shared(const struct dax_trust_file *dir)
{
	/* With an ACL, the group's bits are its mask: no entry allows more. */
	return dir->mode & (S_IWGRP | S_IWOTH);
}

static bool is_trusted_owner(const struct dax_trust *t, uint32_t uid)
{
	if (uid == 0)
		return true;
	return uid == t->euid && (uid != DAX_TRUST_OVERFLOW_UID ||
				  t->ops->map() != DAX_TRUST_MAP_NO_OVERFLOW);
}

static int check_owner(struct dax_trust *t, const struct dax_trust_file *parent,
		       const struct dax_trust_file *dir, bool is_last)
{
	const bool is_ours = is_trusted_owner(t, dir->uid);
	const bool is_mount = dir->is_mount || dir->dev != parent->dev;
	const bool is_unmapped = !is_ours && dir->uid == DAX_TRUST_OVERFLOW_UID &&
				 t->ops->map() != DAX_TRUST_MAP_ALL;

	if (!is_ours && !is_unmapped)
		return refuse(t, DAX_TRUST_OWNER, EPERM);
	if (!is_shared(parent) && !(is_unmapped && is_last))
		return 0;
	/* Any user may mount a FUSE file system on a directory, and pretend any owner. */
	if (is_mount && t->ops->is_fuse(t->path))
		return refuse(t, DAX_TRUST_FUSE, EPERM);
	if (is_ours || is_mount ||
	    (!is_shared(parent) && !strcmp(t->path, DAX_SYSTEM_DIR)))
		return 0;
	return refuse(t, DAX_TRUST_UNMAPPED, EPERM);
}

/* Check a directory, and make it the @parent of the next one. */
static int check_dir(struct dax_trust *t, struct dax_trust_file *parent,
		     const struct dax_trust_file *dir, bool is_last)
{
	int r;

	if (!S_ISDIR(dir->mode))
		return refuse(t, DAX_TRUST_FAILED, ENOTDIR);
	r = check_owner(t, parent, dir, is_last);
	if (r < 0)
		return r;
	if (is_shared(dir) && (is_last || !(dir->mode & S_ISVTX)))
		return refuse(t, DAX_TRUST_WRITABLE, EPERM);
	*parent = *dir;
	return 0;
}

static int fail(struct dax_trust *t, int error)
{
	return refuse(t, DAX_TRUST_FAILED, error);
}

/* Replace the last component of t->path by @text, and walk again from the top. */
static int turn(struct dax_trust *t, size_t at, const char *text, size_t len)
{
	const size_t rest = strlen(t->rest) + 1;

	if (len && text[0] == '/')
		at = 0;
	if (at + len + 2 + rest > sizeof(t->rest))
		return fail(t, ENAMETOOLONG);
	memmove(t->rest + at + len + 2, t->rest, rest);
	memcpy(t->rest, t->path, at);
	t->rest[at] = '/';
	memcpy(t->rest + at + 1, text, len);
	t->rest[at + 1 + len] = '/';
	t->path[0] = '\0';
	return 0;
}

/* Follow the link at t->path, whose parent's path has @at bytes. */
static int follow(struct dax_trust *t, const struct dax_trust_file *parent,
		  const struct dax_trust_file *link, size_t at)
{
	long n;

	if (is_shared(parent) && !is_trusted_owner(t, link->uid))
		return refuse(t, DAX_TRUST_LINK, EPERM);
	n = t->ops->readlink(t->path, t->link, sizeof(t->link));
	return n < 0 ? fail(t, (int)-n) : turn(t, at, t->link, (size_t)n);
}

/* Drop slashes and "." from the front of the rest. Return: the next component's length. */
static size_t find_next(struct dax_trust *t)
{
	const char *p = t->rest;
	size_t len = 0;

	while (*p == '/' || (p[0] == '.' && (!p[1] || p[1] == '/')))
		p++;
	memmove(t->rest, p, strlen(p) + 1);
	while (t->rest[len] && t->rest[len] != '/')
		len++;
	return len;
}

static int stat_path(struct dax_trust *t, struct dax_trust_file *file)
{
	int r = t->ops->stat(t->path[0] ? t->path : "/", file);

	t->uid = r < 0 ? 0 : file->uid;
	return r < 0 ? fail(t, -r) : 0;
}

/* Look at the next component, of @len bytes. The path is empty if a new walk begins. */
static int step(struct dax_trust *t, struct dax_trust_file *parent, size_t len)
{
	const size_t at = strlen(t->path);
	const bool is_up = len == 2 && t->rest[0] == '.' && t->rest[1] == '.';
	struct dax_trust_file file;
	size_t parent_len = at;
	int r;

	/* There is room: the path has grown by no more than the rest has lost. */
	if (!is_up) {
		t->path[at] = '/';
		memcpy(t->path + at + 1, t->rest, len);
		t->path[at + 1 + len] = '\0';
	}
	memmove(t->rest, t->rest + len, strlen(t->rest + len) + 1);
	if (is_up) {
		while (parent_len && t->path[parent_len] != '/')
			parent_len--;
		return turn(t, parent_len, "", 0);
	}
	r = stat_path(t, &file);
	if (r < 0)
		return r;
	if (S_ISLNK(file.mode))
		return follow(t, parent, &file, at);
	/* A directory for others' entries, too, is judged as one on the way is. */
	return check_dir(t, parent, &file, !find_next(t) && t->use == DAX_TRUST_RUNTIME);
}

/**
 * dax_trust_check() - check whether a directory can be trusted
 * @t:		with ops, euid and use; receives the result
 * @path:	absolute
 *
 * Return: 0, and t->path has no links in it; -EPERM: somebody else could change what is
 * there, t->reason and t->path say where; or another negative errno, of a component that
 * can't be looked at.
 */
int dax_trust_check(struct dax_trust *t, const char *path)
{
	struct dax_trust_file dir;
	unsigned int nr_walks = 0;
	size_t len;
	int r;

	t->reason = DAX_TRUST_OK;
	t->error = 0;
	t->path[0] = '\0';
	if (path[0] != '/' || strlen(path) >= sizeof(t->rest))
		return fail(t, path[0] == '/' ? ENAMETOOLONG : EINVAL);
	strcpy(t->rest, path);
	do {
		if (!t->path[0]) {
			const struct dax_trust_file none = {.mode = 0};
			struct dax_trust_file top;

			if (++nr_walks > TURNS_MAX)
				return fail(t, ELOOP);
			dir = none;
			r = stat_path(t, &top);
			top.is_mount = true;
			if (r == 0)
				r = check_dir(t, &dir, &top, false);
			if (r < 0) {
				strcpy(t->path, "/");
				return r;
			}
		}
		len = find_next(t);
		r = len ? step(t, &dir, len) : 0;
	} while (r == 0 && len);
	if (r == 0 && !t->path[0])
		strcpy(t->path, "/");
	return r;
}

struct out {
	char *at;
	char *last; /* where the terminator must be at the latest */
	size_t len; /* of all text, including what does not fit */
};

static void put(struct out *out, const char *text)
{
	for (; *text; text++) {
		if (out->at < out->last)
			*out->at++ = *text;
		out->len++;
	}
}

static void put_number(struct out *out, uint32_t n)
{
	char digits[11];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10));
	put(out, p);
}

static void put_reason(struct out *out, const struct dax_trust *t)
{
	switch (t->reason) {
	case DAX_TRUST_OWNER:
		put(out, ": belongs to uid ");
		put_number(out, t->uid);
		put(out, ", neither root nor you (uid ");
		put_number(out, t->euid);
		put(out, "): that user could read and change what programs store (use a "
			 "daemon of your own, or run this as that user)");
		return;
	case DAX_TRUST_UNMAPPED:
		put(out, ": belongs to a user without a number in this user namespace "
			 "(bind-mount this directory into the sandbox)");
		return;
	case DAX_TRUST_WRITABLE:
		put(out, ": other users may write to it (chmod go-w it)");
		return;
	case DAX_TRUST_LINK:
		put(out, ": is a link that uid ");
		put_number(out, t->uid);
		put(out, " can change (name the directory itself)");
		return;
	case DAX_TRUST_FUSE:
		put(out, ": is a FUSE file system in a place where any user could have "
			 "mounted it (choose another directory)");
		return;
	case DAX_TRUST_OK:
	case DAX_TRUST_FAILED:
		break;
	}
	put(out, ": can't be looked at: errno ");
	put_number(out, (uint32_t)t->error);
}

/**
 * dax_trust_text() - explain the result of dax_trust_check()
 * @t:		after a failure
 * @buf:	receives a sentence of the form "PATH: why (remedy)", terminated
 * @size:	bytes of @buf, not 0
 *
 * Async-signal-safe.
 *
 * Return: the length of the text, including what does not fit.
 */
size_t dax_trust_text(const struct dax_trust *t, char *buf, size_t size)
{
	struct out out = {buf, buf + size - 1, 0};

	put(&out, t->path);
	put_reason(&out, t);
	*out.at = '\0';
	return out.len;
}

/**
 * dax_trust_map_parse() - tell which users a user namespace knows
 * @uid_map:	the text of /proc/self/uid_map: lines "INSIDE OUTSIDE COUNT"
 *
 * Return: the kind of map; DAX_TRUST_MAP_ALL if the text is empty.
 */
enum dax_trust_map dax_trust_map_parse(const char *uid_map)
{
	uint64_t n[3] = {0, 0, UINT32_MAX};
	enum dax_trust_map map = DAX_TRUST_MAP_NO_OVERFLOW;
	unsigned int i = 0;
	bool is_in = false;

	for (; *uid_map; uid_map++) {
		const bool is_digit = *uid_map >= '0' && *uid_map <= '9';

		if (is_digit) {
			n[i] = (is_in ? n[i] * 10 : 0) + (uint64_t)(*uid_map - '0');
		} else if (is_in) {
			i = (i + 1) % 3;
		}
		is_in = is_digit;
		if (*uid_map == '\n' && n[0] <= DAX_TRUST_OVERFLOW_UID &&
		    DAX_TRUST_OVERFLOW_UID - n[0] < n[2])
			map = DAX_TRUST_MAP_SOME;
	}
	/* The kernel's last number is no user. */
	return n[0] == 0 && n[2] == UINT32_MAX ? DAX_TRUST_MAP_ALL : map;
}
