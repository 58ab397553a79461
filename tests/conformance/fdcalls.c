// SPDX-License-Identifier: BSD-2-Clause
/* fd.*: calls other than mmap on a descriptor of the device. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <termios.h>

#include "tests/conformance/call.h"

static const struct {
	const char *name;
	int flag;
} mode[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY}, {"rdwr", O_RDWR}, {"accmode", 3}};

enum io {
	READ,
	PREAD,
	READV,
	PREADV,
	PREADV2,
	WRITE,
	PWRITE,
	WRITEV,
	PWRITEV,
	PWRITEV2
};

static const char *const io_name[] = {"read",  "pread",  "readv",  "preadv",  "preadv2",
				      "write", "pwrite", "writev", "pwritev", "pwritev2"};

static long io(enum io call, int fd, void *buf, size_t n, off_t off)
{
	struct iovec v = {buf, n};

	switch (call) {
	case READ:
		return c_read(fd, buf, n);
	case PREAD:
		return c_pread(fd, buf, n, off);
	case READV:
		return c_readv(fd, &v, 1);
	case PREADV:
		return c_preadv(fd, &v, 1, off);
	case PREADV2:
		return c_preadv2(fd, &v, 1, off, 0);
	case WRITE:
		return c_write(fd, buf, n);
	case PWRITE:
		return c_pwrite(fd, buf, n, off);
	case WRITEV:
		return c_writev(fd, &v, 1);
	case PWRITEV:
		return c_pwritev(fd, &v, 1, off);
	case PWRITEV2:
		return c_pwritev2(fd, &v, 1, off, 0);
	}
	return 0;
}

static void io_case(const long *arg)
{
	int fd = dev_open(arg[1]);
	char buf[64] = "";

	label("buf"), say_ret(io(arg[0], fd, buf, sizeof(buf), 0));
	label("empty"), say_ret(io(arg[0], fd, buf, 0, 0));
	label("badptr"), say_ret(io(arg[0], fd, bad_pointer(8), 64, 0));
	label("badptr-empty"), say_ret(io(arg[0], fd, bad_pointer(8), 0, 0));
	label("neg"), say_ret(io(arg[0], fd, buf, sizeof(buf), -4096));
	label("huge"), say_ret(io(arg[0], fd, buf, (size_t)-1, 0));
	label("past-end"), say_ret(io(arg[0], fd, buf, sizeof(buf), S));
}

static void io_vector_case(const long *arg)
{
	static const int count[] = {0, -1, 1024, 1025};
	static struct iovec v[1025];
	int fd = dev_open(O_RDWR);
	size_t i;
	char b;

	for (i = 0; i < COUNT(v); i++)
		v[i] = (struct iovec){&b, 0};
	for (i = 0; i < COUNT(count); i++) {
		label("%d", count[i]);
		say_ret(arg[0] ? c_writev(fd, v, count[i]) : c_readv(fd, v, count[i]));
	}
	label("bad");
	say_ret(arg[0] ? c_writev(fd, bad_pointer(8), 1)
		       : c_readv(fd, bad_pointer(8), 1));
	v[0].iov_len = -1;
	label("neg");
	say_ret(arg[0] ? c_writev(fd, v, 1) : c_readv(fd, v, 1));
}

static void io_flag_case(const long *arg)
{
	struct iovec v;
	int fd = dev_open(O_RDWR);
	char b[16];

	v = (struct iovec){b, sizeof(b)};
	label("read"), say_ret(c_preadv2(fd, &v, 1, 0, arg[0]));
	label("write"), say_ret(c_pwritev2(fd, &v, 1, 0, arg[0]));
	label("cur"), say_ret(c_preadv2(fd, &v, 1, -1, arg[0]));
}

MATRIX
{
	static const int rwf[] = {RWF_HIPRI,  RWF_DSYNC,  RWF_SYNC,
				  RWF_NOWAIT, RWF_APPEND, 0x8000};
	size_t i, j;

	for (i = 0; i < COUNT(io_name); i++)
		for (j = 0; j < COUNT(mode); j++)
			case_make(io_case, ARGS(i, mode[j].flag), "fd.io.%s.%s",
				  io_name[i], mode[j].name);
	case_make(io_vector_case, ARGS(0), "fd.io.readv.vectors");
	case_make(io_vector_case, ARGS(1), "fd.io.writev.vectors");
	for (i = 0; i < COUNT(rwf); i++)
		case_make(io_flag_case, ARGS(rwf[i]), "fd.io.preadv2.flag_0x%x", rwf[i]);
}

CASE("fd.io.changes_nothing")
{
	char *p = map_units(1);
	int fd = dev_open(O_RDWR);
	char b[64];

	fill(p, 64, 4);
	memset(b, 0x77, sizeof(b));
	c_write(fd, b, 64);
	c_pwrite(fd, b, 64, 0);
	c_read(fd, b, 64);
	say("device=%d buffer=%d", is_filled(p, 64, 4), b[0] == 0x77 && b[63] == 0x77);
}

CASE("fd.io.device_memory_as_buffer")
{
	char *p = map_units(1);
	int fd = dev_open(O_RDWR);

	say_ret(c_read(fd, p, 64));
	say_ret(c_write(fd, p, 64));
}

static void seek_case(const long *arg)
{
	int fd = dev_open(arg[1]);
	const off_t off[] = {0, 100, -1, S, S + 1, -(off_t)S, INT64_MAX, INT64_MIN};
	size_t i;

	for (i = 0; i < COUNT(off); i++)
		say_ret(c_lseek(fd, off[i], arg[0]));
}

MATRIX
{
	static const char *const name[] = {"set", "cur", "end", "data", "hole"};
	size_t i;
	static const int bad[] = {5, 6, 100, -1};

	for (i = 0; i < COUNT(name); i++)
		case_make(seek_case, ARGS(i, O_RDWR), "fd.lseek.%s", name[i]);
	for (i = 0; i < COUNT(bad); i++)
		case_make(seek_case, ARGS(bad[i], O_RDWR), "fd.lseek.whence_%d", bad[i]);
	case_make(seek_case, ARGS(SEEK_END, O_RDONLY), "fd.lseek.end_rdonly");
	case_make(seek_case, ARGS(SEEK_END, O_WRONLY), "fd.lseek.end_wronly");
}

CASE("fd.lseek.position_stays")
{
	int fd = dev_open(O_RDWR);

	c_lseek(fd, 4096, SEEK_SET);
	say_ret(c_lseek(fd, 0, SEEK_CUR));
}

static void truncate_case(const long *arg)
{
	int fd = dev_open(arg[0]);
	const off_t size[] = {0, 4096, S, S + A, -1};
	size_t i;

	for (i = 0; i < COUNT(size); i++)
		say_ret(c_ftruncate(fd, size[i]));
}

MATRIX
{
	size_t j;

	for (j = 0; j < COUNT(mode); j++)
		case_make(truncate_case, ARGS(mode[j].flag), "fd.ftruncate.%s",
			  mode[j].name);
}

CASE("fd.truncate")
{
	say_ret(c_truncate(t.dev, 0));
	say_ret(c_truncate(t.dev, S));
	say_ret(c_truncate(t.dev, -1));
}

static void fallocate_case(const long *arg)
{
	int m = arg[0];
	int fd = dev_open(arg[1]);

	label("first"), say_ret(c_fallocate(fd, m, 0, A));
	label("beyond"), say_ret(c_fallocate(fd, m, S, A));
	label("empty"), say_ret(c_fallocate(fd, m, 0, 0));
	label("negative"), say_ret(c_fallocate(fd, m, -4096, 4096));
	label("negative-len"), say_ret(c_fallocate(fd, m, 0, -4096));
	label("overflow"), say_ret(c_fallocate(fd, m, INT64_MAX, 4096));
}

MATRIX
{
	static const struct {
		const char *name;
		int m;
	} kind[] = {
		{"plain", 0},
		{"keep_size", FALLOC_FL_KEEP_SIZE},
		{"punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE},
		{"punch_alone", FALLOC_FL_PUNCH_HOLE},
		{"collapse", FALLOC_FL_COLLAPSE_RANGE},
		{"collapse_keep", FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE},
		{"zero", FALLOC_FL_ZERO_RANGE},
		{"zero_punch",
		 FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE},
		{"insert", FALLOC_FL_INSERT_RANGE},
		{"unshare", FALLOC_FL_UNSHARE_RANGE},
		{"unknown", 0x1000},
	};
	size_t i;

	for (i = 0; i < COUNT(kind); i++)
		case_make(fallocate_case, ARGS(kind[i].m, O_RDWR), "fd.fallocate.%s",
			  kind[i].name);
	case_make(fallocate_case, ARGS(0, O_RDONLY), "fd.fallocate.rdonly");
	case_make(fallocate_case, ARGS(FALLOC_FL_PUNCH_HOLE, O_RDONLY),
		  "fd.fallocate.rdonly_punch");
	case_make(fallocate_case, ARGS(0, O_WRONLY), "fd.fallocate.wronly");
	case_make(fallocate_case, ARGS(0, 3), "fd.fallocate.accmode");
}

CASE("libc.posix_fallocate")
{
	int fd = dev_open(O_RDWR);

	say("%s", err_name(posix_fallocate(fd, 0, A)));
	say("%s", err_name(posix_fallocate(fd, 0, 0)));
	say("%s", err_name(posix_fallocate(fd, -1, 4096)));
	say("%s", err_name(posix_fallocate(dev_open(O_RDONLY), 0, A)));
	say("%s", err_name(posix_fallocate64(fd, 0, A)));
}

static void sync_case(const long *arg)
{
	int fd = dev_open(arg[0]);

	label("fsync"), say_ret(c_fsync(fd));
	label("fdatasync"), say_ret(c_fdatasync(fd));
	label("syncfs"), say_ret(c_syncfs(fd));
}

static void sync_range_case(const long *arg)
{
	int fd = dev_open(O_RDWR);

	label("all"), say_ret(c_sync_file_range(fd, 0, 0, arg[0]));
	label("part"), say_ret(c_sync_file_range(fd, 0, A, arg[0]));
	label("negative"), say_ret(c_sync_file_range(fd, -1, 1, arg[0]));
}

static void advise_case(const long *arg)
{
	int fd = dev_open(O_RDWR);

	label("all"), say_ret(c_fadvise(fd, 0, 0, arg[0]));
	label("part"), say_ret(c_fadvise(fd, A, A, arg[0]));
	label("negative-len"), say_ret(c_fadvise(fd, 0, -1, arg[0]));
	label("negative-off"), say_ret(c_fadvise(fd, -1, 4096, arg[0]));
}

static void readahead_case(const long *arg)
{
	int fd = dev_open(arg[0]);

	say_ret(c_readahead(fd, 0, 4096));
	say_ret(c_readahead(fd, -1, 4096));
	say_ret(c_readahead(fd, 0, 0));
}

MATRIX
{
	static const int range[] = {0, 1, 2, 3, 4, 7, 8, 0x100};
	static const int advice[] = {0, 1, 2, 3, 4, 5, 6, 100, -1};
	size_t i;

	for (i = 0; i < COUNT(mode); i++) {
		case_make(sync_case, ARGS(mode[i].flag), "fd.sync.%s", mode[i].name);
		case_make(readahead_case, ARGS(mode[i].flag), "fd.readahead.%s",
			  mode[i].name);
	}
	for (i = 0; i < COUNT(range); i++)
		case_make(sync_range_case, ARGS(range[i]), "fd.sync_file_range.%d",
			  range[i]);
	for (i = 0; i < COUNT(advice); i++)
		case_make(advise_case, ARGS(advice[i]), "fd.fadvise.%d", advice[i]);
}

static void ioctl_case(const long *arg)
{
	static uint64_t b[64];
	int fd = dev_open(O_RDWR);
	unsigned long request = (unsigned int)arg[0];

	label("buf"), say_ret(c_ioctl(fd, request, b));
	label("null"), say_ret(c_ioctl(fd, request, NULL));
	label("bad"), say_ret(c_ioctl(fd, request, bad_pointer(8)));
}

MATRIX
{
	static const struct {
		const char *name;
		unsigned int request;
	} list[] = {
		{"blkgetsize64", BLKGETSIZE64},
		{"blkgetsize", BLKGETSIZE},
		{"blksszget", BLKSSZGET},
		{"blkroget", BLKROGET},
		{"blkflsbuf", BLKFLSBUF},
		{"blkdiscard", _IO(0x12, 119)},
		{"tcgets", TCGETS},
		{"tiocgwinsz", TIOCGWINSZ},
		{"fionread", FIONREAD},
		{"fionbio", FIONBIO},
		{"fioasync", FIOASYNC},
		{"fioclex", FIOCLEX},
		{"fionclex", FIONCLEX},
		{"fioqsize", FIOQSIZE},
		{"figetbsz", FIGETBSZ},
		{"fibmap", FIBMAP},
		{"getflags", FS_IOC_GETFLAGS},
		{"setflags", FS_IOC_SETFLAGS},
		{"getversion", FS_IOC_GETVERSION},
		{"fsgetxattr", FS_IOC_FSGETXATTR},
		{"fiemap", FS_IOC_FIEMAP},
		{"ficlone", FICLONE},
		{"fideduperange", FIDEDUPERANGE},
		{"fitrim", FITRIM},
		{"zero", 0},
		{"random", 0xdeadbeef},
		{"ndctl", _IOWR('N', 4, char[4])},
		{"all_ones", 0xffffffff},
	};
	size_t i;

	for (i = 0; i < COUNT(list); i++)
		case_make(ioctl_case, ARGS(list[i].request), "fd.ioctl.%s", list[i].name);
}

CASE("fd.ioctl.figetbsz_value")
{
	int value = 0;

	say_ret(c_ioctl(dev_open(O_RDONLY), FIGETBSZ, &value));
	say("%d", value);
}

CASE("fd.ioctl.effects")
{
	int fd = dev_open(O_RDWR);
	int on = 1;

	c_ioctl(fd, FIONBIO, &on);
	say_flags(c_fcntl(fd, F_GETFL, 0));
	say_ret(c_ioctl(fd, FIOASYNC, &on));
	say_flags(c_fcntl(fd, F_GETFL, 0));
	c_ioctl(fd, FIONCLEX, NULL);
	say_ret(c_fcntl(fd, F_GETFD, 0));
	c_ioctl(fd, FIOCLEX, NULL);
	say_ret(c_fcntl(fd, F_GETFD, 0));
}

CASE("libc.isatty")
{
	say("%d", isatty(dev_open(O_RDWR)));
	say("%s", err_name(errno));
}

CASE("libc.ttyname")
{
	char b[64];

	say("%s", ttyname(dev_open(O_RDWR)) ? "name" : err_name(errno));
	say("%s", err_name(ttyname_r(dev_open(O_RDWR), b, sizeof(b))));
	say_ret(tcgetpgrp(dev_open(O_RDWR)));
}
