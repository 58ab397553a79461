// SPDX-License-Identifier: BSD-2-Clause
/* sysfs.use.*: reading an attribute in all ways in which a file can be read. */
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "tests/conformance/call.h"

static char *attribute(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", t.sys, name) < 0)
		abort();
	return path;
}

static int attribute_open(const char *name)
{
	int fd = c_open(attribute(name), O_RDONLY, 0);

	must(fd >= 0);
	return fd;
}

static void say_string(const char *b, long n)
{
	char text[256];

	if (n < 0) {
		say_ok(n);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)n, b);
	say_text(text);
}

CASE("sysfs.use.read_again_is_empty")
{
	int fd = attribute_open("size");
	char b[64];

	say_string(b, c_read(fd, b, sizeof(b)));
	say_ret(c_read(fd, b, sizeof(b)));
	say_ret(c_lseek(fd, 0, SEEK_SET));
	say_string(b, c_read(fd, b, sizeof(b)));
}

CASE("sysfs.use.read_in_bytes")
{
	int fd = attribute_open("modalias");
	char text[64] = "";
	size_t n = 0;

	while (n < sizeof(text) - 1 && c_read(fd, text + n, 1) == 1)
		n++;
	say_text(text);
}

CASE("sysfs.use.pread")
{
	int fd = attribute_open("modalias");
	char b[64];

	say_string(b, c_pread(fd, b, sizeof(b), 0));
	say_string(b, c_pread(fd, b, 3, 4));
	say_ret(c_pread(fd, b, sizeof(b), 4096));
	say_ret(c_pread(fd, b, sizeof(b), -1));
	say_string(b, c_read(fd, b, sizeof(b)));
}

CASE("sysfs.use.lseek")
{
	int fd = attribute_open("size");

	say_ret(c_lseek(fd, 3, SEEK_SET));
	say_ret(c_lseek(fd, 2, SEEK_CUR));
	say_ret(c_lseek(fd, 0, SEEK_END));
	say_ret(c_lseek(fd, -1, SEEK_SET));
	say_ret(c_lseek(fd, 5000, SEEK_SET));
}

CASE("sysfs.use.mmap")
{
	int fd = attribute_open("size");

	say_map(c_mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0));
	say_map(c_mmap(NULL, P, PROT_READ, MAP_PRIVATE, fd, 0));
}

CASE("sysfs.use.poll")
{
	struct pollfd p = {attribute_open("size"), POLLIN | POLLPRI, 0};
	char b[64];

	say_ret(c_poll(&p, 1, 0));
	say("0x%x", (unsigned int)p.revents);
	c_read(p.fd, b, sizeof(b));
	say_ret(c_poll(&p, 1, 0));
	say("0x%x", (unsigned int)p.revents);
}

CASE("sysfs.use.open_flags")
{
	char *path = attribute("size");

	label("trunc"), say_ok(c_open(path, O_RDONLY | O_TRUNC, 0));
	label("creat"), say_ok(c_open(path, O_RDONLY | O_CREAT, 0600));
	label("creat-excl"), say_ok(c_open(path, O_RDONLY | O_CREAT | O_EXCL, 0600));
	label("direct"), say_ok(c_open(path, O_RDONLY | O_DIRECT, 0));
	label("directory"), say_ok(c_open(path, O_RDONLY | O_DIRECTORY, 0));
	label("path"), say_ok(c_open(path, O_PATH, 0));
	label("append"), say_ok(c_open(path, O_RDONLY | O_APPEND, 0));
	label("truncate"), say_ok(c_truncate(path, 0));
	label("new"), say_ok(c_open(attribute("nothing"), O_RDWR | O_CREAT, 0600));
	label("missing"), say_ok(c_open(attribute("nothing"), O_RDONLY, 0));
	label("below"), say_ok(c_open(attribute("size/x"), O_RDONLY, 0));
	label("slash"), say_ok(c_open(attribute("size/"), O_RDONLY, 0));
}

CASE("sysfs.use.change_the_tree")
{
	char *path = attribute("size");

	label("unlink"), say_ok(c_unlink(path));
	label("mkdir"), say_ok(c_mkdir(attribute("x"), 0755));
	label("symlink"), say_ok(c_symlink("size", attribute("x")));
	label("rename"), say_ok(c_rename(path, attribute("x")));
	label("link"), say_ok(c_link(path, attribute("x")));
	label("rmdir"), say_ok(rmdir(attribute("power")));
	label("mknod"), say_ok(c_mknod(attribute("x"), S_IFREG | 0600, 0));
	label("still"), say_ok(c_access(path, F_OK));
}

CASE("sysfs.use.stat")
{
	struct stat st;

	must(c_stat(attribute("size"), &st) == 0);
	say("0%o size=%ld blocks=%ld blksize=%ld nlink=%ld uid=%d", st.st_mode,
	    (long)st.st_size, (long)st.st_blocks, (long)st.st_blksize, (long)st.st_nlink,
	    (int)st.st_uid);
	must(c_stat(t.sys, &st) == 0);
	say("0%o size=%ld", st.st_mode, (long)st.st_size);
	must(c_lstat(t.sys, &st) == 0);
	say("0%o size=%ld", st.st_mode, (long)st.st_size);
}

CASE("sysfs.use.relative")
{
	int dir = c_open(t.sys, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;
	char b[64];
	int fd;

	must(dir >= 0);
	fd = c_openat(dir, "align", O_RDONLY, 0);
	label("openat"), say_string(b, fd < 0 ? -1 : c_read(fd, b, sizeof(b)));
	fd = c_openat(dir, "../../region_nothing", O_RDONLY, 0);
	label("missing"), say_ok(fd);
	label("fstatat"), say_ok(c_fstatat(dir, "mapping0", &st, 0));
	must(c_fchdir(dir) == 0);
	fd = c_open("size", O_RDONLY, 0);
	label("fchdir"), say_string(b, fd < 0 ? -1 : c_read(fd, b, sizeof(b)));
	must(c_chdir("..") == 0);
	fd = c_open("dax_region/size", O_RDONLY, 0);
	label("dotdot"), say_string(b, fd < 0 ? -1 : c_read(fd, b, sizeof(b)));
	must(c_chdir("/sys/dev/char") == 0);
	snprintf(b, sizeof(b), "./%s/../%s/size", t.rdev, t.name);
	fd = c_open(b, O_RDONLY, 0);
	label("through-link"), say_string(b, fd < 0 ? -1 : c_read(fd, b, sizeof(b)));
}

CASE("sysfs.use.spellings")
{
	static const char *const fmt[] = {
		"/sys/bus/dax/devices/%s/size",
		"/sys//bus/./dax/devices/%s/size",
		"/sys/class/../bus/dax/devices/%s/../%s/size",
		"/proc/../sys/bus/dax/devices/%s/size",
		"/sys/bus/dax/drivers/device_dax/%s/size",
		"/sys/bus/dax/devices/%s/subsystem/devices/%s/driver/%s/size"};
	char path[512];
	char b[64];
	size_t i;
	int fd;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	for (i = 0; i < COUNT(fmt); i++) {
		snprintf(path, sizeof(path), fmt[i], t.name, t.name, t.name);
		fd = c_open(path, O_RDONLY, 0);
		say_string(b, fd < 0 ? -1 : c_read(fd, b, sizeof(b)));
	}
#pragma GCC diagnostic pop
}

CASE("sysfs.use.all_paths_one_folder")
{
	char path[256];
	struct stat a, b;

	must(c_stat(t.sys, &a) == 0);
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s", t.name);
	must(c_stat(path, &b) == 0);
	say("%d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", t.name);
	must(c_stat(path, &b) == 0);
	say("%d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

CASE("sysfs.use.proc_fd_link")
{
	char path[64];
	char b[PATH_MAX];
	char *last;
	long n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", attribute_open("size"));
	n = c_readlink(path, b, sizeof(b) - 1);
	must(n > 0);
	b[n] = '\0';
	last = strstr(b, "/region");
	say("%s", strncmp(b, "/sys/devices/", 13) == 0 ? "/sys/devices/..." : b);
	say_text(last ? last : b);
}

CASE("libc.sysfs.realpath")
{
	char b[PATH_MAX];
	char *p = realpath(t.sys, b);
	char *last;

	must(p);
	last = strstr(p, "/ndbus");
	say_text(last ? last : p);
	p = realpath(attribute("subsystem"), b);
	say("%s", p ? p : err_name(errno));
	p = realpath(attribute("driver"), NULL);
	say("%s", p ? p : err_name(errno));
	p = realpath(attribute("driver/module"), NULL);
	say("%s", p ? p : err_name(errno));
}

CASE("libc.sysfs.stdio")
{
	FILE *f = fopen(attribute("size"), "re");
	unsigned long size = 0;
	char line[256];

	must(f);
	say("%d", fscanf(f, "%lu", &size));
	say("%d", size == S);
	f = freopen(attribute("uevent"), "r", f);
	must(f);
	while (fgets(line, sizeof(line), f))
		say_text(line);
	f = fopen(attribute("size"), "w");
	say("%s", f ? "ok" : err_name(errno));
}

CASE("libc.sysfs.opendir")
{
	DIR *d = opendir(t.sys);
	struct dirent *e;
	int size = 0, dots = 0;

	must(d);
	while ((e = readdir(d))) {
		size += strcmp(e->d_name, "size") == 0 && e->d_type == DT_REG;
		dots += e->d_name[0] == '.';
	}
	say("%d %d", size, dots);
}

CASE("sysfs.use.agrees_with_node")
{
	char text[64] = "";
	char want[64];
	struct stat st;
	FILE *f;
	int fd = attribute_open("dev");

	must(c_stat(t.dev, &st) == 0 && c_read(fd, text, sizeof(text) - 1) > 0);
	snprintf(want, sizeof(want), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	label("dev"), say("%d", strcmp(text, want) == 0);
	f = fopen(attribute("uevent"), "re");
	must(f);
	while (fgets(text, sizeof(text), f)) {
		unsigned int n;
		char name[32];

		if (sscanf(text, "MAJOR=%u", &n) == 1)
			label("major"), say("%d", n == major(st.st_rdev));
		if (sscanf(text, "MINOR=%u", &n) == 1)
			label("minor"), say("%d", n == minor(st.st_rdev));
		if (sscanf(text, "DEVNAME=%31s", name) == 1)
			label("devname"), say("%d", strcmp(name, t.name) == 0);
	}
}

static unsigned long long number(const char *name)
{
	char text[64] = "";
	int fd = c_open(attribute(name), O_RDONLY, 0);

	if (fd < 0 || c_read(fd, text, sizeof(text) - 1) <= 0)
		skip("not readable");
	return strtoull(text, NULL, 0);
}

CASE("sysfs.use.sizes_agree")
{
	unsigned long long start = number("mapping0/start");

	label("length"), say("%d", number("mapping0/end") - start + 1 == S);
	label("resource"), say("%d", number("resource") == start);
	label("align"), say("%d", number("align") == A && S % A == 0);
	label("start-aligned"), say("%d", start % A == 0);
	label("region-size"), say("%d", number("../dax_region/size") == S);
	label("nd-size"), say("%d", number("../size") == S);
	label("nd-resource"), say("%d", number("../resource") == start);
}

/* Root may change modes and times in /sys. Each case restores what it changes. */

static void say_mode(const char *path)
{
	struct stat st = {0};

	must(c_stat(path, &st) == 0);
	say("0%o", st.st_mode & 07777);
}

static void mode_case(const long *arg)
{
	const char *path = attribute((const char *)arg[0]);
	struct stat st;
	int fd;

	must(c_stat(path, &st) == 0);
	label("chmod"), say_ok(c_chmod(path, (mode_t)arg[1]));
	say_mode(path);
	label("read"), say_ok(c_open(path, O_RDONLY, 0));
	label("write"), say_ok(c_open(path, O_WRONLY, 0));
	fd = c_open(path, O_PATH, 0);
	label("fchmod-o-path"), say_ok(c_fchmod(fd, st.st_mode & 07777));
	fd = c_open(path, st.st_mode & 0400 ? O_RDONLY : O_WRONLY, 0);
	label("fchmod"), say_ok(c_fchmod(fd, st.st_mode & 07777));
	label("back"), say_ok(c_chmod(path, st.st_mode & 07777));
	say_mode(path);
}

MATRIX
{
	case_make(mode_case, ARGS((long)"align", 0600), "sysfs.mode.align_0600");
	case_make(mode_case, ARGS((long)"align", 0644), "sysfs.mode.align_0644");
	case_make(mode_case, ARGS((long)"resource", 0444), "sysfs.mode.resource_0444");
	case_make(mode_case, ARGS((long)"uevent", 0666), "sysfs.mode.uevent_0666");
	case_make(mode_case, ARGS((long)"size", 0), "sysfs.mode.size_0");
}

CASE("sysfs.mode.folder")
{
	say_mode(t.sys);
	label("chmod"), say_ok(c_chmod(t.sys, 0711));
	say_mode(t.sys);
	label("back"), say_ok(c_chmod(t.sys, 0755));
	say_mode(t.sys);
}

CASE("sysfs.mode.owner")
{
	const char *path = attribute("align");
	int fd = attribute_open("align");

	label("chown"), say_ok(c_fchown(fd, getuid(), getgid()));
	label("to-root"), say_ok(c_fchown(fd, 0, 0));
	label("nothing"), say_ok(c_fchown(fd, (uid_t)-1, (gid_t)-1));
	say_mode(path);
}

CASE("sysfs.mode.times")
{
	const struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};
	const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	const char *path = attribute("align");
	struct stat st;

	label("path"), say_ok(c_utimensat(AT_FDCWD, path, ts, 0));
	must(c_stat(path, &st) == 0);
	say("%d", st.st_mtim.tv_sec == 1000000000);
	label("fd"), say_ok(c_futimens(attribute_open("align"), now));
	label("now"), say_ok(c_futimens(attribute_open("align"), NULL));
}

CASE("sysfs.mode.length")
{
	label("truncate"), say_ok(c_truncate(attribute("align"), 0));
	label("writable"), say_ok(c_truncate(attribute("uevent"), 0));
	label("ftruncate"), say_ok(c_ftruncate(attribute_open("align"), 0));
	label("fallocate"), say_ok(c_fallocate(attribute_open("align"), 0, 0, 10));
	label("fsync"), say_ok(c_fsync(attribute_open("align")));
}
