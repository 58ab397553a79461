// SPDX-License-Identifier: BSD-2-Clause
/* path.*: all ways to name the node, and to find it by listing folders. */
#include <ftw.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>

#include "tests/conformance/call.h"

/*
 * Check that a path opens the device: its mapping shows bytes stored by the normal path.
 */
static void say_is_device(const char *path)
{
	char *here = map_units(1);
	int fd = c_open(path, O_RDWR, 0);
	struct stat st;
	char *p;

	if (fd < 0) {
		say_ok(fd);
		return;
	}
	fill(here, 64, 6);
	must(c_stat(path, &st) == 0);
	p = map(fd, A, PROT_READ, 0);
	say("rdev=%d data=%d private=%d", st.st_rdev == t.dev_t, is_filled(p, 64, 6),
	    try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
}

static void say_is_device_fmt(const char *fmt, const char *arg)
{
	char path[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, sizeof(path), fmt, arg);
#pragma GCC diagnostic pop
	say_is_device(path);
}

static const struct {
	const char *name;
	const char *fmt; /* with %s for the name without /dev */
} spelling[] = {
	{"plain", "/dev/%s"},
	{"double_slash", "//dev//%s"},
	{"many_slashes", "////dev////%s"},
	{"dot", "/dev/./%s"},
	{"dots", "/./././dev/././%s"},
	{"dotdot", "/dev/../dev/%s"},
	{"dotdot_of_root", "/../../dev/%s"},
	{"dotdot_from_proc", "/proc/../dev/%s"},
	{"dotdot_from_sys", "/sys/bus/../../dev/%s"},
	{"dotdot_missing", "/nonexistent/../dev/%s"},
	{"proc_self_root", "/proc/self/root/dev/%s"},
	{"upper_case", "/DEV/%s"},
};

static void spelling_case(const long *arg)
{
	say_is_device_fmt(spelling[arg[0]].fmt, t.name);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(spelling); i++)
		case_make(spelling_case, ARGS(i), "path.spelling.%s", spelling[i].name);
}

CASE("path.relative")
{
	must(c_chdir("/dev") == 0);
	say_is_device(t.name);
	say_is_device_fmt("./%s", t.name);
	say_is_device_fmt("../dev/%s", t.name);
	must(c_chdir("/") == 0);
	say_is_device_fmt("dev/%s", t.name);
	must(c_chdir("/proc/self") == 0);
	say_is_device_fmt("../../dev/%s", t.name);
}

CASE("path.proc_self_cwd")
{
	must(c_chdir("/dev") == 0);
	say_is_device_fmt("/proc/self/cwd/%s", t.name);
}

CASE("path.fchdir")
{
	must(c_fchdir(c_open("/dev", O_RDONLY, 0)) == 0);
	say_is_device(t.name);
}

CASE("path.symlink.to_node")
{
	char *link = temp_name("link");

	must(symlink(t.dev, link) == 0);
	say_is_device(link);
	say_ok(c_open(link, O_RDWR | O_NOFOLLOW, 0));
	say_ok(c_open(link, O_RDWR | O_DIRECT, 0));
	unlink(link);
}

CASE("path.symlink.relative")
{
	char *link = temp_name("link");
	char to[512] = "";
	const char *p;

	for (p = temp_folder(); *p; p++)
		if (*p == '/')
			strcat(to, "../");
	strcat(to, t.dev + 1);
	must(symlink(to, link) == 0);
	say_is_device(link);
	unlink(link);
}

CASE("path.symlink.to_folder")
{
	char *link = temp_name("link");
	char path[PATH_MAX];

	must(symlink("/dev", link) == 0);
	snprintf(path, sizeof(path), "%s/%s", link, t.name);
	say_is_device(path);
	say_ok(c_open(path, O_RDWR | O_NOFOLLOW, 0));
	snprintf(path, sizeof(path), "%s/../dev/%s", link, t.name);
	say_is_device(path);
	unlink(link);
}

CASE("path.symlink.chain")
{
	char *a = temp_name("a");
	char *b = temp_name("b");

	must(symlink(t.dev, a) == 0 && symlink(a, b) == 0);
	say_is_device(b);
	unlink(a);
	unlink(b);
}

CASE("path.symlink.loop")
{
	char *a = temp_name("a");

	must(symlink(a, a) == 0);
	say_ok(c_open(a, O_RDWR, 0));
	unlink(a);
}

CASE("path.symlink.stat")
{
	char *link = temp_name("link");
	struct stat st;
	char b[256];

	must(symlink(t.dev, link) == 0);
	say("%s", c_lstat(link, &st) == 0 && S_ISLNK(st.st_mode) ? "link" : "no-link");
	say("%s", c_stat(link, &st) == 0 && S_ISCHR(st.st_mode) ? "device" : "no-device");
	say("%d", c_fstatat(AT_FDCWD, link, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			  S_ISLNK(st.st_mode));
	say("%d", c_readlink(link, b, sizeof(b)) == (long)strlen(t.dev));
	unlink(link);
}

CASE("path.proc_fd")
{
	int fd = dev_open(O_RDONLY);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_is_device(path);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	say_is_device(path);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	say_is_device(path);
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	say_is_device(path);
}

CASE("path.proc_fd.flags")
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDONLY));
	say_ok(c_open(path, O_RDWR | O_DIRECT, 0));
	say_ok(c_open(path, O_RDWR | O_NOFOLLOW, 0));
	say_ok(c_open(path, O_RDWR | O_CREAT | O_EXCL, 0));
	say_ok(c_open(path, O_RDWR | O_TRUNC, 0));
	say_ok(c_open(path, O_DIRECTORY, 0));
}

CASE("path.proc_fd.link_text")
{
	char path[64];
	char b[256];
	long n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDWR));
	n = c_readlink(path, b, sizeof(b) - 1);
	must(n >= 0);
	b[n] = '\0';
	say_text(b);
	n = c_readlinkat(AT_FDCWD, path, b, 4);
	say_ret(n);
}

CASE("path.proc_fd.link_text_other_spelling")
{
	char path[512];
	char b[256];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/..//dev/./%s", t.name);
	fd = c_open(path, O_RDWR, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = c_readlink(path, b, sizeof(b) - 1);
	must(n >= 0);
	b[n] = '\0';
	say_text(b);
}

CASE("path.dev_stdin")
{
	c_dup2(dev_open(O_RDWR), 0);
	say_is_device("/dev/stdin");
}

CASE("path.readdir")
{
	DIR *d = opendir("/dev");
	struct dirent *e;
	struct stat st;
	int seen = 0;

	must(d && c_stat(t.dev, &st) == 0);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, t.name) == 0) {
			seen++;
			say("type=%d ino=%d", e->d_type, e->d_ino == st.st_ino);
		}
	}
	say("times=%d", seen);
	rewinddir(d);
	seen = 0;
	while ((e = readdir(d)))
		seen += strcmp(e->d_name, t.name) == 0;
	say("again=%d", seen);
}

CASE("path.getdents")
{
	int fd = c_open("/dev", O_RDONLY | O_DIRECTORY, 0);
	char b[16384];
	int seen = 0;
	long n;

	while ((n = c_getdents64(fd, b, sizeof(b))) > 0) {
		long at = 0;

		while (at < n) {
			struct dirent64 *e = (struct dirent64 *)(b + at);

			seen += strcmp(e->d_name, t.name) == 0 && e->d_type == DT_CHR;
			at += e->d_reclen;
		}
	}
	say("times=%d", seen);
}

static int is_it(const struct dirent *e)
{
	return strcmp(e->d_name, t.name) == 0;
}

static int is_it64(const struct dirent64 *e)
{
	return strcmp(e->d_name, t.name) == 0;
}

CASE("libc.scandir")
{
	struct dirent64 **list64;
	struct dirent **list;

	say_ret(scandir("/dev", &list, is_it, alphasort));
	say_ret(scandir64("/dev", &list64, is_it64, NULL));
	say_ret(scandirat(AT_FDCWD, "/dev", &list, is_it, NULL));
}

CASE("libc.fdopendir")
{
	DIR *d = fdopendir(c_open("/dev", O_RDONLY | O_DIRECTORY, 0));
	struct dirent *e;
	int seen = 0;

	must(d);
	while ((e = readdir(d)))
		seen += is_it(e);
	say("times=%d", seen);
}

CASE("libc.opendir_of_node")
{
	say("%s", opendir(t.dev) ? "ok" : err_name(errno));
	say("%s", fdopendir(dev_open(O_RDONLY)) ? "ok" : err_name(errno));
}

CASE("libc.glob")
{
	glob_t g = {0};
	size_t i;
	int seen = 0;

	must(glob("/dev/dax*", 0, NULL, &g) == 0);
	for (i = 0; i < g.gl_pathc; i++)
		seen += strcmp(g.gl_pathv[i], t.dev) == 0;
	say("star=%d", seen);
	seen = 0;
	if (glob("/d?v/dax[0-9]*.[0-9]*", 0, NULL, &g) == 0)
		for (i = 0; i < g.gl_pathc; i++)
			seen += strcmp(g.gl_pathv[i], t.dev) == 0;
	say("sets=%d", seen);
	say("exact=%d", glob(t.dev, 0, NULL, &g));
}

static int walk_seen;

static int walk(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)ftw;
	if (strcmp(path, t.dev) == 0 && flag == FTW_F && st->st_rdev == t.dev_t)
		walk_seen++;
	return 0;
}

CASE("libc.nftw")
{
	nftw("/dev", walk, 8, FTW_PHYS | FTW_MOUNT);
	say("times=%d", walk_seen);
}

CASE("libc.fts")
{
	char folder[] = "/dev";
	char *argv[] = {folder, NULL};
	FTS *f = fts_open(argv, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;
	int seen = 0;

	must(f);
	while ((e = fts_read(f)))
		if (strcmp(e->fts_path, t.dev) == 0)
			seen += e->fts_info == FTS_DEFAULT &&
				e->fts_statp->st_rdev == t.dev_t;
	say("times=%d", seen);
}

CASE("libc.realpath")
{
	char b[PATH_MAX];
	char path[300];
	char *p;

	p = realpath(t.dev, b);
	say_text(p ? p : err_name(errno));
	snprintf(path, sizeof(path), "/proc/..//dev/./%s", t.name);
	p = realpath(path, NULL);
	say_text(p ? p : err_name(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDWR));
	p = realpath(path, NULL);
	say_text(p ? p : err_name(errno));
	snprintf(path, sizeof(path), "%s/x", t.dev);
	p = realpath(path, NULL);
	say_text(p ? p : err_name(errno));
	p = canonicalize_file_name(t.dev);
	say_text(p ? p : err_name(errno));
}
