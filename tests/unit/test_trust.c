/* SPDX-License-Identifier: BSD-2-Clause */
/* May a runtime directory be trusted? On file systems that are lists of files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "libcore/trust.h"

#include "tests/unit/tap.h"

#define ME     1000
#define OTHER  1001
#define NOBODY DAX_TRUST_OVERFLOW_UID
#define DIR    (S_IFDIR | 0755)
#define STICKY (S_IFDIR | 01777)

/* A file; of a link, the text. */
struct file {
	const char *path;
	uint32_t mode;
	uint32_t uid;
	uint64_t dev; /* 0: that of the root; another one: a mount */
	const char *text;
	bool is_fuse;
	bool is_mount; /* of the same file system */
};

static const struct file *files;
static enum dax_trust_map map = DAX_TRUST_MAP_ALL;
static struct dax_trust trust;

static const struct file *find(const char *path)
{
	const struct file *f;

	for (f = files; f->path; f++)
		if (!strcmp(f->path, path))
			return f;
	return NULL;
}

static int fake_stat(const char *path, struct dax_trust_file *ret)
{
	const struct file *f = find(path);

	if (!f)
		return -ENOENT;
	*ret = (struct dax_trust_file){f->mode, f->uid, f->dev + 1, f->is_mount};
	return 0;
}

static long fake_readlink(const char *path, char *buf, size_t size)
{
	const struct file *f = find(path);
	size_t len = strlen(f->text);

	if (!strcmp(f->text, "broken"))
		return -EIO;
	memcpy(buf, f->text, len < size ? len : size);
	return (long)len;
}

static bool fake_is_fuse(const char *path)
{
	return find(path)->is_fuse;
}

static enum dax_trust_map fake_map(void)
{
	return map;
}

static int check_use(const struct file *list, uint32_t euid, const char *path,
		     enum dax_trust_use use)
{
	static const struct dax_trust_ops ops = {
		.stat = fake_stat,
		.readlink = fake_readlink,
		.is_fuse = fake_is_fuse,
		.map = fake_map,
	};

	files = list;
	trust.ops = &ops;
	trust.euid = euid;
	trust.use = use;
	return dax_trust_check(&trust, path);
}

static int check(const struct file *list, uint32_t euid, const char *path)
{
	return check_use(list, euid, path, DAX_TRUST_RUNTIME);
}

/* Check that the path @name is refused for the reason @why at the component @at. */
#define refused(list, user, name, why, at)                                               \
	do {                                                                             \
		is(check(list, user, name), -EPERM, "%s is refused", name);              \
		is(trust.reason, why, "for the right reason");                           \
		ok(!strcmp(trust.path, at), "at %s", trust.path);                        \
	} while (0)

static const struct file usual[] = {
	{"/", DIR},
	{"/run", DIR, 0, 1},
	{"/run/cuse-daxd", DIR, 0, 1},
	{"/run/user", DIR, 0, 1},
	{"/run/user/1000", S_IFDIR | 0700, ME, 2},
	{"/run/user/1000/cuse-daxd", DIR, ME, 2},
	{"/home", DIR},
	{"/home/other", DIR, OTHER},
	{"/home/other/mine", DIR, ME},
	{"/home/me", DIR, ME},
	{"/home/me/link", S_IFLNK, OTHER, 0, "../../run/./cuse-daxd"},
	{"/home/me/group", S_IFDIR | 0775, ME},
	{"/home/me/group/rt", DIR, ME},
	{"/home/me/all", S_IFDIR | 0777, ME},
	{"/home/me/file", S_IFREG | 0644, ME},
	{"/home/me/loop", S_IFLNK, ME, 0, "loop"},
	{"/home/me/broken", S_IFLNK, ME, 0, "broken"},
	{"/home/me/empty", S_IFLNK, ME, 0, ""},
	{"/tmp", STICKY},
	{"/tmp/mine", DIR, ME},
	{"/tmp/mine/rt", DIR, ME},
	{"/tmp/mine/sticky", STICKY, ME},
	{"/tmp/roots", DIR, 0},
	{"/tmp/others", DIR, OTHER},
	{"/tmp/others/rt", DIR, ME},
	{"/tmp/open", S_IFDIR | 0757, ME},
	{"/tmp/link", S_IFLNK, ME, 0, "/run/cuse-daxd"},
	{"/tmp/trap", S_IFLNK, OTHER, 0, "/run/cuse-daxd"},
	{"/tmp/fuse", DIR, ME, 3, NULL, true},
	{"/tmp/mount", DIR, ME, 3},
	{NULL},
};

static void owners(void)
{
	is(check(usual, ME, "/run/cuse-daxd"), 0, "the system's");
	ok(!strcmp(trust.path, "/run/cuse-daxd"), "its path");
	is(check(usual, ME, "/run/user/1000/cuse-daxd"), 0, "the user's");
	is(check(usual, ME, "/tmp/mine/rt"), 0, "one in /tmp");
	is(check(usual, ME, "/tmp/roots"), 0, "root's in /tmp");
	is(check(usual, ME, "/tmp/mount"), 0, "a mount in /tmp");
	refused(usual, ME, "/tmp/others", DAX_TRUST_OWNER, "/tmp/others");
	refused(usual, ME, "/tmp/others/rt", DAX_TRUST_OWNER, "/tmp/others");
	refused(usual, ME, "/home/other/mine", DAX_TRUST_OWNER, "/home/other");
	refused(usual, 0, "/tmp/mine/rt", DAX_TRUST_OWNER, "/tmp/mine");
	refused(usual, 0, "/run/user/1000", DAX_TRUST_OWNER, "/run/user/1000");
	refused(usual, ME, "/tmp/fuse", DAX_TRUST_FUSE, "/tmp/fuse");
}

static void modes(void)
{
	refused(usual, ME, "/home/me/group", DAX_TRUST_WRITABLE, "/home/me/group");
	refused(usual, ME, "/home/me/group/rt", DAX_TRUST_WRITABLE, "/home/me/group");
	refused(usual, ME, "/home/me/all", DAX_TRUST_WRITABLE, "/home/me/all");
	refused(usual, ME, "/tmp/open", DAX_TRUST_WRITABLE, "/tmp/open");
	refused(usual, ME, "/tmp", DAX_TRUST_WRITABLE, "/tmp");
	refused(usual, ME, "/tmp/mine/sticky", DAX_TRUST_WRITABLE, "/tmp/mine/sticky");
	is(check_use(usual, ME, "/tmp", DAX_TRUST_SHARED), 0, "/tmp for a new directory");
	is(check_use(usual, ME, "/home/me/all", DAX_TRUST_SHARED), -EPERM,
	   "not without the sticky bit");
	is(check_use(usual, 0, "/run/user/1000", DAX_TRUST_SHARED), -EPERM,
	   "root uses no user's");
}

static void paths(void)
{
	static char name[DAX_TRUST_PATH_MAX + 8];

	is(check(usual, ME, "//run/.//cuse-daxd/./"), 0, "slashes and dots");
	ok(!strcmp(trust.path, "/run/cuse-daxd"), "left out");
	is(check(usual, ME, "/home/me/../../run/cuse-daxd"), 0, "up");
	ok(!strcmp(trust.path, "/run/cuse-daxd"), "and down");
	is(check(usual, ME, "/tmp/mine/rt/.."), 0, "up at the end");
	ok(!strcmp(trust.path, "/tmp/mine"), "is the parent");
	refused(usual, ME, "/tmp/mine/..", DAX_TRUST_WRITABLE, "/tmp");
	refused(usual, ME, "/tmp/others/../mine", DAX_TRUST_OWNER, "/tmp/others");
	is(check(usual, ME, "/"), 0, "the root");
	ok(!strcmp(trust.path, "/"), "its path");
	is(check(usual, ME, "/../.."), 0, "above the root is the root");
	is(check(usual, ME, "/home/me/link"), 0,
	   "a link that only its parent's owner made");
	ok(!strcmp(trust.path, "/run/cuse-daxd"), "is followed");
	is(check(usual, ME, "/tmp/link"), 0, "an own link in /tmp");
	refused(usual, ME, "/tmp/trap", DAX_TRUST_LINK, "/tmp/trap");
	is(check(usual, ME, "/home/me/empty"), 0, "an empty link, which Linux has not");
	is(check(usual, ME, "/home/me/loop"), -ELOOP, "a loop");
	is(trust.reason, DAX_TRUST_FAILED, "is no matter of trust");
	is(check(usual, ME, "/home/me/broken"), -EIO, "a link that can't be read");
	is(check(usual, ME, "/home/me/file"), -ENOTDIR, "a file");
	is(check(usual, ME, "/home/me/file/rt"), -ENOTDIR, "below a file");
	is(check(usual, ME, "/none"), -ENOENT, "nothing");
	is(check(usual, ME, "tmp"), -EINVAL, "a relative path");
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	is(check(usual, ME, name), -ENAMETOOLONG, "too long");
	name[DAX_TRUST_PATH_MAX - 1] = '\0';
	is(check(usual, ME, name), -ENOENT, "just not too long");
}

/* The text of a link that does not fit in front of the rest. */
static void long_links(void)
{
	static char text[DAX_TRUST_PATH_MAX];
	static char path[DAX_TRUST_PATH_MAX];
	static const struct file list[] = {{"/", DIR},
					   {"/l", S_IFLNK, 0, 0, text},
					   {NULL}};
	static const struct file up[] = {
		{"/", DIR}, {"/u", DIR}, {"/u/l", S_IFLNK, 0, 0, text}, {NULL}};

	memset(text, 'x', sizeof(text) - 1);
	is(check(list, ME, "/l"), -ENAMETOOLONG, "the link is too long");
	text[sizeof(text) - 3] = '\0';
	is(check(list, ME, "/l/y"), -ENAMETOOLONG, "with the rest");
	memset(path, 'y', sizeof(path) - 1);
	memcpy(path, "/u/l/", 5);
	text[10] = '\0';
	is(check(up, ME, path), -ENAMETOOLONG, "with parent and rest");
	/* A path of many components is longer with its parents. */
	strcpy(text, "/");
	memset(path, 'x', sizeof(path) - 1);
	memcpy(path, "/l/", 3);
	path[sizeof(path) - 8] = '\0';
	is(check(list, ME, path), -ENOENT, "shorter without the link");
}

static const struct file no_root[] = {{NULL}};
static const struct file others_root[] = {{"/", DIR, OTHER}, {NULL}};

/* A user namespace that knows only its own user; root and all others look alike. */
static const struct file sandbox[] = {
	{"/", DIR, NOBODY},
	{"/run", DIR, NOBODY, 1},
	{"/run/cuse-daxd", DIR, NOBODY, 1},
	{"/run/other", DIR, NOBODY, 1},
	{"/run/mount", DIR, NOBODY, 2},
	{"/run/bind", DIR, NOBODY, 1, NULL, false, true},
	{"/run/fuse", DIR, NOBODY, 3, NULL, true},
	{"/run/mine", DIR, ME, 1},
	{"/tmp", STICKY, NOBODY},
	{"/tmp/cuse-daxd", DIR, NOBODY},
	{"/tmp/mount", DIR, NOBODY, 1},
	{"/tmp/mount/rt", DIR, NOBODY, 1},
	{"/tmp/mine", DIR, ME},
	{"/tmp/trap", S_IFLNK, NOBODY, 0, "/run/cuse-daxd"},
	{NULL},
};

static void namespaces(void)
{
	map = DAX_TRUST_MAP_NO_OVERFLOW;
	is(check(sandbox, ME, "/run/cuse-daxd"), 0, "the system's in a user namespace");
	is(check(sandbox, ME, "/run/mount"), 0, "a mount");
	is(check(sandbox, ME, "/run/bind"), 0, "a bind mount of the same file system");
	is(check(sandbox, ME, "/tmp/mount"), 0, "a mount in a directory of all");
	is(check(sandbox, ME, "/run/mine"), 0, "the user's own");
	is(check(sandbox, ME, "/tmp/mine"), 0, "and in /tmp");
	is(check_use(sandbox, ME, "/tmp", DAX_TRUST_SHARED), 0, "/tmp itself");
	refused(sandbox, ME, "/run/other", DAX_TRUST_UNMAPPED, "/run/other");
	refused(sandbox, ME, "/run/fuse", DAX_TRUST_FUSE, "/run/fuse");
	refused(sandbox, ME, "/tmp/cuse-daxd", DAX_TRUST_UNMAPPED, "/tmp/cuse-daxd");
	refused(sandbox, ME, "/tmp/mount/rt", DAX_TRUST_UNMAPPED, "/tmp/mount/rt");
	refused(sandbox, ME, "/tmp/trap", DAX_TRUST_LINK, "/tmp/trap");
	refused(sandbox, NOBODY, "/tmp/cuse-daxd", DAX_TRUST_UNMAPPED, "/tmp/cuse-daxd");
	map = DAX_TRUST_MAP_SOME;
	is(check(sandbox, NOBODY, "/tmp/cuse-daxd"), 0, "a user of that number");
	refused(sandbox, ME, "/tmp/cuse-daxd", DAX_TRUST_UNMAPPED, "/tmp/cuse-daxd");
	map = DAX_TRUST_MAP_ALL;
	refused(sandbox, ME, "/run/cuse-daxd", DAX_TRUST_OWNER, "/");
	is(check(no_root, ME, "/x"), -ENOENT, "not even a root");
	refused(others_root, ME, "/x", DAX_TRUST_OWNER, "/");
}

static void maps(void)
{
	is(dax_trust_map_parse(""), DAX_TRUST_MAP_ALL, "no map");
	is(dax_trust_map_parse("         0          0 4294967295\n"), DAX_TRUST_MAP_ALL,
	   "the first namespace");
	is(dax_trust_map_parse("      1000       1000          1\n"),
	   DAX_TRUST_MAP_NO_OVERFLOW, "one user");
	is(dax_trust_map_parse("0 1000 1\n1 100000 65536\n"), DAX_TRUST_MAP_SOME,
	   "a container");
	is(dax_trust_map_parse("0 100000 65534\n"), DAX_TRUST_MAP_NO_OVERFLOW,
	   "one less");
	is(dax_trust_map_parse("65534 1 1\n0 0 1\n"), DAX_TRUST_MAP_SOME,
	   "just that one");
	is(dax_trust_map_parse("65535 1 9\n"), DAX_TRUST_MAP_NO_OVERFLOW, "one more");
}

static void texts(void)
{
	static const struct {
		enum dax_trust_reason reason;
		const char *text;
	} cases[] = {
		{DAX_TRUST_OWNER,
		 "/x: belongs to uid 1001, neither root nor you (uid 0)"},
		{DAX_TRUST_UNMAPPED, "/x: belongs to a user without a number"},
		{DAX_TRUST_WRITABLE, "/x: other users may write to it (chmod go-w it)"},
		{DAX_TRUST_LINK, "/x: is a link that uid 1001 can change"},
		{DAX_TRUST_FUSE, "/x: is a FUSE file system"},
		{DAX_TRUST_FAILED, "/x: can't be looked at: errno 5"},
		{DAX_TRUST_OK, "/x: can't be looked at"},
	};
	char buf[512];
	char small[8];
	size_t i;

	trust.uid = OTHER;
	trust.euid = 0;
	trust.error = 5;
	strcpy(trust.path, "/x");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		trust.reason = cases[i].reason;
		is(dax_trust_text(&trust, buf, sizeof(buf)), strlen(buf), "the length");
		ok(!strncmp(buf, cases[i].text, strlen(cases[i].text)), "%s", buf);
	}
	ok(dax_trust_text(&trust, small, sizeof(small)) > sizeof(small),
	   "what does not fit");
	ok(!strcmp(small, "/x: can"), "is cut off");
}

int main(void)
{
	owners();
	modes();
	paths();
	long_links();
	namespaces();
	maps();
	texts();
	return tap_done();
}
