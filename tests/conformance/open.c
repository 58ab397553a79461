// SPDX-License-Identifier: BSD-2-Clause
/* open.*: flags and access modes, openat, openat2, creat, O_PATH, limits. */
#include <linux/openat2.h>
#include <sys/resource.h>

#include "tests/conformance/call.h"

static const struct {
	const char *name;
	int flag;
} mode[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY}, {"rdwr", O_RDWR}, {"accmode", 3}};

static const struct {
	const char *name;
	int flag;
} flag[] = {
	{"none", 0},
	{"append", O_APPEND},
	{"async", O_ASYNC},
	{"cloexec", O_CLOEXEC},
	{"creat", O_CREAT},
	{"creat_directory", O_CREAT | O_DIRECTORY},
	{"creat_excl", O_CREAT | O_EXCL},
	{"creat_excl_path", O_CREAT | O_EXCL | O_PATH},
	{"creat_trunc", O_CREAT | O_TRUNC},
	{"direct", O_DIRECT},
	{"direct_append", O_DIRECT | O_APPEND},
	{"direct_path", O_DIRECT | O_PATH},
	{"directory", O_DIRECTORY},
	{"directory_direct", O_DIRECTORY | O_DIRECT},
	{"directory_path", O_DIRECTORY | O_PATH},
	{"dsync", O_DSYNC},
	{"excl", O_EXCL},
	{"noatime", O_NOATIME},
	{"noctty", O_NOCTTY},
	{"nofollow", O_NOFOLLOW},
	{"nonblock", O_NONBLOCK},
	{"path", O_PATH},
	{"path_nofollow", O_PATH | O_NOFOLLOW},
	{"sync", O_SYNC},
	{"tmpfile", O_TMPFILE},
	{"tmpfile_creat", O_TMPFILE | O_CREAT},
	{"trunc", O_TRUNC},
	{"trunc_append_sync_nonblock", O_TRUNC | O_APPEND | O_SYNC | O_NONBLOCK},
	{"unknown_bit", 0x10000000},
};

static void open_flag(const long *arg)
{
	say_open(c_open(t.dev, arg[0] | arg[1], 0600));
}

MATRIX
{
	size_t i, j;

	for (i = 0; i < COUNT(mode); i++)
		for (j = 0; j < COUNT(flag); j++)
			case_make(open_flag, ARGS(mode[i].flag, flag[j].flag),
				  "open.flag.%s.%s", mode[i].name, flag[j].name);
}

CASE("open.trunc.keeps_data")
{
	char *p = map_units(1);

	fill(p, 64, 1);
	say_open(c_open(t.dev, O_RDWR | O_TRUNC, 0));
	say_open(c_open(t.dev, O_RDWR | O_CREAT | O_TRUNC, 0));
	say_open(c_creat(t.dev, 0600));
	say("data=%d", is_filled(p, 64, 1));
}

CASE("open.creat.call")
{
	say_open(c_creat(t.dev, 0600));
}

CASE("open.creat.keeps_mode")
{
	struct stat before, after;

	c_stat(t.dev, &before);
	c_close(c_open(t.dev, O_RDWR | O_CREAT, 0777));
	c_stat(t.dev, &after);
	say(before.st_mode == after.st_mode ? "same" : "changed");
}

CASE("open.lowest_descriptor")
{
	c_close(0);
	c_close(2);
	say_ret(c_open(t.dev, O_RDWR, 0));
	say_ret(c_open(t.dev, O_RDONLY, 0));
}

CASE("open.cloexec_is_set")
{
	say_ret(c_fcntl(c_open(t.dev, O_RDWR | O_CLOEXEC, 0), F_GETFD, 0));
	say_ret(c_fcntl(c_open(t.dev, O_RDWR, 0), F_GETFD, 0));
}

CASE("open.many_at_once")
{
	struct rlimit lim = {1024, 1024};
	int n = 0;

	setrlimit(RLIMIT_NOFILE, &lim);
	while (n < 300 && c_open(t.dev, O_RDWR | O_EXCL, 0) >= 0)
		n++;
	say("%d", n);
}

CASE("open.limit_of_descriptors")
{
	struct rlimit lim = {3, 3};

	setrlimit(RLIMIT_NOFILE, &lim);
	say_open(c_open(t.dev, O_RDWR, 0));
}

CASE("open.file_size_limit_is_ignored")
{
	struct rlimit lim = {0, 0};
	int fd;
	char *p;

	setrlimit(RLIMIT_FSIZE, &lim);
	fd = dev_open(O_RDWR);
	p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	put(p, 0x17);
	say_load(p);
	say_ok(c_ftruncate(fd, 4096));
}

CASE("open.two_opens.same_memory")
{
	char *a = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, A);
	char *b = map(dev_open(O_RDONLY), A, PROT_READ, A);

	fill(a, 4096, 2);
	say("%d", is_filled(b, 4096, 2));
	fill(a, 4096, 3);
	say("%d", is_filled(b, 4096, 3));
}

CASE("open.path.bad_pointer")
{
	say_open(c_open(bad_pointer(8), O_RDWR, 0));
	say_open(c_open(bad_pointer(0), O_RDWR, 0));
}

CASE("open.path.empty")
{
	say_open(c_open("", O_RDWR, 0));
}

CASE("open.path.missing_neighbour")
{
	say_open(c_open("/dev/dax99.99", O_RDWR, 0));
	say_open(c_open("/dev/dax", O_RDWR, 0));
	say_open(c_open("/dev/daxdax0.0", O_RDWR, 0));
}

static void open_suffix(const char *suffix, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", t.dev, suffix);
	say_open(c_open(path, flags, 0600));
}

CASE("open.path.trailing_slash")
{
	open_suffix("/", O_RDWR);
	open_suffix("//", O_RDONLY);
	open_suffix("/", O_PATH);
	open_suffix("/", O_RDWR | O_CREAT);
	open_suffix("/", O_DIRECTORY);
}

CASE("open.path.below")
{
	open_suffix("/x", O_RDWR);
	open_suffix("/.", O_RDWR);
	open_suffix("/..", O_RDONLY);
	open_suffix("/x", O_RDWR | O_CREAT);
}

CASE("open.path.longer_name")
{
	open_suffix("0", O_RDWR);
	open_suffix(" ", O_RDWR);
	open_suffix(".", O_RDWR);
}

CASE("open.path.too_long")
{
	char path[5000];

	memset(path, '/', sizeof(path));
	snprintf(path + 4500, 100, "%s", t.dev);
	say_open(c_open(path, O_RDWR, 0));
}

CASE("open.at.folder_descriptor")
{
	int dir = c_open("/dev", O_RDONLY | O_DIRECTORY, 0);

	say_open(c_openat(dir, t.name, O_RDWR, 0));
	say_open(c_openat(dir, t.dev, O_RDWR, 0));
}

CASE("open.at.folder_o_path")
{
	int dir = c_open("/dev", O_PATH | O_DIRECTORY, 0);

	say_open(c_openat(dir, t.name, O_RDWR, 0));
}

CASE("open.at.cwd")
{
	must(c_chdir("/dev") == 0);
	say_open(c_openat(AT_FDCWD, t.name, O_RDWR, 0));
	say_open(c_open(t.name, O_RDWR, 0));
}

CASE("open.at.parent_of_folder")
{
	int dir = c_open("/proc", O_RDONLY | O_DIRECTORY, 0);
	char path[512];

	snprintf(path, sizeof(path), "..%s", t.dev);
	say_open(c_openat(dir, path, O_RDWR, 0));
}

CASE("open.at.bad_descriptor")
{
	say_open(c_openat(77, t.name, O_RDWR, 0));
	say_open(c_openat(77, t.dev, O_RDWR, 0));
	say_open(c_openat(-1, t.name, O_RDWR, 0));
}

CASE("open.at.device_as_folder")
{
	int fd = dev_open(O_RDWR);

	say_open(c_openat(fd, "x", O_RDWR, 0));
	say_open(c_openat(fd, "", O_RDWR, 0));
	say_open(c_openat(fd, ".", O_RDWR, 0));
	say_open(c_openat(fd, t.dev, O_RDWR, 0));
}

CASE("open.at.direct")
{
	say_open(c_openat(AT_FDCWD, t.dev, O_RDWR | O_DIRECT, 0));
}

CASE("open.at.creat_excl")
{
	say_open(c_openat(AT_FDCWD, t.dev, O_RDWR | O_CREAT | O_EXCL, 0600));
}

/* libc has no function for openat2. */

static void how2(int dir, const char *path, uint64_t flags, uint64_t m, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = m, .resolve = resolve};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		skip("no openat2");
	say_open(fd);
}

CASE("open.openat2.plain")
{
	how2(AT_FDCWD, t.dev, O_RDWR, 0, 0);
	how2(AT_FDCWD, t.dev, O_RDONLY | O_CLOEXEC, 0, 0);
	how2(AT_FDCWD, t.dev, O_WRONLY, 0, 0);
}

CASE("open.openat2.direct")
{
	how2(AT_FDCWD, t.dev, O_RDWR | O_DIRECT, 0, 0);
}

CASE("open.openat2.unknown_bits")
{
	how2(AT_FDCWD, t.dev, O_RDWR | 1UL << 40, 0, 0);
	how2(AT_FDCWD, t.dev, O_RDWR, 0, 1UL << 40);
	how2(AT_FDCWD, t.dev, O_RDWR, 0600, 0);
}

CASE("open.openat2.creat")
{
	how2(AT_FDCWD, t.dev, O_RDWR | O_CREAT, 0600, 0);
	how2(AT_FDCWD, t.dev, O_RDWR | O_CREAT | O_EXCL, 0600, 0);
}

CASE("open.openat2.resolve_beneath")
{
	int dir = c_open("/dev", O_PATH | O_DIRECTORY, 0);

	how2(dir, t.name, O_RDWR, 0, RESOLVE_BENEATH);
	how2(dir, t.dev, O_RDWR, 0, RESOLVE_BENEATH);
}

CASE("open.openat2.resolve_in_root")
{
	int dir = c_open("/dev", O_PATH | O_DIRECTORY, 0);
	char path[300];

	snprintf(path, sizeof(path), "/%s", t.name);
	how2(dir, path, O_RDWR, 0, RESOLVE_IN_ROOT);
	how2(dir, t.dev, O_RDWR, 0, RESOLVE_IN_ROOT);
}

CASE("open.openat2.resolve_no_symlinks")
{
	char *link = temp_name("link");

	how2(AT_FDCWD, t.dev, O_RDWR, 0, RESOLVE_NO_SYMLINKS);
	must(symlink(t.dev, link) == 0);
	how2(AT_FDCWD, link, O_RDWR, 0, RESOLVE_NO_SYMLINKS);
	how2(AT_FDCWD, link, O_RDWR, 0, 0);
	unlink(link);
}

CASE("open.openat2.resolve_no_magiclinks")
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDWR));
	how2(AT_FDCWD, path, O_RDWR, 0, RESOLVE_NO_MAGICLINKS);
	how2(AT_FDCWD, path, O_RDWR, 0, 0);
}

CASE("open.openat2.bad_size")
{
	struct open_how how = {.flags = O_RDWR};

	say_open(syscall(SYS_openat2, AT_FDCWD, t.dev, &how, 8UL));
	say_open(syscall(SYS_openat2, AT_FDCWD, t.dev, bad_pointer(8), sizeof(how)));
}

CASE("open.openat2.maps")
{
	struct open_how how = {.flags = O_RDWR};
	int fd = syscall(SYS_openat2, AT_FDCWD, t.dev, &how, sizeof(how));
	char *p;

	if (fd < 0)
		skip("no openat2");
	p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	put(p, 0x21);
	say_load(p);
	say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
}

CASE("open.o_path.calls")
{
	int fd = dev_open(O_PATH);
	struct stat st;
	char b[8];

	label("fstat"), say_ok(c_fstat(fd, &st));
	label("read"), say_ok(c_read(fd, b, 1));
	label("write"), say_ok(c_write(fd, b, 1));
	label("lseek"), say_ok(c_lseek(fd, 0, SEEK_SET));
	label("ioctl"), say_ok(c_ioctl(fd, 0x1234, NULL));
	label("mmap"), say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	label("flock"), say_ok(c_flock(fd, LOCK_SH));
	label("fsync"), say_ok(c_fsync(fd));
	label("ftruncate"), say_ok(c_ftruncate(fd, 0));
	label("fallocate"), say_ok(c_fallocate(fd, 0, 0, 4096));
	label("fchdir"), say_ok(c_fchdir(fd));
	label("fchmod"), say_ok(c_fchmod(fd, 0600));
	label("fgetxattr"), say_ok(c_fgetxattr(fd, "user.x", b, 1));
	label("dup"), say_ok(c_dup(fd));
	label("setfl"), say_ok(c_fcntl(fd, F_SETFL, O_NONBLOCK));
	label("getfl"), say_ok(c_fcntl(fd, F_GETFL, 0));
}

CASE("open.o_path.reopen")
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_PATH));
	say_open(c_open(path, O_RDWR, 0));
	say_open(c_open(path, O_RDWR | O_DIRECT, 0));
}

CASE("open.o_path.at_empty_path")
{
	int fd = dev_open(O_PATH);
	struct stat st;

	say_ok(c_fstatat(fd, "", &st, AT_EMPTY_PATH));
	say("chr=%d rdev=%d", S_ISCHR(st.st_mode), st.st_rdev == t.dev_t);
}

CASE("libc.open.names")
{
	label("open64"), say_open(open64(t.dev, O_RDWR));
	label("openat64"), say_open(openat64(AT_FDCWD, t.dev, O_RDWR));
	label("creat64"), say_open(creat64(t.dev, 0600));
	label("direct64"), say_open(open64(t.dev, O_RDWR | O_DIRECT));
}
