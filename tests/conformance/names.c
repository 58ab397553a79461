// SPDX-License-Identifier: BSD-2-Clause
/*
 * libc.names.*: other names under which libc exports the same calls: with 64 for large
 * files, __x_chk for _FORTIFY_SOURCE, __xstat for programs built before glibc 2.33. A
 * library that replaces one must replace them all.
 */
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <sys/statvfs.h>

#include "tests/conformance/call.h"

CASE("libc.names.mmap64")
{
	int fd = dev_open(O_RDWR);
	char *p = mmap64(NULL, 2 * A, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	say_map(p);
	must(p != MAP_FAILED);
	say("aligned=%d", ((uintptr_t)p & (A - 1)) == 0);
	put(p, 0x45);
	say_load(map_units(1));
	label("private"), say_map(mmap64(NULL, A, PROT_READ, MAP_PRIVATE, fd, 0));
	label("length"), say_map(mmap64(NULL, A + 1, PROT_READ, MAP_PRIVATE, fd, 0));
	label("beyond"), say_map(mmap64(NULL, A, PROT_READ, MAP_SHARED, fd, S));
}

CASE("libc.names.io64")
{
	int fd = dev_open(O_RDWR);
	char b[16] = "";
	struct iovec v = {b, sizeof(b)};

	label("pread64"), say_ret(pread64(fd, b, 16, 0));
	label("pwrite64"), say_ret(pwrite64(fd, b, 16, 0));
	label("preadv64"), say_ret(preadv64(fd, &v, 1, 0));
	label("pwritev64"), say_ret(pwritev64(fd, &v, 1, 0));
	label("preadv64v2"), say_ret(preadv64v2(fd, &v, 1, 0, 0));
	label("pwritev64v2"), say_ret(pwritev64v2(fd, &v, 1, 0, 0));
	label("lseek64"), say_ret(lseek64(fd, 4096, SEEK_END));
	label("sendfile64"), say_ret(sendfile64(memfd(), fd, NULL, 10));
}

CASE("libc.names.size64")
{
	int fd = dev_open(O_RDWR);

	label("ftruncate64"), say_ret(ftruncate64(fd, 0));
	label("truncate64"), say_ret(truncate64(t.dev, 0));
	label("fallocate64"), say_ret(fallocate64(fd, 0, 0, A));
	label("posix_fallocate64"), say("%s", err_name(posix_fallocate64(fd, 0, A)));
	label("posix_fadvise64"), say("%s", err_name(posix_fadvise64(fd, 0, 0, 0)));
	label("lockf64"), say_ret(lockf64(fd, F_TLOCK, 10));
	label("fcntl64"), say_ret(fcntl64(fd, F_SETFL, O_DIRECT));
}

CASE("libc.names.statfs64")
{
	struct statvfs64 v;
	struct statfs64 st;
	int fd = dev_open(O_RDWR);

	say_ok(statfs64(t.dev, &st));
	say("0x%lx", (unsigned long)st.f_type);
	say_ok(fstatfs64(fd, &st));
	say("0x%lx", (unsigned long)st.f_type);
	say_ok(statvfs64(t.dev, &v));
	say_ok(fstatvfs64(fd, &v));
}

CASE("libc.names.folders64")
{
	DIR *d = opendir("/dev");
	struct dirent64 *e;
	glob64_t g = {0};
	int seen = 0;
	size_t i;

	must(d);
	while ((e = readdir64(d)))
		seen += strcmp(e->d_name, t.name) == 0;
	say("%d", seen);
	seen = 0;
	must(glob64("/dev/dax*", 0, NULL, &g) == 0);
	for (i = 0; i < g.gl_pathc; i++)
		seen += strcmp(g.gl_pathv[i], t.dev) == 0;
	say("%d", seen);
}

/*
 * Look up a function by name; headers declare these only where the compiler may use them.
 */
static void *symbol(const char *name)
{
	void *p = dlsym(RTLD_DEFAULT, name);

	if (!p)
		p = dlvsym(RTLD_DEFAULT, name, "GLIBC_2.2.5");
	if (!p)
		p = dlvsym(RTLD_DEFAULT, name, "GLIBC_2.4");
	return p;
}

#define FOUND(fn, name)                                                                  \
	do {                                                                             \
		void *at_ = symbol(name);                                                \
		if (!at_)                                                                \
			skip("this libc has no " name);                                  \
		memcpy(&(fn), &at_, sizeof(fn));                                         \
	} while (0)

CASE("libc.names.read_chk")
{
	ssize_t (*read_chk)(int fd, void *b, size_t n, size_t size);
	ssize_t (*pread_chk)(int fd, void *b, size_t n, off_t off, size_t size);
	int fd = dev_open(O_RDWR);
	char b[16];

	FOUND(read_chk, "__read_chk");
	say_ret(read_chk(fd, b, 8, sizeof(b)));
	FOUND(pread_chk, "__pread_chk");
	say_ret(pread_chk(fd, b, 8, 0, sizeof(b)));
	FOUND(pread_chk, "__pread64_chk");
	say_ret(pread_chk(fd, b, 8, 0, sizeof(b)));
}

CASE("libc.names.path_chk")
{
	ssize_t (*readlink_chk)(const char *path, char *b, size_t n, size_t size);
	char *(*realpath_chk)(const char *path, char *b, size_t size);
	char path[64];
	char b[PATH_MAX];
	ssize_t n;

	FOUND(readlink_chk, "__readlink_chk");
	n = readlink_chk(t.sys, b, sizeof(b) - 1, sizeof(b));
	must(n > 0);
	b[n] = '\0';
	say_text(strrchr(b, '/') + 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDWR));
	n = readlink_chk(path, b, sizeof(b) - 1, sizeof(b));
	must(n > 0);
	b[n] = '\0';
	say_text(b);
	FOUND(realpath_chk, "__realpath_chk");
	must(realpath_chk(t.sys, b, sizeof(b)));
	say_text(strrchr(b, '/') + 1);
}

/* The version of struct stat (_STAT_VER until glibc 2.32). */
#ifdef __x86_64__
#define STAT_VERSION 1
#else
#define STAT_VERSION 0
#endif

static void xstat_case(const long *arg)
{
	int (*fn)(int version, const char *path, struct stat *st);
	struct stat st;

	switch (arg[0]) {
	case 0:
		FOUND(fn, "__xstat");
		break;
	case 1:
		FOUND(fn, "__lxstat");
		break;
	case 2:
		FOUND(fn, "__xstat64");
		break;
	default:
		FOUND(fn, "__lxstat64");
	}
	say_ok(fn(STAT_VERSION, t.dev, &st));
	say("%d %d %ld", S_ISCHR(st.st_mode), st.st_rdev == t.dev_t, (long)st.st_size);
}

static void fxstat_case(const long *arg)
{
	int (*fn)(int version, int fd, struct stat *st);
	struct stat st;

	if (arg[0])
		FOUND(fn, "__fxstat64");
	else
		FOUND(fn, "__fxstat");
	say_ok(fn(STAT_VERSION, dev_open(O_RDWR), &st));
	say("%d %d %ld", S_ISCHR(st.st_mode), st.st_rdev == t.dev_t, (long)st.st_size);
}

MATRIX
{
	static const char *const name[] = {"xstat", "lxstat", "xstat64", "lxstat64"};
	size_t i;

	for (i = 0; i < COUNT(name); i++)
		case_make(xstat_case, ARGS(i), "libc.names.%s", name[i]);
	case_make(fxstat_case, ARGS(0), "libc.names.fxstat");
	case_make(fxstat_case, ARGS(1), "libc.names.fxstat64");
}

/* syscall(2) is a libc function too, and can be mixed with the others. */
CASE("libc.names.syscall_beside_libc")
{
	int fd = syscall(SYS_openat, AT_FDCWD, t.dev, O_RDWR, 0);
	int other = open(t.dev, O_RDWR);
	char *p, *q;

	must(fd >= 0 && other >= 0);
	p = mmap(NULL, A, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = (char *)syscall(SYS_mmap, NULL, A, PROT_READ | PROT_WRITE, MAP_SHARED, other,
			    0L);
	must(p != MAP_FAILED && q != MAP_FAILED);
	put(p, 0x46);
	say_load(q);
	if (A > P)
		say_ok(syscall(SYS_munmap, p, P)), say_ok(munmap(q, P));
	say_ok(syscall(SYS_munmap, p, A));
	say_ok(munmap(q, A));
}

/* The checked variants that _FORTIFY_SOURCE calls if flags are not constant. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

CASE("libc.open.checked_names")
{
	label("open"), say_open(__open_2(t.dev, O_RDWR));
	label("open64"), say_open(__open64_2(t.dev, O_RDWR));
	label("openat"), say_open(__openat_2(AT_FDCWD, t.dev, O_RDWR));
	label("openat64"), say_open(__openat64_2(AT_FDCWD, t.dev, O_RDWR));
	label("direct"), say_open(__open_2(t.dev, O_RDWR | O_DIRECT));
}
