// SPDX-License-Identifier: BSD-2-Clause
/* stat.*: properties of the node: stat family, access, xattrs, file system, modes. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"

static void say_stat(int r, const struct stat *st)
{
	if (r < 0) {
		say_ok(r);
		return;
	}
	say("type=0%o size=%ld blocks=%ld blksize=%ld nlink=%ld rdev=%s",
	    st->st_mode & S_IFMT, (long)st->st_size, (long)st->st_blocks,
	    (long)st->st_blksize, (long)st->st_nlink,
	    st->st_rdev == t.dev_t ? "device" : "other");
}

static void say_statx(int r, const struct statx *stx)
{
	if (r < 0) {
		say_ok(r);
		return;
	}
	say("type=0%o size=%ld blocks=%ld blksize=%u rdev=%s attributes=0x%lx",
	    stx->stx_mode & S_IFMT, (long)stx->stx_size, (long)stx->stx_blocks,
	    stx->stx_blksize,
	    makedev(stx->stx_rdev_major, stx->stx_rdev_minor) == t.dev_t ? "device"
									 : "other",
	    (unsigned long)stx->stx_attributes);
}

static char *fd_path(int fd)
{
	char *path;

	if (asprintf(&path, "/proc/self/fd/%d", fd) < 0)
		abort();
	return path;
}

CASE("stat.stat")
{
	struct stat st;

	say_stat(c_stat(t.dev, &st), &st);
}

CASE("stat.lstat")
{
	struct stat st;

	say_stat(c_lstat(t.dev, &st), &st);
}

CASE("stat.fstat")
{
	struct stat st;

	say_stat(c_fstat(dev_open(O_RDWR), &st), &st);
	say_stat(c_fstat(dev_open(O_WRONLY), &st), &st);
	say_stat(c_fstat(dev_open(O_PATH), &st), &st);
}

CASE("stat.fstatat")
{
	int dir = c_open("/dev", O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	say_stat(c_fstatat(dir, t.name, &st, 0), &st);
	say_stat(c_fstatat(AT_FDCWD, t.dev, &st, AT_SYMLINK_NOFOLLOW), &st);
	say_stat(c_fstatat(dev_open(O_RDWR), "", &st, AT_EMPTY_PATH), &st);
	say_stat(c_fstatat(dir, t.name, &st, AT_NO_AUTOMOUNT), &st);
}

CASE("stat.fstatat.errors")
{
	struct stat st;

	label("empty"), say_ok(c_fstatat(dev_open(O_RDWR), "", &st, 0));
	label("badfd"), say_ok(c_fstatat(77, t.name, &st, 0));
	label("absolute-badfd"), say_ok(c_fstatat(77, t.dev, &st, 0));
	label("flag"), say_ok(c_fstatat(AT_FDCWD, t.dev, &st, 0x40000000));
	label("below"), say_ok(c_fstatat(dev_open(O_RDWR), "x", &st, 0));
}

CASE("stat.through_proc_fd")
{
	char *path = fd_path(dev_open(O_RDWR));
	struct stat st;

	say_stat(c_stat(path, &st), &st);
	must(c_lstat(path, &st) == 0);
	say("%s", S_ISLNK(st.st_mode) ? "link" : "no-link");
}

CASE("stat.statx")
{
	struct statx stx;

	c_close(dev_open(O_RDWR)); /* statx shows DAX from the first open on */
	say_statx(c_statx(AT_FDCWD, t.dev, 0, STATX_BASIC_STATS, &stx), &stx);
	say_statx(c_statx(dev_open(O_RDWR), "", AT_EMPTY_PATH, STATX_ALL, &stx), &stx);
	say_statx(c_statx(AT_FDCWD, t.dev, AT_STATX_FORCE_SYNC, 0, &stx), &stx);
	say_statx(c_statx(dev_open(O_PATH), "", AT_EMPTY_PATH, STATX_ALL, &stx), &stx);
}

CASE("stat.statx.dax_attribute")
{
	struct statx stx;

	c_close(dev_open(O_RDONLY));
	must(c_statx(AT_FDCWD, t.dev, 0, STATX_BASIC_STATS, &stx) == 0);
	say("set=%d known=%d", !!(stx.stx_attributes & STATX_ATTR_DAX),
	    !!(stx.stx_attributes_mask & STATX_ATTR_DAX));
}

CASE("stat.statx.errors")
{
	struct statx stx;

	label("flags"), say_ok(c_statx(AT_FDCWD, t.dev, 0x40000000, 0, &stx));
	label("mask"), say_ok(c_statx(AT_FDCWD, t.dev, 0, 0x80000000, &stx));
	label("badptr"), say_ok(c_statx(AT_FDCWD, t.dev, 0, 0, bad_pointer(8)));
	label("path"), say_ok(c_statx(AT_FDCWD, bad_pointer(8), 0, 0, &stx));
	label("sync"), say_ok(c_statx(AT_FDCWD, t.dev, AT_STATX_SYNC_TYPE, 0, &stx));
}

CASE("stat.bad_pointers")
{
	struct stat st;

	label("stat"), say_ok(c_stat(t.dev, bad_pointer(8)));
	label("lstat"), say_ok(c_lstat(t.dev, bad_pointer(8)));
	label("fstat"), say_ok(c_fstat(dev_open(O_RDWR), bad_pointer(8)));
	label("path"), say_ok(c_stat(bad_pointer(8), &st));
}

CASE("stat.same_everywhere")
{
	char *link = temp_name("link");
	struct stat st[4];
	size_t i;

	must(symlink(t.dev, link) == 0);
	must(c_stat(t.dev, &st[0]) == 0 && c_fstat(dev_open(O_RDWR), &st[1]) == 0);
	must(c_stat(link, &st[2]) == 0 &&
	     c_stat(fd_path(dev_open(O_RDONLY)), &st[3]) == 0);
	unlink(link);
	for (i = 1; i < COUNT(st); i++)
		say("%d", st[i].st_dev == st[0].st_dev && st[i].st_ino == st[0].st_ino &&
				  st[i].st_mode == st[0].st_mode &&
				  st[i].st_uid == st[0].st_uid &&
				  st[i].st_rdev == st[0].st_rdev);
}

CASE("stat.stores_change_no_times")
{
	char *p = map_units(1);
	struct stat a, b;

	must(c_stat(t.dev, &a) == 0);
	fill(p, 4096, 5);
	c_msync(p, A, MS_ASYNC);
	is_filled(p, 4096, 5);
	must(c_stat(t.dev, &b) == 0);
	say("atime=%d mtime=%d ctime=%d",
	    memcmp(&a.st_atim, &b.st_atim, sizeof(a.st_atim)) == 0,
	    memcmp(&a.st_mtim, &b.st_mtim, sizeof(a.st_mtim)) == 0,
	    memcmp(&a.st_ctim, &b.st_ctim, sizeof(a.st_ctim)) == 0);
}

CASE("stat.times_can_be_set")
{
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};
	struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	struct stat st;

	label("path"), say_ok(c_utimensat(AT_FDCWD, t.dev, ts, 0));
	must(c_stat(t.dev, &st) == 0);
	say("%d", st.st_mtim.tv_sec == 1000000000);
	label("fd"), say_ok(c_futimens(dev_open(O_RDWR), now));
	label("now"), say_ok(c_futimens(dev_open(O_RDONLY), NULL));
}

CASE("stat.access")
{
	label("f"), say_ok(c_access(t.dev, F_OK));
	label("r"), say_ok(c_access(t.dev, R_OK));
	label("w"), say_ok(c_access(t.dev, W_OK));
	label("rw"), say_ok(c_access(t.dev, R_OK | W_OK));
	label("x"), say_ok(c_access(t.dev, X_OK));
	label("bad"), say_ok(c_access(t.dev, 0x18));
	label("badptr"), say_ok(c_access(bad_pointer(8), R_OK));
}

CASE("stat.faccessat")
{
	int dir = c_open("/dev", O_RDONLY | O_DIRECTORY, 0);

	label("dir"), say_ok(c_faccessat(dir, t.name, R_OK | W_OK, 0));
	label("eaccess"), say_ok(c_faccessat(dir, t.name, R_OK | W_OK, AT_EACCESS));
	label("nofollow"),
		say_ok(c_faccessat(AT_FDCWD, t.dev, R_OK, AT_SYMLINK_NOFOLLOW));
	label("x"), say_ok(c_faccessat(AT_FDCWD, t.dev, X_OK, AT_EACCESS));
	label("badfd"), say_ok(c_faccessat(77, t.name, F_OK, 0));
	label("flag"), say_ok(c_faccessat(AT_FDCWD, t.dev, F_OK, 0x40000000));
}

CASE("libc.euidaccess")
{
	say_ok(euidaccess(t.dev, R_OK | W_OK));
	say_ok(eaccess(t.dev, X_OK));
}

CASE("stat.statfs")
{
	struct statfs st;

	must(c_statfs(t.dev, &st) == 0);
	say("type=0x%lx namelen=%ld", (unsigned long)st.f_type, (long)st.f_namelen);
	must(c_fstatfs(dev_open(O_RDWR), &st) == 0);
	say("type=0x%lx", (unsigned long)st.f_type);
	must(c_fstatfs(dev_open(O_PATH), &st) == 0);
	say("type=0x%lx", (unsigned long)st.f_type);
	say_ok(c_statfs(t.dev, bad_pointer(8)));
}

CASE("stat.statfs_of_sysfs")
{
	struct statfs st;

	must(c_statfs(t.sys, &st) == 0);
	say("type=0x%lx", (unsigned long)st.f_type);
	must(c_statfs("/sys/bus/dax", &st) == 0);
	say("type=0x%lx", (unsigned long)st.f_type);
}

CASE("libc.statvfs")
{
	struct statvfs v;

	say_ok(statvfs(t.dev, &v));
	say_ok(fstatvfs(dev_open(O_RDWR), &v));
}

CASE("stat.getxattr")
{
	static const char *const name[] = {"user.x",
					   "trusted.x",
					   "system.posix_acl_access",
					   "system.posix_acl_default",
					   "nonsense",
					   ""};
	char b[64];
	size_t i;

	for (i = 0; i < COUNT(name); i++) {
		label("%s", name[i]);
		say_ret(c_getxattr(t.dev, name[i], b, sizeof(b)));
		say_ret(c_fgetxattr(dev_open(O_RDONLY), name[i], b, sizeof(b)));
	}
	say_ret(c_lgetxattr(t.dev, "user.x", b, sizeof(b)));
}

CASE("stat.listxattr")
{
	char b[4096];

	say_ret(c_listxattr(t.dev, b, sizeof(b)));
	say_ret(c_llistxattr(t.dev, b, sizeof(b)));
	say_ret(c_flistxattr(dev_open(O_RDWR), b, sizeof(b)));
	say_ret(c_listxattr(t.dev, NULL, 0));
}

CASE("stat.setxattr")
{
	say_ret(c_setxattr(t.dev, "user.x", "1", 1, 0));
	say_ret(c_setxattr(t.dev, "nonsense", "1", 1, 0));
}

/* Calls that need a folder or a program. */

CASE("stat.not_a_folder")
{
	int fd = dev_open(O_RDONLY);
	char path[300];
	char b[1024];

	snprintf(path, sizeof(path), "%s/x", t.dev);
	label("chdir"), say_ok(c_chdir(t.dev));
	label("fchdir"), say_ok(c_fchdir(fd));
	label("mkdir"), say_ok(c_mkdir(t.dev, 0777));
	label("mkdir-below"), say_ok(c_mkdir(path, 0777));
	label("getdents"), say_ok(c_getdents64(fd, b, sizeof(b)));
	label("symlink"), say_ok(c_symlink("x", t.dev));
	label("unlink-below"), say_ok(c_unlink(path));
	label("stat-below"), say_ok(c_access(path, F_OK));
	label("readlink"), say_ok(c_readlink(t.dev, b, sizeof(b)));
}

CASE("stat.not_a_program")
{
	char name[] = "x";
	char *argv[] = {name, NULL};

	execv(t.dev, argv);
	say("%s", err_name(errno));
	syscall(SYS_execveat, dev_open(O_RDONLY), "", argv, argv + 1, AT_EMPTY_PATH);
	say("%s", err_name(errno));
}

/* Only the owner may change the mode. Cases in root.* change it as root. */
CASE("stat.chmod_by_others")
{
	if (t.root)
		skip("for ordinary users");
	say_ok(c_chmod(t.dev, 0666));
	say_ok(c_fchmod(dev_open(O_RDWR), 0666));
	say_ok(c_fchown(dev_open(O_RDWR), getuid(), getgid()));
	say_ok(c_unlink(t.dev));
	say_ok(c_rename(t.dev, "/dev/x"));
}

CASE("libc.stat.names")
{
	struct stat64 st;

	label("stat64"), say_ok(stat64(t.dev, &st)), say("%d", st.st_rdev == t.dev_t);
	label("lstat64"), say_ok(lstat64(t.dev, &st)), say("%d", st.st_rdev == t.dev_t);
	label("fstat64"), say_ok(fstat64(dev_open(O_RDWR), &st)),
		say("%d", st.st_rdev == t.dev_t);
	label("fstatat64"), say_ok(fstatat64(AT_FDCWD, t.dev, &st, 0));
	say("%d", st.st_rdev == t.dev_t);
}
