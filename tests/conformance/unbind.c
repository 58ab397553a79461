// SPDX-License-Identifier: BSD-2-Clause
/*
 * zz_unbind.*: the device loses its driver, or is removed, while programs use it.
 *
 * These cases run last, as they exercise the part of the real driver that is easiest to
 * crash. Two things must never be done, because the kernel then oopses or its reference
 * counts break: mmap of a descriptor opened after unbind, and binding again while an old
 * descriptor is open. So each case closes everything before the device is bound again: it
 * does its work in a child, and main() binds the device when that child is gone.
 */
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"
#include "tests/conformance/run.h"

static int write_text(const char *path, const char *text)
{
	int fd = c_open(path, O_WRONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? -1 : c_write(fd, text, strlen(text));
	int saved = errno;

	if (fd >= 0)
		c_close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

static int unbind(void)
{
	return write_text("/sys/bus/dax/drivers/device_dax/unbind", t.name);
}

static int bind(void)
{
	return write_text("/sys/bus/dax/drivers/device_dax/bind", t.name);
}

/* Write to the nd bus's driver; unbinding it removes the device, its node and folder. */
static int nd_write(const char *what)
{
	char path[64];
	char name[32];

	snprintf(path, sizeof(path), "/sys/bus/nd/drivers/dax_pmem/%s", what);
	snprintf(name, sizeof(name), "dax%d.%d", t.region, t.index);
	return write_text(path, name);
}

/* A restored device has a new node, with the mode that devtmpfs gives. */
int unbind_restore(mode_t mode)
{
	int tries;
	int r;

	if (access(t.dev, F_OK) < 0)
		nd_write("bind");
	for (tries = 0; tries < 100 && access(t.dev, F_OK) < 0; tries++)
		usleep(20000);
	r = target_find();
	if (r < 0)
		return r;
	if (chmod(t.dev, mode) < 0)
		return -errno;
	/* EBUSY: it is already bound */
	if (bind() < 0 && errno != EBUSY)
		return -errno;
	return 0;
}

static bool has(const char *attribute)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", t.sys, attribute);
	return c_lstat(path, &st) == 0;
}

static void say_uevent(void)
{
	char path[128];
	char text[1024];
	long n;
	int fd;

	snprintf(path, sizeof(path), "%s/uevent", t.sys);
	fd = c_open(path, O_RDONLY, 0);
	n = fd < 0 ? -1 : c_read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		say_ok(n);
		return;
	}
	text[n] = '\0';
	say_text(text);
}

/* The device is unbound while no process has it open. */

CASE("zz_unbind.result")
{
	say_ok(unbind());
	say_ok(unbind());
	say_ok(bind());
	say_ok(bind());
}

CASE("zz_unbind.newline_and_nul")
{
	char text[64];
	int fd;

	snprintf(text, sizeof(text), "%s\n", t.name);
	say_ok(write_text("/sys/bus/dax/drivers/device_dax/unbind", text));
	fd = c_open("/sys/bus/dax/drivers/device_dax/bind", O_WRONLY, 0);
	say_ok(c_write(fd, t.name, strlen(t.name) + 1));
}

CASE("zz_unbind.through_driver_link")
{
	char path[128];

	snprintf(path, sizeof(path), "%s/driver/unbind", t.sys);
	say_ok(write_text(path, t.name));
	say_ok(write_text(path, t.name));
}

CASE("zz_unbind.open")
{
	must(unbind() == 0);
	label("rdwr"), say_ok(c_open(t.dev, O_RDWR, 0));
	label("rdonly"), say_ok(c_open(t.dev, O_RDONLY, 0));
	label("direct"), say_ok(c_open(t.dev, O_RDWR | O_DIRECT, 0));
	label("creat-excl"), say_ok(c_open(t.dev, O_RDWR | O_CREAT | O_EXCL, 0600));
	label("directory"), say_ok(c_open(t.dev, O_DIRECTORY, 0));
	label("path"), say_ok(c_open(t.dev, O_PATH, 0));
	label("access"), say_ok(c_access(t.dev, R_OK | W_OK));
	must(bind() == 0);
	label("bound"), say_ok(c_open(t.dev, O_RDWR, 0));
}

CASE("zz_unbind.node_and_folder")
{
	struct stat st;

	must(unbind() == 0);
	label("node"), say_ok(c_stat(t.dev, &st));
	say("%d", st.st_rdev == t.dev_t);
	label("size"), say("%d", has("size"));
	label("align"), say("%d", has("align"));
	label("mapping0"), say("%d", has("mapping0"));
	label("driver"), say("%d", has("driver"));
	label("subsystem"), say("%d", has("subsystem"));
	say_uevent();
	must(bind() == 0);
	label("driver"), say("%d", has("driver"));
	say_uevent();
}

CASE("zz_unbind.listing")
{
	char path[128];
	struct stat st;

	must(unbind() == 0);
	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", t.name);
	label("driver"), say_ok(c_lstat(path, &st));
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s", t.name);
	label("bus"), say_ok(c_lstat(path, &st));
	must(bind() == 0);
	snprintf(path, sizeof(path), "/sys/bus/dax/drivers/device_dax/%s", t.name);
	label("driver"), say_ok(c_lstat(path, &st));
}

CASE("zz_unbind.drivers_probe")
{
	must(unbind() == 0);
	say_ok(write_text("/sys/bus/dax/drivers_probe", t.name));
	say("%d", has("driver"));
	say_ok(c_open(t.dev, O_RDWR, 0));
}

CASE("zz_unbind.new_id_binds")
{
	char path[64] = "/sys/bus/dax/drivers/device_dax/remove_id";

	must(unbind() == 0);
	say_ok(write_text("/sys/bus/dax/drivers/device_dax/new_id", t.name));
	say("%d", has("driver"));
	label("bind"), say_ok(bind());
	label("remove"), say_ok(write_text(path, t.name));
	say("%d", has("driver"));
}

CASE("zz_unbind.data_stays")
{
	char *p = map_units(1);

	fill(p, 4096, 70);
	c_munmap(p, A);
	/* map_units() left its descriptor open: close it before the device is unbound */
	closefrom(3);
	must(unbind() == 0 && bind() == 0);
	say("%d", is_filled(map_units(1), 4096, 70));
}

/* The device is unbound while it is open and mapped. */

static int old_fd;
static char *touched, *untouched;

static void prepare(void)
{
	old_fd = dev_open(O_RDWR);
	touched = map(old_fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	untouched = map(old_fd, A, PROT_READ | PROT_WRITE, A);
	put(touched, 0xf1);
	put(touched + A, 0xf2);
	must(unbind() == 0);
}

CASE("zz_unbind.live.touch")
{
	prepare();
	label("touched"), say_load(touched);
	label("touched-store"), say_store(touched + A + 17, 1);
	label("untouched"), say_load(untouched);
	label("again"), say_load(touched + 3);
}

CASE("zz_unbind.live.touch_kills")
{
	prepare();
	put(touched, 1);
}

static void child_touches(void *p)
{
	say_load(p);
}

CASE("zz_unbind.live.fork")
{
	prepare();
	in_child(child_touches, touched);
}

CASE("zz_unbind.live.child_has_it")
{
	int go[2];
	char b;
	pid_t pid;

	old_fd = dev_open(O_RDWR);
	touched = map(old_fd, A, PROT_READ | PROT_WRITE, 0);
	put(touched, 0xf3);
	must(pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &b, 1) == 1)
			say_load(touched);
		_exit(0);
	}
	must(unbind() == 0 && write(go[1], "x", 1) == 1);
	waitpid(pid, NULL, 0);
}

CASE("zz_unbind.live.mmap_old_descriptor")
{
	prepare();
	label("shared"), say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED, 0));
	label("private"), say_ok(try_map(old_fd, A, PROT_READ, MAP_PRIVATE, 0));
	label("odd"), say_ok(try_map(old_fd, A + 1, PROT_READ, MAP_SHARED, 0));
	label("offset1"), say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED, 1));
	label("type0"), say_ok(try_map(old_fd, A, PROT_READ, 0, 0));
	label("empty"), say_ok(try_map(old_fd, 0, PROT_READ, MAP_SHARED, 0));
	label("hugetlb"),
		say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED | MAP_HUGETLB, 0));
	label("beyond"), say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED, S));
	label("sync"),
		say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, 0));
}

CASE("zz_unbind.live.mmap_fixed_takes_old_away")
{
	char *at;

	prepare();
	at = mmap(area(A), A, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	put(at, 1);
	say_map(c_mmap(at, A, PROT_READ, MAP_SHARED | MAP_FIXED, old_fd, 0));
	say_load(at);
}

CASE("zz_unbind.live.descriptor_calls")
{
	struct statx stx;
	struct stat st;
	int link_fd;
	char b[256];

	prepare();
	label("fstat"), say_ok(c_fstat(old_fd, &st));
	say("nlink=%d rdev=%d", (int)st.st_nlink, st.st_rdev == t.dev_t);
	label("statx"), say_ok(c_statx(old_fd, "", AT_EMPTY_PATH, STATX_ALL, &stx));
	say("dax=%d", !!(stx.stx_attributes & STATX_ATTR_DAX));
	label("read"), say_ok(c_read(old_fd, b, 1));
	label("write"), say_ok(c_write(old_fd, b, 1));
	label("lseek"), say_ret(c_lseek(old_fd, 0, SEEK_END));
	label("fsync"), say_ok(c_fsync(old_fd));
	label("ioctl"), say_ok(c_ioctl(old_fd, 0x1234, NULL));
	label("ftruncate"), say_ok(c_ftruncate(old_fd, 0));
	label("fallocate"), say_ok(c_fallocate(old_fd, 0, 0, A));
	label("flock"), say_ok(c_flock(old_fd, LOCK_EX | LOCK_NB));
	label("dup"), link_fd = c_dup(old_fd), say_ok(link_fd);
	label("mmap-dup"), say_ok(try_map(link_fd, A, PROT_READ, MAP_SHARED, 0));
}

CASE("zz_unbind.live.late_open")
{
	int fd;

	prepare();
	/* opens because it is still held; mapping this descriptor would oops */
	fd = c_open(t.dev, O_RDWR, 0);
	say_ok(fd);
}

CASE("zz_unbind.live.mapping_calls")
{
	unsigned char v[1];

	prepare();
	label("msync"), say_ok(c_msync(touched, A, MS_SYNC));
	label("msync-async"), say_ok(c_msync(touched, A, MS_ASYNC));
	label("dontneed"), say_ok(c_madvise(touched, A, MADV_DONTNEED));
	label("populate"), say_ok(c_madvise(touched, A, MADV_POPULATE_READ));
	label("populate-write"), say_ok(c_madvise(untouched, A, MADV_POPULATE_WRITE));
	label("mincore"), say_ok(c_mincore(touched, P, v));
	label("mlock"), say_ok(c_mlock(touched, P));
	label("mprotect"), say_ok(c_mprotect(touched, A, PROT_READ));
	label("mprotect-page"), say_ok(A > P ? c_mprotect(touched + A, P, PROT_NONE) : 0);
	label("munmap-page"), say_ok(A > P ? c_munmap(touched + A, P) : 0);
	label("munmap"), say_ok(c_munmap(touched, 2 * A));
	label("munmap"), say_ok(c_munmap(untouched, A));
}

CASE("zz_unbind.live.mremap")
{
	char *p;

	prepare();
	p = c_mremap(untouched, A, 2 * A, MREMAP_MAYMOVE, NULL);
	say_map(p);
	if (p != MAP_FAILED)
		say_load(p);
	p = c_mremap(touched, 0, A, MREMAP_MAYMOVE, NULL);
	say_map(p);
	if (p != MAP_FAILED)
		say_load(p);
}

CASE("zz_unbind.live.kernel_access")
{
	int m = memfd();
	struct stat st;
	char b[16] = "";

	prepare();
	must(write(m, b, 16) == 16);
	label("write"), say_ret(write(m, touched, 16));
	label("read"), say_ret(pread(m, touched, 16, 0));
	label("stat"), say_ok(c_stat("/", (struct stat *)touched));
	label("open"), say_ok(c_open(touched, O_RDONLY, 0));
	(void)st;
}

CASE("zz_unbind.live.maps_line")
{
	struct vma v;

	prepare();
	must(vma_list(touched, 1, &v, 1) == 1);
	say("%s", v.perms);
	say_text(v.path);
}

CASE("zz_unbind.live.handler_maps_over_it")
{
	char *p;

	prepare();
	p = mmap(touched, 2 * A, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	say_map(p);
	say_store(touched, 1);
}

/* The whole device is removed. */

CASE("zz_unbind.removed.names")
{
	char path[128];
	struct stat st;

	must(nd_write("unbind") == 0);
	label("node"), say_ok(c_stat(t.dev, &st));
	label("open"), say_ok(c_open(t.dev, O_RDWR, 0));
	label("char"), say_ok(c_lstat(t.sys, &st));
	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s", t.name);
	label("bus"), say_ok(c_lstat(path, &st));
	label("bind"), say_ok(nd_write("bind"));
	label("node"), say_ok(c_stat(t.dev, &st));
}

CASE("zz_unbind.removed.twice")
{
	say_ok(nd_write("unbind"));
	say_ok(nd_write("unbind"));
	say_ok(nd_write("bind"));
	say_ok(nd_write("bind"));
}

CASE("zz_unbind.removed.live")
{
	char path[64];
	char b[256];
	struct stat st;
	long n;

	old_fd = dev_open(O_RDWR);
	touched = map(old_fd, A, PROT_READ | PROT_WRITE, 0);
	put(touched, 0xf4);
	must(nd_write("unbind") == 0);
	label("touch"), say_load(touched);
	label("fstat"), say_ok(c_fstat(old_fd, &st));
	say("nlink=%d rdev=%d", (int)st.st_nlink, st.st_rdev == t.dev_t);
	label("mmap"), say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED, 0));
	label("read"), say_ok(c_read(old_fd, b, 1));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", old_fd);
	n = c_readlink(path, b, sizeof(b) - 1);
	must(n > 0);
	b[n] = '\0';
	say_text(b);
	label("reopen"), say_ok(c_open(path, O_PATH, 0));
}

CASE("zz_unbind.removed.and_back")
{
	struct stat st;
	struct vma v;
	char *p;

	old_fd = dev_open(O_RDWR);
	touched = map(old_fd, A, PROT_READ | PROT_WRITE, 0);
	put(touched, 0xf5);
	must(nd_write("unbind") == 0 && nd_write("bind") == 0);
	must(c_stat(t.dev, &st) == 0);
	label("same-number"), say("%d", st.st_rdev == t.dev_t);
	label("old-touch"), say_load(touched);
	label("old-mmap"), say_ok(try_map(old_fd, A, PROT_READ, MAP_SHARED, 0));
	must(vma_list(touched, 1, &v, 1) == 1);
	say("%s", strstr(v.path, "(deleted)") ? "deleted" : "named");
	p = map_units(1);
	label("new"), say_load(p);
	label("old"), say_load(touched);
}
