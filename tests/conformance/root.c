// SPDX-License-Identifier: BSD-2-Clause
/* root.*: cases that need root: extra nodes, identities, poison, writes to sysfs. */
#include <grp.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

static char *node(void)
{
	char *path;

	/* in /dev, because other file systems may be mounted nodev */
	if (asprintf(&path, "/dev/conformance-%d", getpid()) < 0)
		abort();
	c_unlink(path);
	if (c_mknod(path, S_IFCHR | 0600, t.dev_t) < 0)
		skip("no mknod");
	return path;
}

CASE("root.node.same_memory")
{
	char *path = node();
	char *a = map_units(1);
	int fd = c_open(path, O_RDWR, 0);
	char *b;

	c_unlink(path);
	say_ok(fd);
	b = map(fd, A, PROT_READ | PROT_WRITE, 0);
	fill(a, 4096, 60);
	say("%d", is_filled(b, 4096, 60));
	say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
	if (A > P)
		say_ok(c_munmap(b, P));
}

CASE("root.node.dax_attribute_after_first_open")
{
	char *path = node();
	struct statx stx;

	must(c_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx) == 0);
	say("%d", !!(stx.stx_attributes & STATX_ATTR_DAX));
	c_close(c_open(path, O_RDONLY, 0));
	must(c_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx) == 0);
	say("%d", !!(stx.stx_attributes & STATX_ATTR_DAX));
	c_unlink(path);
}

CASE("root.node.maps_shows_its_name")
{
	char *path = node();
	char *p = map(c_open(path, O_RDWR, 0), A, PROT_READ, 0);
	struct vma v;

	must(vma_list(p, 1, &v, 1) == 1);
	say("%d", strcmp(v.path, path) == 0);
	c_unlink(path);
	must(vma_list(p, 1, &v, 1) == 1);
	say("%s", strstr(v.path, " (deleted)") ? "deleted" : "kept");
}

CASE("root.node.link")
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/dev/conformance-link-%d", getpid());
	say_ok(c_link(t.dev, path));
	fd = c_open(path, O_RDWR, 0);
	say_ok(fd);
	say_ok(fd < 0 ? -1 : try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	must(c_stat(t.dev, &st) == 0);
	say("nlink=%d", (int)st.st_nlink);
	say_ok(c_unlink(path));
}

CASE("root.node.neighbour_numbers")
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/conformance-none-%d", getpid());
	if (c_mknod(path, S_IFCHR | 0600, makedev(major(t.dev_t), 250)) < 0)
		skip("no mknod");
	say_ok(c_open(path, O_RDWR, 0));
	say_ok(c_open(path, O_PATH, 0));
	c_unlink(path);
}

static void become_nobody(void)
{
	must(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
}

/* Run @fn with that mode of the node, then restore the old mode. */
static void with_mode(mode_t mode, void (*fn)(void *), void *data)
{
	struct stat st;

	must(c_stat(t.dev, &st) == 0 && c_chmod(t.dev, mode) == 0);
	in_child(fn, data);
	c_chmod(t.dev, st.st_mode & 07777);
}

static void opens_as_nobody(void *data)
{
	(void)data;
	become_nobody();
	label("r"), say_ok(c_open(t.dev, O_RDONLY, 0));
	label("w"), say_ok(c_open(t.dev, O_WRONLY, 0));
	label("rw"), say_ok(c_open(t.dev, O_RDWR, 0));
	label("accmode"), say_ok(c_open(t.dev, 3, 0));
	label("path"), say_ok(c_open(t.dev, O_PATH, 0));
	label("trunc"), say_ok(c_open(t.dev, O_RDONLY | O_TRUNC, 0));
	label("direct"), say_ok(c_open(t.dev, O_RDONLY | O_DIRECT, 0));
	label("access-r"), say_ok(c_access(t.dev, R_OK));
	label("access-w"), say_ok(c_access(t.dev, W_OK));
	label("stat"), say_ok(c_access(t.dev, F_OK));
}

static void mode_case(const long *arg)
{
	with_mode(arg[0], opens_as_nobody, NULL);
}

MATRIX
{
	static const mode_t mode[] = {0600, 0604, 0602, 0606, 0660, 0000, 0007};
	size_t i;

	for (i = 0; i < COUNT(mode); i++)
		case_make(mode_case, ARGS(mode[i]), "root.mode.%04o_as_nobody", mode[i]);
}

static void opens_as_member(void *data)
{
	gid_t group = 12345;

	(void)data;
	must(setgroups(1, &group) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	say_ok(c_open(t.dev, O_RDWR, 0));
}

CASE("root.mode.group")
{
	struct stat st;

	must(c_stat(t.dev, &st) == 0);
	must(chown(t.dev, 0, 12345) == 0);
	with_mode(0660, opens_as_member, NULL);
	with_mode(0600, opens_as_member, NULL);
	must(chown(t.dev, st.st_uid, st.st_gid) == 0);
}

static void maps_old_fd(void *data)
{
	int fd = *(int *)data;
	char path[64];
	char *p;

	become_nobody();
	p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	say_store(p, 0xe1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	prctl(PR_SET_DUMPABLE, 1);
	label("reopen"), say_ok(c_open(path, O_RDWR, 0));
	label("open"), say_ok(c_open(t.dev, O_RDWR, 0));
	label("dup"), say_ok(try_map(c_dup(fd), A, PROT_READ, MAP_SHARED, 0));
}

CASE("root.identity.open_decides")
{
	int fd = dev_open(O_RDWR);

	with_mode(0600, maps_old_fd, &fd);
}

static void upgrade(void *data)
{
	int fd = *(int *)data;
	char path[64];

	become_nobody();
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	label("r"), say_ok(c_open(path, O_RDONLY, 0));
	label("rw"), say_ok(c_open(path, O_RDWR, 0));
}

CASE("root.identity.reopen_is_checked_again")
{
	int fd = dev_open(O_RDONLY);

	with_mode(0644, upgrade, &fd);
}

static void locks_without_right(void *data)
{
	char *p = map_units(1);

	(void)data;
	become_nobody();
	label("mlock"), say_ok(c_mlock(p, A));
	label("mlock2"), say_ok(c_mlock2(p, P, 0));
	label("hwpoison"), say_ok(c_madvise(p, P, MADV_HWPOISON));
	label("soft-offline"), say_ok(c_madvise(p, P, MADV_SOFT_OFFLINE));
}

CASE("root.identity.rights_lost")
{
	with_mode(0600, locks_without_right, NULL);
}

CASE("root.chmod")
{
	struct stat st;
	mode_t old;
	int fd = dev_open(O_RDWR);

	must(c_stat(t.dev, &st) == 0);
	old = st.st_mode & 07777;
	label("chmod"), say_ok(c_chmod(t.dev, 0640));
	must(c_fstat(fd, &st) == 0);
	say("%04o", st.st_mode & 07777);
	label("fchmod"), say_ok(c_fchmod(fd, 0604));
	must(c_stat(t.dev, &st) == 0);
	say("%04o", st.st_mode & 07777);
	label("fchown"), say_ok(c_fchown(fd, 1, 2));
	must(c_stat(t.dev, &st) == 0);
	say("%d:%d", (int)st.st_uid, (int)st.st_gid);
	c_fchown(fd, 0, 0);
	c_chmod(t.dev, old);
}

static void in_chroot(void *data)
{
	(void)data;
	if (chroot("/dev") < 0)
		skip("no chroot");
	say_ok(c_open(t.dev, O_RDWR, 0));
	say_ok(c_open(t.dev + 4, O_RDWR, 0));
	must(chdir("/") == 0);
	say_ok(c_open(t.name, O_RDWR, 0));
}

CASE("root.chroot")
{
	in_child(in_chroot, NULL);
}

CASE("root.map_files")
{
	char *p = map_units(1);
	char path[128];
	char b[256];
	long n;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		 (unsigned long)p + A);
	n = readlink(path, b, sizeof(b) - 1);
	must(n > 0);
	b[n] = '\0';
	say_text(b);
	n = open(path, O_RDWR);
	say_ok(n);
	say_ok(n < 0 ? -1 : try_map(n, A, PROT_READ, MAP_SHARED, 0));
}

static char *poison_base, *poison_other;

static void poison_handler(int sig, siginfo_t *si, void *context)
{
	(void)context;
	say("%s lsb=%s", code_name(sig, si->si_code),
	    si->si_addr_lsb == __builtin_ctzl(A) ? "align" : "other");
	if (poison_other)
		say(si->si_addr == poison_base || si->si_addr == poison_other ? "start"
									      : "odd");
	else
		say_units("addr+", (char *)si->si_addr - poison_base);
}

/* Poison units that no other case uses, if the device has enough. */
static off_t poison_offset(int unit)
{
	return S / A > 8 ? S / 2 / A * A + unit * A : 0;
}

static void poison_start(int unit)
{
	struct sigaction sa = {.sa_sigaction = poison_handler, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &sa, NULL);
	poison_base =
		map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, poison_offset(unit));
	put(poison_base + 5, 0xe4);
}

CASE("root.zz_poison.signal_to_caller")
{
	poison_start(1);
	say_ok(c_madvise(poison_base, P, MADV_HWPOISON));
	label("after"), say_load(poison_base + 5);
	label("new"), say_load(map(dev_open(O_RDWR), A, PROT_READ, poison_offset(1)) + 5);
	label("store"), say_store(poison_base + 5, 0xe6);
	say_load(poison_base + 5);
}

/* One signal arrives, with the address of either mapping. */
CASE("root.zz_poison.two_mappings")
{
	poison_start(1);
	poison_other = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, poison_offset(1));
	get(poison_other);
	say_ok(c_madvise(poison_base, P, MADV_HWPOISON));
	label("after"), say_load(poison_base + 5);
	label("other"), say_load(poison_other + 5);
}

CASE("root.zz_poison.untouched")
{
	poison_start(1);
	must(c_munmap(poison_base, A) == 0);
	poison_base = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, poison_offset(1));
	say_ok(c_madvise(poison_base, P, MADV_HWPOISON));
	label("after"), say_load(poison_base + 5);
}

CASE("root.zz_poison.beyond")
{
	poison_start(1);
	say_ok(c_madvise(map(dev_open(O_RDWR), A, PROT_READ, S), P, MADV_HWPOISON));
}

static void other_process(void *data)
{
	int *pipes = data;
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, poison_offset(2));
	char b;

	get(p);
	if (write(pipes[1], "x", 1) == 1 && read(pipes[2], &b, 1) == 1)
		say_load(p + 5);
}

CASE("root.zz_poison.other_process_lives")
{
	int pipes[4];
	pid_t pid;
	int status;
	char b;

	must(pipe(pipes) == 0 && pipe(pipes + 2) == 0);
	pid = fork();
	if (pid == 0) {
		other_process(pipes);
		_exit(0);
	}
	must(read(pipes[0], &b, 1) == 1);
	poison_start(2);
	say_ok(c_madvise(poison_base, P, MADV_HWPOISON));
	must(write(pipes[3], "x", 1) == 1);
	waitpid(pid, &status, 0);
	say_status(status);
}

CASE("root.zz_poison.middle_of_unit")
{
	poison_start(3);
	say_ok(c_madvise(poison_base + A / 2 / P * P, P, MADV_HWPOISON));
	label("after"), say_load(poison_base + 5);
}

CASE("root.zz_poison.without_handler")
{
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, poison_offset(0));

	put(p, 1);
	say_ok(c_madvise(p, P, MADV_HWPOISON));
	say("survived");
}

CASE("root.soft_offline")
{
	char *p = map_units(1);

	put(p, 0xe5);
	say_ok(c_madvise(p, P, MADV_SOFT_OFFLINE));
	say_load(p);
}

static void say_write(const char *path, const char *text)
{
	int fd = c_open(path, O_WRONLY, 0);

	if (fd < 0)
		label("open"), say_ok(fd);
	else
		say_ok(c_write(fd, text, strlen(text)));
	c_close(fd);
}

static const struct {
	const char *name;
	const char *path; /* below the device, or absolute */
	const char *text; /* %s is the device's name */
} sys_write[] = {
	{"uevent_change", "uevent", "change"},
	{"uevent_change_newline", "uevent", "change\n"},
	{"uevent_add", "uevent", "add"},
	{"uevent_online", "uevent", "online"},
	{"uevent_garbage", "uevent", "garbage"},
	{"uevent_empty_line", "uevent", "\n"},
	{"align", "align", "4096"},
	{"size", "size", "4096"},
	{"numa_node", "numa_node", "0"},
	{"power_control_auto", "power/control", "auto"},
	{"power_control_auto_newline", "power/control", "auto\n"},
	{"power_control_garbage", "power/control", "off"},
	{"power_async_disabled", "power/async", "disabled\n"},
	{"power_async_garbage", "power/async", "1"},
	{"power_delay", "power/autosuspend_delay_ms", "100"},
	{"power_status", "power/runtime_status", "active"},
	{"mapping0_start", "mapping0/start", "0"},
	{"dax_region_size", "../dax_region/size", "1"},
	{"dax_region_align", "../dax_region/align", "1"},
	{"memmap_on_memory_0", "memmap_on_memory", "0"},
	{"memmap_on_memory_1", "memmap_on_memory", "1"},
	{"memmap_on_memory_garbage", "memmap_on_memory", "x"},
	{"nd_align_while_bound", "../align", "4096"},
	{"nd_mode_while_bound", "../mode", "ram"},
	{"nd_namespace_while_bound", "../namespace", ""},
	{"bind_bound", "/sys/bus/dax/drivers/device_dax/bind", "%s"},
	{"bind_bound_newline", "/sys/bus/dax/drivers/device_dax/bind", "%s\n"},
	{"bind_unknown", "/sys/bus/dax/drivers/device_dax/bind", "dax99.99"},
	{"bind_garbage", "/sys/bus/dax/drivers/device_dax/bind", "garbage"},
	{"unbind_unknown", "/sys/bus/dax/drivers/device_dax/unbind", "dax99.99"},
	{"unbind_garbage", "/sys/bus/dax/drivers/device_dax/unbind", "garbage"},
	{"new_id_garbage", "/sys/bus/dax/drivers/device_dax/new_id", "garbage"},
	{"new_id_half", "/sys/bus/dax/drivers/device_dax/new_id", "dax1"},
	{"new_id_empty", "/sys/bus/dax/drivers/device_dax/new_id", "\n"},
	{"remove_id_unknown", "/sys/bus/dax/drivers/device_dax/remove_id", "dax99.99"},
	{"remove_id_garbage", "/sys/bus/dax/drivers/device_dax/remove_id", "garbage"},
	{"drivers_probe_unknown", "/sys/bus/dax/drivers_probe", "dax99.99"},
	{"drivers_probe_bound", "/sys/bus/dax/drivers_probe", "%s"},
};

static void sys_write_case(const long *arg)
{
	const char *path = sys_write[arg[0]].path;
	char full[256];
	char text[64];

	if (*path == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "%s/%s", t.sys, path);
	if (strncmp(sys_write[arg[0]].text, "%s", 2) == 0)
		snprintf(text, sizeof(text), "%s%s", t.name, sys_write[arg[0]].text + 2);
	else
		snprintf(text, sizeof(text), "%s", sys_write[arg[0]].text);
	say_write(full, text);
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(sys_write); i++)
		case_make(sys_write_case, ARGS(i), "root.sysfs.write.%s",
			  sys_write[i].name);
}

CASE("root.sysfs.daxctl_style_new_id")
{
	char text[64];

	/* with its terminating NUL, as daxctl writes it; the device is already bound */
	int fd = c_open("/sys/bus/dax/drivers/device_dax/new_id", O_WRONLY, 0);
	int len = snprintf(text, sizeof(text), "%s", t.name) + 1;

	must(fd >= 0);
	label("new_id");
	if (c_write(fd, text, len) < 0)
		say_ok(-1);
	else
		say("ok");
	fd = c_open("/sys/bus/dax/drivers/device_dax/remove_id", O_WRONLY, 0);
	label("remove_id"), say_ok(c_write(fd, text, len));
}
