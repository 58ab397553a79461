// SPDX-License-Identifier: BSD-2-Clause
/* fd.*: fcntl, locks, leases, polling, moving data between descriptors, aio. */
#include <aio.h>
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "tests/conformance/call.h"

static const struct {
	const char *name;
	int flag;
} mode[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY}, {"rdwr", O_RDWR}, {"accmode", 3}};

static void setfl_case(const long *arg)
{
	int fd = dev_open(O_RDWR);

	say_ret(c_fcntl(fd, F_SETFL, arg[0]));
	say_flags(c_fcntl(fd, F_GETFL, 0));
}

static void fcntl_case(const long *arg)
{
	label("rdwr"), say_ret(c_fcntl(dev_open(O_RDWR), arg[0], arg[1]));
	label("rdonly"), say_ret(c_fcntl(dev_open(O_RDONLY), arg[0], arg[1]));
}

static void fcntl_pointer_case(const long *arg)
{
	uint64_t value = arg[1];
	int fd = dev_open(O_RDWR);

	say_ret(c_fcntl(fd, arg[0], (long)&value));
	say("%lu", (unsigned long)value);
	say_ret(c_fcntl(fd, arg[0], 8));
}

MATRIX
{
	static const struct {
		const char *name;
		int flag;
	} fl[] = {{"append", O_APPEND}, {"nonblock", O_NONBLOCK},
		  {"async", O_ASYNC},   {"noatime", O_NOATIME},
		  {"direct", O_DIRECT}, {"sync", O_SYNC},
		  {"none", 0},          {"direct_nonblock", O_DIRECT | O_NONBLOCK}};
	static const struct {
		const char *name;
		int cmd;
		long arg;
	} list[] = {
		{"getfd", F_GETFD, 0},
		{"getown", F_GETOWN, 0},
		{"getsig", F_GETSIG, 0},
		{"setsig", F_SETSIG, SIGUSR1},
		{"setsig_bad", F_SETSIG, 1000},
		{"setlease_read", F_SETLEASE, F_RDLCK},
		{"setlease_write", F_SETLEASE, F_WRLCK},
		{"setlease_none", F_SETLEASE, F_UNLCK},
		{"setlease_bad", F_SETLEASE, 77},
		{"getlease", F_GETLEASE, 0},
		{"notify", F_NOTIFY, DN_ACCESS},
		{"notify_none", F_NOTIFY, 0},
		{"add_seals", F_ADD_SEALS, F_SEAL_WRITE},
		{"add_seals_none", F_ADD_SEALS, 0},
		{"get_seals", F_GET_SEALS, 0},
		{"setpipe", F_SETPIPE_SZ, 65536},
		{"getpipe", F_GETPIPE_SZ, 0},
		{"unknown", 9999, 0},
	};
	static const struct {
		const char *name;
		int cmd;
		long value;
	} ptr[] = {
		{"set_rw_hint_bad", F_SET_RW_HINT, 99},
		{"get_file_rw_hint", F_GET_FILE_RW_HINT, 77},
		{"set_file_rw_hint", F_SET_FILE_RW_HINT, RWH_WRITE_LIFE_LONG},
	};
	size_t i;

	for (i = 0; i < COUNT(fl); i++)
		case_make(setfl_case, ARGS(fl[i].flag), "fd.fcntl.setfl_%s", fl[i].name);
	for (i = 0; i < COUNT(list); i++)
		case_make(fcntl_case, ARGS(list[i].cmd, list[i].arg), "fd.fcntl.%s",
			  list[i].name);
	for (i = 0; i < COUNT(ptr); i++)
		case_make(fcntl_pointer_case, ARGS(ptr[i].cmd, ptr[i].value),
			  "fd.fcntl.%s", ptr[i].name);
}

/* The hint is kept in the inode: the next program that opens the node finds it. */
CASE("fd.fcntl.rw_hint")
{
	uint64_t set = RWH_WRITE_LIFE_SHORT;
	uint64_t get = 99;

	label("set"), say_ret(c_fcntl(dev_open(O_RDWR), F_SET_RW_HINT, (long)&set));
	label("get"), say_ret(c_fcntl(dev_open(O_RDONLY), F_GET_RW_HINT, (long)&get));
	say("%lu", (unsigned long)get);
	set = RWH_WRITE_LIFE_NOT_SET;
	label("reset"), say_ret(c_fcntl(dev_open(O_RDWR), F_SET_RW_HINT, (long)&set));
	label("get"), say_ret(c_fcntl(dev_open(O_RDONLY), F_GET_RW_HINT, (long)&get));
	say("%lu", (unsigned long)get);
	label("bad"), say_ret(c_fcntl(dev_open(O_RDONLY), F_GET_RW_HINT, 8));
}

CASE("fd.fcntl.dupfd")
{
	int fd = dev_open(O_RDWR);

	say_ret(c_fcntl(fd, F_DUPFD, 500));
	say_ret(c_fcntl(fd, F_DUPFD_CLOEXEC, 500));
	say_ret(c_fcntl(501, F_GETFD, 0));
	say_ok(try_map(501, A, PROT_READ, MAP_SHARED, 0));
}

CASE("fd.flock.modes")
{
	size_t i;

	for (i = 0; i < COUNT(mode); i++) {
		int fd = dev_open(mode[i].flag);

		label("%s", mode[i].name);
		say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
		say_ret(c_flock(fd, LOCK_SH | LOCK_NB));
		say_ret(c_flock(fd, LOCK_UN));
	}
	say_ret(c_flock(dev_open(O_RDWR), 77));
}

CASE("fd.flock.excludes_in_one_process")
{
	int a = dev_open(O_RDWR);
	int b = dev_open(O_RDONLY);

	say_ret(c_flock(a, LOCK_EX | LOCK_NB));
	say_ret(c_flock(b, LOCK_EX | LOCK_NB));
	say_ret(c_flock(b, LOCK_SH | LOCK_NB));
	say_ret(c_flock(a, LOCK_UN));
	say_ret(c_flock(b, LOCK_EX | LOCK_NB));
}

static void flock_child(void *data)
{
	int *inherited = data;
	int fd = dev_open(O_RDWR);

	say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
	say_ret(c_flock(*inherited, LOCK_EX | LOCK_NB));
}

CASE("fd.flock.excludes_between_processes")
{
	int fd = dev_open(O_RDWR);

	c_flock(fd, LOCK_EX);
	in_child(flock_child, &fd);
	c_close(fd);
	fd = dev_open(O_RDWR);
	say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
}

/*
 * A mapping keeps the open file and with it the lock. PMDK relies on this: it closes the
 * descriptor after mmap.
 */
CASE("fd.flock.kept_by_mapping")
{
	int fd = dev_open(O_RDWR);
	int other = dev_open(O_RDWR);
	char *p;

	say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
	p = map(fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	c_close(fd);
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
	say_ok(c_munmap(p, A));
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
	say_ok(c_munmap(p + A, A));
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
}

CASE("fd.flock.kept_by_descriptor_of_it")
{
	int fd = dev_open(O_RDWR);
	int copy = c_dup(fd);
	int other = dev_open(O_RDWR);

	say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
	c_close(fd);
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
	say_ret(c_flock(copy, LOCK_UN));
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
}

static void unmap_lock(void *data)
{
	(void)data;
	must(c_munmap(*(char **)data, A) == 0);
}

CASE("fd.flock.kept_by_mapping_of_parent")
{
	int fd = dev_open(O_RDWR);
	int other = dev_open(O_RDWR);
	char *p;

	say_ret(c_flock(fd, LOCK_EX | LOCK_NB));
	p = map(fd, A, PROT_READ, 0);
	c_close(fd);
	in_child(unmap_lock, &p);
	say_ret(c_flock(other, LOCK_EX | LOCK_NB));
}

static long record(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	long r = c_fcntl(fd, cmd, (long)&fl);

	if (r == 0 && (cmd == F_GETLK || cmd == F_OFD_GETLK))
		say(fl.l_type == F_UNLCK ? "free" : "held");
	return r;
}

static void record_case(const long *arg)
{
	int set = arg[0] ? F_OFD_SETLK : F_SETLK;
	size_t i;

	for (i = 0; i < COUNT(mode); i++) {
		int fd = dev_open(mode[i].flag);

		label("%s", mode[i].name);
		say_ret(record(fd, set, F_RDLCK, 0, 10));
		say_ret(record(fd, set, F_WRLCK, 0, 10));
		say_ret(record(fd, set, F_UNLCK, 0, 0));
	}
}

struct record_child {
	int get;
	int set;
};

static void record_child(void *data)
{
	struct record_child *c = data;
	int fd = dev_open(O_RDWR);

	record(fd, c->get, F_WRLCK, 0, 100);
	record(fd, c->get, F_WRLCK, 200, 100);
	say_ret(record(fd, c->set, F_WRLCK, 50, 100));
	say_ret(record(fd, c->set, F_WRLCK, 200, 100));
}

static void record_exclude(const long *arg)
{
	struct record_child c = {arg[0] ? F_OFD_GETLK : F_GETLK,
				 arg[0] ? F_OFD_SETLK : F_SETLK};
	int fd = dev_open(O_RDWR);

	must(record(fd, c.set, F_WRLCK, 0, 100) == 0);
	in_child(record_child, &c);
}

MATRIX
{
	case_make(record_case, ARGS(0), "fd.lock.posix_modes");
	case_make(record_case, ARGS(1), "fd.lock.ofd_modes");
	case_make(record_exclude, ARGS(0), "fd.lock.posix_between_processes");
	case_make(record_exclude, ARGS(1), "fd.lock.ofd_between_processes");
}

CASE("fd.lock.relative_to_end")
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = 10};
	int fd = dev_open(O_RDWR);

	say_ret(c_fcntl(fd, F_OFD_SETLK, (long)&fl));
	record(dev_open(O_RDWR), F_OFD_GETLK, F_WRLCK, 0, 10);
	record(dev_open(O_RDWR), F_OFD_GETLK, F_WRLCK, 10, 10);
}

static void lockf_child(void *data)
{
	(void)data;
	say_ret(lockf(dev_open(O_RDWR), F_TEST, 10));
	say_ret(lockf(dev_open(O_RDWR), F_TLOCK, 10));
}

CASE("libc.lockf")
{
	int fd = dev_open(O_RDWR);

	say_ret(lockf(fd, F_TLOCK, 10));
	in_child(lockf_child, NULL);
	say_ret(lockf(fd, F_ULOCK, 10));
	say_ret(lockf(dev_open(O_RDONLY), F_TLOCK, 10));
}

static void poll_case(const long *arg)
{
	struct pollfd p = {dev_open(arg[0]), 0x7fff, 0};
	struct pollfd none = {p.fd, 0, 0};

	say_ret(c_poll(&p, 1, 0));
	say("0x%x", (unsigned int)p.revents);
	say_ret(c_poll(&none, 1, 0));
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(mode); i++)
		case_make(poll_case, ARGS(mode[i].flag), "fd.poll.%s", mode[i].name);
}

CASE("fd.poll.waits_not")
{
	struct pollfd p = {dev_open(O_RDWR), POLLIN | POLLOUT, 0};

	say_ret(c_poll(&p, 1, -1));
	say("0x%x", (unsigned int)p.revents);
}

CASE("fd.select")
{
	int fd = dev_open(O_RDWR);
	struct timeval tv = {0, 0};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = x = r;
	say_ret(c_select(fd + 1, &r, &w, &x, &tv));
	say("%d%d%d", !!FD_ISSET(fd, &r), !!FD_ISSET(fd, &w), !!FD_ISSET(fd, &x));
}

static void epoll_case(const long *arg)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int fd = dev_open(arg[0]);

	label("add"), say_ret(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	label("mod"), say_ret(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
	label("del"), say_ret(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev));
}

MATRIX
{
	case_make(epoll_case, ARGS(O_RDWR), "fd.epoll.rdwr");
	case_make(epoll_case, ARGS(O_RDONLY), "fd.epoll.rdonly");
	case_make(epoll_case, ARGS(O_PATH), "fd.epoll.o_path");
}

CASE("fd.sendfile")
{
	int fd = dev_open(O_RDWR);
	int m = memfd();
	int pipes[2];
	off_t off = 0;
	char b[100] = "";

	must(write(m, b, 100) == 100 && pipe(pipes) == 0 && lseek(m, 0, SEEK_SET) == 0);
	label("dev-file"), say_ret(c_sendfile(m, fd, NULL, 10));
	label("dev-file-off"), say_ret(c_sendfile(m, fd, &off, 10));
	label("dev-pipe"), say_ret(c_sendfile(pipes[1], fd, NULL, 10));
	label("file-dev"), say_ret(c_sendfile(fd, m, NULL, 10));
	label("file-dev-off"), say_ret(c_sendfile(fd, m, &off, 10));
	label("dev-dev"), say_ret(c_sendfile(fd, fd, NULL, 10));
	label("empty"), say_ret(c_sendfile(m, fd, NULL, 0));
	label("wronly"), say_ret(c_sendfile(m, dev_open(O_WRONLY), NULL, 10));
	label("rdonly"), say_ret(c_sendfile(dev_open(O_RDONLY), m, NULL, 10));
}

CASE("fd.splice")
{
	int fd = dev_open(O_RDWR);
	int pipes[2];
	off_t off = 0;

	must(pipe(pipes) == 0 && write(pipes[1], "abcdef", 6) == 6);
	label("dev-pipe"),
		say_ret(c_splice(fd, NULL, pipes[1], NULL, 10, SPLICE_F_NONBLOCK));
	label("dev-pipe-off"),
		say_ret(c_splice(fd, &off, pipes[1], NULL, 10, SPLICE_F_NONBLOCK));
	label("pipe-dev"),
		say_ret(c_splice(pipes[0], NULL, fd, NULL, 4, SPLICE_F_NONBLOCK));
	label("pipe-dev-off"),
		say_ret(c_splice(pipes[0], NULL, fd, &off, 4, SPLICE_F_NONBLOCK));
	label("dev-dev"), say_ret(c_splice(fd, NULL, fd, NULL, 4, 0));
	label("empty"), say_ret(c_splice(fd, NULL, pipes[1], NULL, 0, 0));
	label("rdonly"),
		say_ret(c_splice(pipes[0], NULL, dev_open(O_RDONLY), NULL, 4, 0));
	label("wronly"),
		say_ret(c_splice(dev_open(O_WRONLY), NULL, pipes[1], NULL, 4, 0));
}

CASE("fd.tee")
{
	int fd = dev_open(O_RDWR);
	int pipes[2];

	must(pipe(pipes) == 0 && write(pipes[1], "abcdef", 6) == 6);
	label("dev-pipe"), say_ret(c_tee(fd, pipes[1], 4, SPLICE_F_NONBLOCK));
	label("pipe-dev"), say_ret(c_tee(pipes[0], fd, 4, SPLICE_F_NONBLOCK));
}

CASE("fd.vmsplice")
{
	char b[16] = "";
	struct iovec v = {b, sizeof(b)};

	say_ret(c_vmsplice(dev_open(O_RDWR), &v, 1, 0));
}

CASE("fd.copy_file_range")
{
	int fd = dev_open(O_RDWR);
	int m = temp_file("copy", 0);
	off_t off = 0;

	must(m >= 0 && write(m, "0123456789", 10) == 10 && lseek(m, 0, SEEK_SET) == 0);
	label("dev-file"), say_ret(c_copy_file_range(fd, NULL, m, NULL, 10, 0));
	label("file-dev"), say_ret(c_copy_file_range(m, NULL, fd, NULL, 10, 0));
	label("dev-file-off"), say_ret(c_copy_file_range(fd, &off, m, NULL, 10, 0));
	label("dev-dev"), say_ret(c_copy_file_range(fd, NULL, fd, NULL, 10, 0));
	label("empty"), say_ret(c_copy_file_range(fd, NULL, m, NULL, 0, 0));
	label("flags"), say_ret(c_copy_file_range(fd, NULL, m, NULL, 10, 1));
	label("rdonly"),
		say_ret(c_copy_file_range(m, NULL, dev_open(O_RDONLY), NULL, 10, 0));
}

CASE("libc.aio")
{
	char b[64] = "";
	struct aiocb cb = {.aio_fildes = dev_open(O_RDWR),
			   .aio_buf = b,
			   .aio_nbytes = 64};
	const struct aiocb *list[] = {&cb};

	say_ret(aio_read(&cb));
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	say("%s", err_name(aio_error(&cb)));
	say_ret(aio_write(&cb));
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	say("%s", err_name(aio_error(&cb)));
}

static void kernel_aio(const char *name, int op, int fd, void *buf)
{
	struct iocb cb = {.aio_lio_opcode = op,
			  .aio_fildes = fd,
			  .aio_buf = (uintptr_t)buf,
			  .aio_nbytes = 64};
	struct iocb *list[] = {&cb};
	struct io_event ev;
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 4, &ctx) < 0)
		skip("no io_setup");
	label("%s", name);
	if (syscall(SYS_io_submit, ctx, 1L, list) == 1) {
		syscall(SYS_io_getevents, ctx, 1L, 1L, &ev, NULL);
		say("event %s", ev.res < 0 ? err_name(-ev.res) : "ok");
	} else {
		say("%s", err_name(errno));
	}
}

CASE("fd.io_submit")
{
	static char b[64];
	int fd = dev_open(O_RDWR);

	kernel_aio("pread", IOCB_CMD_PREAD, fd, b);
	kernel_aio("pwrite", IOCB_CMD_PWRITE, fd, b);
	kernel_aio("fsync", IOCB_CMD_FSYNC, fd, b);
	kernel_aio("rdonly-pwrite", IOCB_CMD_PWRITE, dev_open(O_RDONLY), b);
}

static void say_events(int in)
{
	char b[4096] __attribute__((aligned(8)));
	ssize_t n = read(in, b, sizeof(b));
	ssize_t at = 0;

	while (at < n) {
		struct inotify_event *ev = (struct inotify_event *)(b + at);

		say("0x%x", ev->mask);
		at += sizeof(*ev) + ev->len;
	}
	if (n <= 0)
		say("none");
}

CASE("fd.inotify")
{
	int in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char *p;
	int fd;

	say_ok(inotify_add_watch(in, t.dev, IN_ALL_EVENTS));
	fd = dev_open(O_RDWR);
	p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	label("open"), say_events(in);
	put(p, 0x44);
	get(p);
	c_read(fd, p, 1);
	c_msync(p, A, MS_ASYNC);
	label("use"), say_events(in);
	c_close(fd);
	label("close"), say_events(in); /* the mapping still holds the open file */
	c_munmap(p, A);
	label("munmap"), say_events(in);
	c_close(c_open(t.dev, O_RDONLY, 0));
	label("rdonly"), say_events(in);
}
