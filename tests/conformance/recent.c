// SPDX-License-Identifier: BSD-2-Clause
/*
 * recent.*: system calls that came after Linux 6.1, on the node and on files in sysfs, by
 * path and by descriptor.
 *
 * The headers of older distributions lack the numbers and flags, so they stand here. Both
 * doors use syscall(2). A kernel without a call says ENOSYS.
 */
#include "tests/conformance/recent.h"

#include <sys/sysmacros.h>

#include "tests/conformance/call.h"

#define EMPTY AT_EMPTY_PATH

/* A file, as a directory, a path and flags. */
struct place {
	int dir;
	const char *path;
	unsigned int flags;
};

enum where {
	NODE,
	NODE_LINK, /* with AT_SYMLINK_NOFOLLOW, which changes nothing for a node */
	NODE_FD,
	NODE_O_PATH,
	ATTRIBUTE,
	ATTRIBUTE_FD,
	FOLDER,
	WHERE_COUNT,
};

static const char *const where_name[WHERE_COUNT] = {
	[NODE] = "node",           [NODE_LINK] = "node_nofollow",
	[NODE_FD] = "node_fd",     [NODE_O_PATH] = "node_o_path",
	[ATTRIBUTE] = "attribute", [ATTRIBUTE_FD] = "attribute_fd",
	[FOLDER] = "folder",
};

static const char *attribute(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/align", t.sys);
	return path;
}

static struct place place(enum where where)
{
	switch (where) {
	case NODE:
		return (struct place){AT_FDCWD, t.dev, 0};
	case NODE_LINK:
		return (struct place){AT_FDCWD, t.dev, AT_SYMLINK_NOFOLLOW};
	case NODE_FD:
		return (struct place){dev_open(O_RDWR), "", EMPTY};
	case NODE_O_PATH:
		return (struct place){dev_open(O_PATH), "", EMPTY};
	case ATTRIBUTE:
		return (struct place){AT_FDCWD, attribute(), 0};
	case ATTRIBUTE_FD:
		return (struct place){c_open(attribute(), O_RDONLY, 0), "", EMPTY};
	case FOLDER:
	case WHERE_COUNT:
	default:
		return (struct place){AT_FDCWD, t.sys, 0};
	}
}

static mode_t mode_of(const struct place *p)
{
	struct stat st = {0};

	c_fstatat(p->dir, p->path, &st, (int)p->flags);
	return st.st_mode & 07777;
}

/* Sets the mode that the file has already. */
static void ask_fchmodat2(struct place p)
{
	const mode_t mode = mode_of(&p);

	say_ret(syscall(NR_FCHMODAT2, p.dir, p.path, mode, p.flags));
	label("flag"), say_ret(syscall(NR_FCHMODAT2, p.dir, p.path, mode, 0x8000));
	if (mode_of(&p) != mode)
		say("changed");
}

static void ask_getxattrat(struct place p)
{
	char b[64];
	struct xattr_args args = {.value = (uintptr_t)b, .size = sizeof(b)};

	label("user"), say_ret(syscall(NR_GETXATTRAT, p.dir, p.path, p.flags, "user.x",
				       &args, sizeof(args)));
	label("none"), say_ret(syscall(NR_GETXATTRAT, p.dir, p.path, p.flags, "nonsense",
				       &args, sizeof(args)));
}

static void ask_listxattrat(struct place p)
{
	char b[4096];

	label("flag"),
		say_ret(syscall(NR_LISTXATTRAT, p.dir, p.path, 0x8000, b, sizeof(b)));
	label("bad"), say_ok(syscall(NR_LISTXATTRAT, p.dir, bad_pointer(8), p.flags, b,
				     sizeof(b)));
	label("list"),
		say_ok(syscall(NR_LISTXATTRAT, p.dir, p.path, p.flags, b, sizeof(b)));
}

static void ask_setxattrat(struct place p)
{
	struct xattr_args args = {.value = (uintptr_t) "1", .size = 1};

	label("user"), say_ret(syscall(NR_SETXATTRAT, p.dir, p.path, p.flags, "user.x",
				       &args, sizeof(args)));
	label("none"), say_ret(syscall(NR_SETXATTRAT, p.dir, p.path, p.flags, "nonsense",
				       &args, sizeof(args)));
}

static void ask_removexattrat(struct place p)
{
	label("user"),
		say_ret(syscall(NR_REMOVEXATTRAT, p.dir, p.path, p.flags, "user.x"));
	label("none"),
		say_ret(syscall(NR_REMOVEXATTRAT, p.dir, p.path, p.flags, "nonsense"));
}

static void ask_file_getattr(struct place p)
{
	struct file_attr attr;

	label("get"), say_ret(syscall(NR_FILE_GETATTR, p.dir, p.path, &attr, sizeof(attr),
				      p.flags));
	label("short"),
		say_ret(syscall(NR_FILE_GETATTR, p.dir, p.path, &attr, 8UL, p.flags));
}

static void ask_file_setattr(struct place p)
{
	struct file_attr attr = {0};

	label("set"), say_ret(syscall(NR_FILE_SETATTR, p.dir, p.path, &attr, sizeof(attr),
				      p.flags));
	attr.xflags = 1UL << 40;
	label("unknown"), say_ret(syscall(NR_FILE_SETATTR, p.dir, p.path, &attr,
					  sizeof(attr), p.flags));
}

static void say_opened(long fd)
{
	struct stat st;

	if (fd < 0) {
		say_ok(fd);
		return;
	}
	must(c_fstat((int)fd, &st) == 0);
	say("0%o %s", st.st_mode & S_IFMT, st.st_rdev == t.dev_t ? "device" : "other");
	say_flags(c_fcntl((int)fd, F_GETFL, 0));
	if (S_ISCHR(st.st_mode))
		label("map"), say_ok(try_map((int)fd, A, PROT_READ, MAP_SHARED, 0));
}

static void ask_open_tree(struct place p)
{
	label("tree"), say_opened(syscall(NR_OPEN_TREE, p.dir, p.path, p.flags));
	label("clone"), say_opened(syscall(NR_OPEN_TREE, p.dir, p.path, p.flags | 1));
}

static void ask_open_tree_attr(struct place p)
{
	struct mount_attr attr = {.set = 1}; /* read-only */

	label("tree"), say_opened(syscall(NR_OPEN_TREE_ATTR, p.dir, p.path, p.flags,
					  &attr, sizeof(attr)));
	label("clone"), say_opened(syscall(NR_OPEN_TREE_ATTR, p.dir, p.path, p.flags | 1,
					   &attr, sizeof(attr)));
}

/* Of what is not the root of a mount, so that nothing changes. */
static void ask_mount_setattr(struct place p)
{
	struct mount_attr attr = {.set = 1};

	say_ret(syscall(NR_MOUNT_SETATTR, p.dir, p.path, p.flags, &attr, sizeof(attr)));
}

static void ask_handle(struct place p, unsigned int flag)
{
	struct {
		unsigned int size;
		int type;
		unsigned char f[128];
	} handle = {.size = sizeof(handle.f)};
	/* AT_EMPTY_PATH is the only flag of lookup that this call has */
	const unsigned int flags = (p.flags & EMPTY) | flag;
	uint64_t mount = 0;

	say_ret(syscall(SYS_name_to_handle_at, p.dir, p.path, &handle, &mount, flags));
}

static void ask_handle_fid(struct place p)
{
	ask_handle(p, AT_HANDLE_FID_);
}

static void ask_handle_unique(struct place p)
{
	ask_handle(p, AT_HANDLE_MNT_ID_UNIQUE_);
}

static void ask_handle_connectable(struct place p)
{
	ask_handle(p, AT_HANDLE_CONNECTABLE_);
}

static void ask_statx(struct place p)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} field[] = {{"btime", 0x800},       {"mnt-id", 0x1000},  {"dioalign", 0x2000},
		     {"mnt-unique", 0x4000}, {"subvol", 0x8000},  {"atomic", 0x10000},
		     {"dio-read", 0x20000},  {"unknown", 0x40000}};
	struct statx stx;
	size_t i;

	for (i = 0; i < COUNT(field); i++) {
		memset(&stx, 0, sizeof(stx));
		label("%s", field[i].name);
		if (c_statx(p.dir, p.path, (int)p.flags, field[i].bit, &stx) < 0)
			say_ok(-1);
		else
			say("%d", !!(stx.stx_mask & field[i].bit));
	}
	/* STATX_ATTR_MOUNT_ROOT, _DAX and _WRITE_ATOMIC */
	label("attributes"),
		say("0x%lx", (unsigned long)stx.stx_attributes_mask & 0x602000);
}

static const struct {
	const char *name;
	void (*ask)(struct place p);
} path_call[] = {
	{"fchmodat2", ask_fchmodat2},
	{"getxattrat", ask_getxattrat},
	{"listxattrat", ask_listxattrat},
	{"setxattrat", ask_setxattrat},
	{"removexattrat", ask_removexattrat},
	{"file_getattr", ask_file_getattr},
	{"file_setattr", ask_file_setattr},
	{"open_tree", ask_open_tree},
	{"open_tree_attr", ask_open_tree_attr},
	{"mount_setattr", ask_mount_setattr},
	{"handle_fid", ask_handle_fid},
	{"handle_unique", ask_handle_unique},
	{"handle_connectable", ask_handle_connectable},
	{"statx", ask_statx},
};

static void path_case(const long *arg)
{
	path_call[arg[0]].ask(place((enum where)arg[1]));
}

MATRIX
{
	size_t i;
	int where;

	for (i = 0; i < COUNT(path_call); i++)
		for (where = 0; where < WHERE_COUNT; where++)
			case_make(path_case, ARGS((long)i, where), "recent.%s.%s",
				  path_call[i].name, where_name[where]);
}

/* A number that the kernel does not have is ENOSYS, whatever the arguments. */
static void number_case(const long *arg)
{
	say_ret(syscall(arg[0], -1L, -1L, -1L, -1L, -1L, -1L));
}

MATRIX
{
	static const struct {
		const char *name;
		long nr;
	} call[] = {
		{"cachestat", NR_CACHESTAT},
		{"fchmodat2", NR_FCHMODAT2},
		{"futex_wake", NR_FUTEX_WAKE},
		{"futex_wait", NR_FUTEX_WAIT},
		{"futex_requeue", NR_FUTEX_REQUEUE},
		{"statmount", NR_STATMOUNT},
		{"listmount", NR_LISTMOUNT},
		{"lsm_get_self_attr", 459},
		{"lsm_set_self_attr", 460},
		{"lsm_list_modules", 461},
		{"mseal", NR_MSEAL},
		{"setxattrat", NR_SETXATTRAT},
		{"getxattrat", NR_GETXATTRAT},
		{"listxattrat", NR_LISTXATTRAT},
		{"removexattrat", NR_REMOVEXATTRAT},
		{"open_tree_attr", NR_OPEN_TREE_ATTR},
		{"file_getattr", NR_FILE_GETATTR},
		{"file_setattr", NR_FILE_SETATTR},
		{"listns", 470},
		{"rseq_slice_yield", 471},
		{"472", 472},
		{"473", 473},
	};
	size_t i;

	for (i = 0; i < COUNT(call); i++)
		case_make(number_case, ARGS(call[i].nr), "recent.number.%s",
			  call[i].name);
}

/* The caches of a descriptor. */

static void say_cachestat(int fd, uint64_t off, uint64_t len, unsigned int flags)
{
	struct {
		uint64_t off;
		uint64_t len;
	} range = {off, len};
	struct {
		uint64_t cache;
		uint64_t dirty;
		uint64_t writeback;
		uint64_t evicted;
		uint64_t recently;
	} found;

	if (syscall(NR_CACHESTAT, fd, &range, &found, flags) < 0)
		say_ok(-1);
	else
		say("%lu+%lu", (unsigned long)found.cache, (unsigned long)found.dirty);
}

static void cachestat_case(const long *arg)
{
	const int fd = dev_open((int)arg[0]);

	put(map_units(1), 0xb1);
	say_cachestat(fd, 0, 0, 0);
	label("part"), say_cachestat(fd, A, A, 0);
	label("flags"), say_cachestat(fd, 0, 0, 1);
	label("bad"), say_ret(syscall(NR_CACHESTAT, fd, bad_pointer(8), NULL, 0));
}

MATRIX
{
	case_make(cachestat_case, ARGS(O_RDWR), "recent.cachestat.rdwr");
	case_make(cachestat_case, ARGS(O_RDONLY), "recent.cachestat.rdonly");
	case_make(cachestat_case, ARGS(O_WRONLY), "recent.cachestat.wronly");
	case_make(cachestat_case, ARGS(O_PATH), "recent.cachestat.o_path");
}

CASE("recent.cachestat.attribute")
{
	say_cachestat(c_open(attribute(), O_RDONLY, 0), 0, 0, 0);
}

/* fcntl, read and write flags, ioctl of file systems. */

CASE("recent.fcntl.dupfd_query")
{
	int fd = dev_open(O_RDWR);

	label("itself"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, fd));
	label("dup"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, c_dup(fd)));
	label("opened-again"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, dev_open(O_RDWR)));
	label("other"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, memfd()));
	label("o-path"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, dev_open(O_PATH)));
	label("badfd"), say_ret(c_fcntl(fd, F_DUPFD_QUERY_, 777));
	label("of-o-path"), say_ret(c_fcntl(dev_open(O_PATH), F_DUPFD_QUERY_, fd));
}

CASE("recent.fcntl.created_query")
{
	label("opened"), say_ret(c_fcntl(dev_open(O_RDWR), F_CREATED_QUERY_, 0));
	label("creat"), say_ret(c_fcntl(c_open(t.dev, O_RDWR | O_CREAT, 0600),
					F_CREATED_QUERY_, 0));
	label("o-path"), say_ret(c_fcntl(dev_open(O_PATH), F_CREATED_QUERY_, 0));
	label("attribute"),
		say_ret(c_fcntl(c_open(attribute(), O_RDONLY, 0), F_CREATED_QUERY_, 0));
}

static void delegation_case(const long *arg)
{
	struct {
		uint32_t flags;
		uint16_t type;
		uint16_t pad;
	} d = {.type = (uint16_t)arg[1]};

	label("rdonly"), say_ret(c_fcntl(dev_open(O_RDONLY), (int)arg[0], (long)&d));
	label("rdwr"), say_ret(c_fcntl(dev_open(O_RDWR), (int)arg[0], (long)&d));
	label("bad"), say_ret(c_fcntl(dev_open(O_RDWR), (int)arg[0], 8));
}

MATRIX
{
	case_make(delegation_case, ARGS(F_GETDELEG_, 0), "recent.fcntl.getdeleg");
	case_make(delegation_case, ARGS(F_SETDELEG_, F_RDLCK),
		  "recent.fcntl.setdeleg_read");
	case_make(delegation_case, ARGS(F_SETDELEG_, F_WRLCK),
		  "recent.fcntl.setdeleg_write");
}

static void rwf_case(const long *arg)
{
	char b[64] __attribute__((aligned(64))) = "";
	struct iovec v = {b, sizeof(b)};
	int fd = dev_open(O_RDWR);

	label("read"), say_ret(c_preadv2(fd, &v, 1, 0, (int)arg[0]));
	label("write"), say_ret(c_pwritev2(fd, &v, 1, 0, (int)arg[0]));
	label("empty"), say_ret(c_pwritev2(fd, &v, 0, 0, (int)arg[0]));
	label("here"), say_ret(c_preadv2(fd, &v, 1, -1, (int)arg[0]));
	label("rdonly"), say_ret(c_pwritev2(dev_open(O_RDONLY), &v, 1, 0, (int)arg[0]));
}

MATRIX
{
	static const struct {
		const char *name;
		int flag;
	} list[] = {{"noappend", 0x20},  {"atomic", 0x40}, {"dontcache", 0x80},
		    {"nosignal", 0x100}, {"0x200", 0x200}, {"hipri", 0x1},
		    {"dsync", 0x2},      {"nowait", 0x8},  {"append", 0x10}};
	size_t i;

	for (i = 0; i < COUNT(list); i++)
		case_make(rwf_case, ARGS(list[i].flag), "recent.rwf.%s", list[i].name);
}

/* Read-only requests of file systems, on the node and on an attribute. */
static void fs_ioctl_case(const long *arg)
{
	char b[512] = "";
	int fd = dev_open(O_RDONLY);

	label("node"), say_ret(c_ioctl(fd, (unsigned long)arg[0], b));
	label("o-path"), say_ret(c_ioctl(dev_open(O_PATH), (unsigned long)arg[0], b));
	label("attribute"), say_ret(c_ioctl(c_open(attribute(), O_RDONLY, 0),
					    (unsigned long)arg[0], b));
}

MATRIX
{
	/* linux/fs.h: FS_IOC_GETFSUUID, GETFSSYSFSPATH, GETLBMD_CAP */
	case_make(fs_ioctl_case, ARGS(0x80111500), "recent.ioctl.getfsuuid");
	case_make(fs_ioctl_case, ARGS(0x80811501), "recent.ioctl.getfssysfspath");
	case_make(fs_ioctl_case, ARGS(0xc0381502), "recent.ioctl.getlbmd_cap");
}

/* The mount that a file is on, which on a real machine is that of its folder. */

static uint64_t mount_of(const char *path)
{
	struct statx stx = {0};

	if (c_statx(AT_FDCWD, path, 0, 0x4000, &stx) < 0 || !(stx.stx_mask & 0x4000))
		skip("no STATX_MNT_ID_UNIQUE");
	return stx.stx_mnt_id;
}

static void mount_case(const long *arg)
{
	const char *path = arg[0] ? attribute() : t.dev;
	struct {
		uint32_t size;
		uint32_t spare;
		uint64_t id;
		uint64_t param;
	} req = {24, 0, mount_of(path), 0x10 /* STATMOUNT_MNT_POINT */};
	static uint64_t b[1024];
	struct statx stx = {0};
	uint64_t list[2];

	label("same"), say("%d", req.id == mount_of(arg[0] ? "/sys" : "/dev"));
	must(c_statx(AT_FDCWD, path, 0, 0x1000, &stx) == 0);
	req.param = 0x10;
	label("statmount"), say_ret(syscall(NR_STATMOUNT, &req, b, sizeof(b), 0));
	req.param = 0;
	label("listmount"), say_ok(syscall(NR_LISTMOUNT, &req, list, 2UL, 0));
}

MATRIX
{
	case_make(mount_case, ARGS(0), "recent.mount.node");
	case_make(mount_case, ARGS(1), "recent.mount.attribute");
}

/* The older kind of number, which /proc/self/mountinfo shows. */
static void mount_id_case(const long *arg)
{
	struct statx file = {0};
	struct statx folder = {0};

	must(c_statx(AT_FDCWD, arg[0] ? attribute() : t.dev, 0, 0x1000, &file) == 0);
	must(c_statx(AT_FDCWD, arg[0] ? "/sys" : "/dev", 0, 0x1000, &folder) == 0);
	say("%d", file.stx_mnt_id == folder.stx_mnt_id);
}

MATRIX
{
	case_make(mount_id_case, ARGS(0), "recent.mount.id_of_node");
	case_make(mount_id_case, ARGS(1), "recent.mount.id_of_attribute");
}

/* Linux 6.11 takes a NULL path for an empty one. */
CASE("recent.null_path")
{
	int fd = dev_open(O_RDWR);
	struct statx stx = {0};
	struct stat st = {0};
	long r = syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, 0xfff, &stx);

	label("statx"), say_ok(r);
	if (r == 0)
		say("0%o", stx.stx_mode & S_IFMT);
	r = syscall(SYS_newfstatat, fd, NULL, &st, AT_EMPTY_PATH);
	label("fstatat"), say_ok(r);
	if (r == 0)
		say("0%o", st.st_mode & S_IFMT);
	label("without-flag"), say_ok(syscall(SYS_newfstatat, fd, NULL, &st, 0));
}

/* Moving what is not a mount moves nothing. */
CASE("recent.move_mount")
{
	label("path"), say_ok(syscall(429, AT_FDCWD, t.dev, AT_FDCWD, t.dev, 0));
	label("fd"), say_ok(syscall(429, dev_open(O_PATH), "", AT_FDCWD, t.dev, 4));
	label("flag"), say_ok(syscall(429, AT_FDCWD, t.dev, AT_FDCWD, t.dev, 0x8000));
}

/* close_range(2) closes descriptors of the device, or marks them. */
CASE("recent.close_range.cloexec")
{
	int fd = dev_open(O_RDWR);

	label("range"), say_ok(syscall(436, fd, fd, 4));
	label("flags"), say_ret(c_fcntl(fd, F_GETFD, 0));
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	label("bad"), say_ok(syscall(436, fd, fd, 0x80));
}

CASE("recent.close_range.unshare")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);

	put(p, 0xb2);
	label("range"), say_ok(syscall(436, fd, ~0U, 2));
	label("fd"), say_ret(c_fcntl(fd, F_GETFD, 0));
	say_load(p);
	fd = dev_open(O_RDWR);
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
}

/* A pidfd that stands for the caller, from Linux 6.14 on. */
CASE("recent.pidfd_self")
{
	int fd = dev_open(O_RDWR);
	long copy = syscall(438, -10001, fd, 0);

	label("process"), say_ok(copy);
	if (copy >= 0)
		say_ok(try_map((int)copy, A, PROT_READ, MAP_SHARED, 0));
	label("thread"), say_ok(syscall(438, -10000, fd, 0));
	label("nothing"), say_ok(syscall(438, -10001, 777, 0));
}
