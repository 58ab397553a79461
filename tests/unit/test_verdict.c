/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of device-dax for calls on a descriptor and for mmap, one row per fact. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/verdict.h"

#include "tests/unit/tap.h"

#define A (2 * DAX_MIB)

static struct dax_device device(uint64_t align)
{
	return (struct dax_device){
		.name = "dax0.0",
		.flags = DAX_DEVICE_ALIVE,
		.align = align,
		.size = 4 * align,
		.nr_ranges = 1,
		.ranges = {{0, 4 * align}},
		.life = 1,
	};
}

static void check(const struct dax_verdict *v, int error, enum dax_reason reason,
		  const char *what)
{
	if (!ok(v->error == error && v->reason == reason, "%s: %s %s", what,
		error ? strerror(error) : "allowed", dax_reason_id(reason)))
		printf("# got %d %s\n", v->error, dax_reason_id(v->reason));
}

static void test_open_flags(void)
{
	int flags = -1;

	is(dax_open_flags(O_CREAT | O_DIRECTORY, &flags), -EINVAL,
	   "O_CREAT and O_DIRECTORY exclude each other");
	is(flags, -1, "a refusal leaves the result alone");
	is(dax_open_flags(O_RDWR | O_TRUNC | O_DIRECTORY, &flags), 0, "a directory");
	is(flags, O_RDWR | O_TRUNC | O_DIRECTORY, "flags are as given");
	is(dax_open_flags(O_PATH | O_RDWR | O_CREAT | O_DIRECTORY | O_CLOEXEC |
				  O_NOFOLLOW,
			  &flags),
	   0, "O_PATH");
	is(flags, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
	   "leaves only what concerns the path");
}

static void test_open(void)
{
	static const int good[] = {O_RDONLY,
				   O_WRONLY,
				   O_RDWR,
				   O_ACCMODE,
				   O_RDWR | O_TRUNC,
				   O_RDWR | O_APPEND,
				   O_RDWR | O_SYNC,
				   O_RDWR | O_NONBLOCK,
				   O_RDONLY | O_NOATIME,
				   O_RDWR | O_ASYNC};
	struct dax_device dev = device(A);
	struct dax_verdict v;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		v = dax_open_verdict(&dev, good[i], false);
		check(&v, 0, DAX_OK, "open with a flag that the driver does not mind");
	}
	v = dax_open_verdict(&dev, O_RDWR | O_DIRECT, false);
	check(&v, EINVAL, DAX_OPEN_DIRECT, "open O_DIRECT");
	dev.flags = 0;
	v = dax_open_verdict(&dev, O_RDWR, false);
	check(&v, ENXIO, DAX_NOT_ALIVE, "open of an unbound device");
	v = dax_open_verdict(&dev, O_RDWR | O_DIRECT, false);
	check(&v, ENXIO, DAX_NOT_ALIVE, "... which comes before O_DIRECT");
	v = dax_open_verdict(&dev, O_RDWR, true);
	check(&v, 0, DAX_OK, "a disabled device that somebody has open");
	v = dax_open_verdict(&dev, O_PATH, false);
	check(&v, 0, DAX_OK, "O_PATH opens it all the same");
}

struct fd_row {
	enum dax_call call;
	int accmode;
	int64_t a;
	int64_t b;
	int64_t c;
	int error;
	enum dax_reason reason;
};

#define R O_RDONLY
#define W O_WRONLY
#define B O_RDWR

static const struct fd_row fd_rows[] = {
	/* read and write: the access mode is checked first; the driver has neither */
	{DAX_CALL_READ, B, 0, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	{DAX_CALL_READ, R, 0, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	{DAX_CALL_READ, W, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_READ, O_ACCMODE, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_WRITE, B, 0, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	{DAX_CALL_WRITE, W, 0, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	{DAX_CALL_WRITE, R, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_WRITE, O_ACCMODE, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	/* a negative offset is checked before the mode */
	{DAX_CALL_PREAD, W, -1, 0, 0, EINVAL, DAX_NEGATIVE_OFFSET},
	{DAX_CALL_PREAD, W, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_PREAD, R, 0, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	{DAX_CALL_PWRITE, R, -1, 0, 0, EINVAL, DAX_NEGATIVE_OFFSET},
	{DAX_CALL_PWRITE, R, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_PWRITE, B, 4096, 0, 0, EINVAL, DAX_NO_READ_WRITE},
	/* lseek: only the whence matters */
	{DAX_CALL_LSEEK, B, SEEK_SET, 0, 0, 0, DAX_OK},
	{DAX_CALL_LSEEK, R, SEEK_HOLE, 0, 0, 0, DAX_OK},
	{DAX_CALL_LSEEK, B, SEEK_HOLE + 1, 0, 0, EINVAL, DAX_BAD_WHENCE},
	{DAX_CALL_LSEEK, B, -1, 0, 0, EINVAL, DAX_BAD_WHENCE},
	{DAX_CALL_FTRUNCATE, B, 0, 0, 0, EINVAL, DAX_NO_TRUNCATE},
	/* fallocate checks arguments, mode bits and access, then returns ENODEV */
	{DAX_CALL_FALLOCATE, B, 0, 0, 4096, ENODEV, DAX_NO_FALLOCATE},
	{DAX_CALL_FALLOCATE, R, 0, 0, 4096, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_FALLOCATE, R, 0, 0, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FALLOCATE, R, 0, -1, 4096, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FALLOCATE, R, 0x10000, 0, 4096, EOPNOTSUPP, DAX_BAD_FALLOCATE_MODE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_PUNCH_HOLE, 0, 4096, EOPNOTSUPP,
	 DAX_BAD_FALLOCATE_MODE},
	{DAX_CALL_FALLOCATE, B,
	 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096,
	 EOPNOTSUPP, DAX_BAD_FALLOCATE_MODE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096,
	 ENODEV, DAX_NO_FALLOCATE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_COLLAPSE_RANGE, 0, 4096, ENODEV,
	 DAX_NO_FALLOCATE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096,
	 EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_INSERT_RANGE, 0, 4096, ENODEV,
	 DAX_NO_FALLOCATE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_INSERT_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096,
	 EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096,
	 ENODEV, DAX_NO_FALLOCATE},
	{DAX_CALL_FALLOCATE, B, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_ZERO_RANGE, 0, 4096,
	 EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FSYNC, B, 0, 0, 0, EINVAL, DAX_NO_FSYNC},
	{DAX_CALL_SYNC_FILE_RANGE, B, 7, 0, 0, ESPIPE, DAX_NOT_SEEKABLE},
	{DAX_CALL_SYNC_FILE_RANGE, B, 0, 4096, 4096, ESPIPE, DAX_NOT_SEEKABLE},
	{DAX_CALL_SYNC_FILE_RANGE, B, 8, 0, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_SYNC_FILE_RANGE, B, 0, -1, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_SYNC_FILE_RANGE, B, 0, 0, -1, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_SYNC_FILE_RANGE, B, 0, INT64_MAX, 0, ESPIPE, DAX_NOT_SEEKABLE},
	{DAX_CALL_SYNC_FILE_RANGE, B, 0, INT64_MAX, 1, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_READAHEAD, R, 0, 0, 0, EINVAL, DAX_NOT_SEEKABLE},
	{DAX_CALL_READAHEAD, W, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_FADVISE, W, POSIX_FADV_NOREUSE, 0, 0, 0, DAX_OK},
	{DAX_CALL_FADVISE, R, POSIX_FADV_NORMAL, -1, 4096, 0, DAX_OK},
	{DAX_CALL_FADVISE, R, 6, 0, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FADVISE, R, -1, 0, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FADVISE, R, 0, 0, -1, EINVAL, DAX_BAD_ARGUMENT},
	/* ioctl: only the requests that the VFS handles for every file */
	{DAX_CALL_IOCTL, B, FIOCLEX, 0, 0, 0, DAX_OK},
	{DAX_CALL_IOCTL, B, FIONCLEX, 0, 0, 0, DAX_OK},
	{DAX_CALL_IOCTL, B, FIONBIO, 0, 0, 0, DAX_OK},
	{DAX_CALL_IOCTL, B, FIOASYNC, 0, 0, 0, DAX_OK},
	{DAX_CALL_IOCTL, B, FIGETBSZ, 0, 0, 0, DAX_OK},
	{DAX_CALL_IOCTL, B, FS_IOC_FIEMAP, 0, 0, EOPNOTSUPP, DAX_NO_FIEMAP},
	{DAX_CALL_IOCTL, B, FICLONE, 0, 0, EINVAL, DAX_NO_COPY},
	{DAX_CALL_IOCTL, B, FICLONERANGE, 0, 0, EINVAL, DAX_NO_COPY},
	{DAX_CALL_IOCTL, B, FIDEDUPERANGE, 0, 0, EINVAL, DAX_NO_COPY},
	{DAX_CALL_IOCTL, B, BLKGETSIZE64, 0, 0, ENOTTY, DAX_NO_IOCTL},
	{DAX_CALL_IOCTL, B, TCGETS, 0, 0, ENOTTY, DAX_NO_IOCTL},
	{DAX_CALL_IOCTL, B, FIONREAD, 0, 0, ENOTTY, DAX_NO_IOCTL},
	{DAX_CALL_FCNTL, B, F_SETFL, O_DIRECT, 0, EINVAL, DAX_OPEN_DIRECT},
	{DAX_CALL_FCNTL, B, F_SETFL, O_NONBLOCK, 0, 0, DAX_OK},
	{DAX_CALL_FCNTL, R, F_SETLEASE, F_RDLCK, 0, EINVAL, DAX_NO_LEASE},
	{DAX_CALL_FCNTL, R, F_SET_RW_HINT, 5, 0, 0, DAX_OK},
	{DAX_CALL_FCNTL, R, F_SET_RW_HINT, 6, 0, EINVAL, DAX_BAD_ARGUMENT},
	{DAX_CALL_FCNTL, B, F_ADD_SEALS, 0, 0, EINVAL, DAX_NO_SEALS},
	{DAX_CALL_FCNTL, R, F_ADD_SEALS, 0, 0, EPERM, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_FCNTL, R, F_GET_SEALS, 0, 0, EINVAL, DAX_NO_SEALS},
	{DAX_CALL_FCNTL, R, F_GETFL, 0, 0, 0, DAX_OK},
	/* copies of no bytes succeed */
	{DAX_CALL_COPY_FROM, B, 4096, 0, 0, EINVAL, DAX_NO_COPY},
	{DAX_CALL_COPY_FROM, B, 0, 0, 0, 0, DAX_OK},
	{DAX_CALL_COPY_FROM, W, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_COPY_TO, B, 4096, 0, 0, EINVAL, DAX_NO_COPY},
	{DAX_CALL_COPY_TO, B, 0, 0, 0, 0, DAX_OK},
	{DAX_CALL_COPY_TO, R, 4096, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_COPY_RANGE, B, 0, 0, 0, EINVAL, DAX_NO_COPY},
	/* calls that take no descriptor pass */
	{DAX_CALL_MUNMAP, B, 0, 0, 0, 0, DAX_OK},
	/* an O_PATH descriptor allows no calls on the file */
	{DAX_CALL_READ, R | O_PATH, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_LSEEK, R | O_PATH, 0, 0, 0, EBADF, DAX_FD_NOT_OPEN_FOR_IT},
	{DAX_CALL_FCNTL, R | O_PATH, F_SETLEASE, 0, 0, 0, DAX_OK},
};

static void test_fd(void)
{
	size_t i;

	for (i = 0; i < sizeof(fd_rows) / sizeof(fd_rows[0]); i++) {
		const struct fd_row *row = &fd_rows[i];
		struct dax_verdict v =
			dax_fd_verdict(DAX_KERNEL_6_1, row->call, row->accmode, row->a,
				       row->b, row->c);
		char what[128];

		snprintf(what, sizeof(what), "%s(%#llx, %#llx, %#llx), mode %#x",
			 dax_call_name(row->call), (long long)row->a, (long long)row->b,
			 (long long)row->c, row->accmode);
		check(&v, row->error, row->reason, what);
	}
}

#define ADDR UINT64_C(0x7f0000000000)

struct mmap_row {
	const char *what;
	struct dax_mmap_request req;
	int error;
	enum dax_reason reason;
	enum dax_place place;
	bool is_late;
};

#define REQ(l, ...)                                                                      \
	{                                                                                \
		.len = (l), .prot = PROT_READ | PROT_WRITE, .accmode = O_RDWR,           \
		__VA_ARGS__                                                              \
	}
#define SHARED .flags = MAP_SHARED

static const struct mmap_row mmap_rows[] = {
	{"one unit", REQ(A, SHARED), 0, DAX_OK, DAX_PLACE_CONGRUENT, false},
	/* 17: private mappings, and the access mode of the descriptor */
	{"private", REQ(A, .flags = MAP_PRIVATE), EINVAL, DAX_MMAP_PRIVATE,
	 DAX_PLACE_CONGRUENT, true},
	{"private, PROT_NONE",
	 {.len = A, .flags = MAP_PRIVATE, .accmode = O_RDWR},
	 EINVAL,
	 DAX_MMAP_PRIVATE,
	 DAX_PLACE_CONGRUENT,
	 true},
	{"private on O_WRONLY: EACCES first",
	 {.len = A, .flags = MAP_PRIVATE, .accmode = O_WRONLY},
	 EACCES,
	 DAX_MMAP_NO_ACCESS,
	 DAX_PLACE_CONGRUENT,
	 false},
	{"PROT_NONE on O_WRONLY",
	 {.len = A, SHARED, .accmode = O_WRONLY},
	 EACCES,
	 DAX_MMAP_NO_ACCESS,
	 DAX_PLACE_CONGRUENT,
	 false},
	{"PROT_NONE on O_ACCMODE",
	 {.len = A, SHARED, .accmode = O_ACCMODE},
	 EACCES,
	 DAX_MMAP_NO_ACCESS,
	 DAX_PLACE_CONGRUENT,
	 false},
	{"PROT_WRITE on O_RDONLY",
	 {.len = A, .prot = PROT_WRITE, SHARED},
	 EACCES,
	 DAX_MMAP_NO_ACCESS,
	 DAX_PLACE_CONGRUENT,
	 false},
	{"PROT_READ on O_RDONLY",
	 {.len = A, .prot = PROT_READ, SHARED},
	 0,
	 DAX_OK,
	 DAX_PLACE_CONGRUENT,
	 false},
	{"private PROT_WRITE on O_RDONLY",
	 {.len = A, .prot = PROT_WRITE, .flags = MAP_PRIVATE},
	 EINVAL,
	 DAX_MMAP_PRIVATE,
	 DAX_PLACE_CONGRUENT,
	 true},
	/* 18: MAP_SYNC and MAP_SHARED_VALIDATE */
	{"SHARED_VALIDATE|SYNC", REQ(A, .flags = MAP_SHARED_VALIDATE | MAP_SYNC), 0,
	 DAX_OK, DAX_PLACE_CONGRUENT, false},
	{"SHARED|SYNC", REQ(A, .flags = MAP_SHARED | MAP_SYNC), 0, DAX_OK,
	 DAX_PLACE_CONGRUENT, false},
	{"PRIVATE|SYNC", REQ(A, .flags = MAP_PRIVATE | MAP_SYNC), EINVAL,
	 DAX_MMAP_PRIVATE, DAX_PLACE_CONGRUENT, true},
	{"SHARED_VALIDATE and an unknown flag",
	 REQ(A, .flags = MAP_SHARED_VALIDATE | 0x200000), EOPNOTSUPP,
	 DAX_MMAP_UNKNOWN_FLAG, DAX_PLACE_CONGRUENT, false},
	{"SHARED and an unknown flag", REQ(A, .flags = MAP_SHARED | 0x200000), 0, DAX_OK,
	 DAX_PLACE_CONGRUENT, false},
	{"SHARED_VALIDATE and a huge page's size",
	 REQ(A, .flags = MAP_SHARED_VALIDATE | (0x15 << 26)), 0, DAX_OK,
	 DAX_PLACE_CONGRUENT, false},
	{"SHARED_VALIDATE|FIXED_NOREPLACE",
	 REQ(A, .addr = ADDR, .flags = MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE),
	 EOPNOTSUPP, DAX_MMAP_UNKNOWN_FLAG, DAX_PLACE_NOREPLACE, true},
	{"SHARED_VALIDATE on O_RDONLY with PROT_WRITE",
	 {.len = A, .prot = PROT_WRITE, .flags = MAP_SHARED_VALIDATE},
	 EACCES,
	 DAX_MMAP_NO_ACCESS,
	 DAX_PLACE_CONGRUENT,
	 false},
	/* 19: types and flags */
	{"type 0", REQ(A, .flags = 0), EINVAL, DAX_MMAP_BAD_TYPE, DAX_PLACE_CONGRUENT,
	 false},
	{"type 4", REQ(A, .flags = 4), EINVAL, DAX_MMAP_BAD_TYPE, DAX_PLACE_CONGRUENT,
	 false},
	{"type 15", REQ(A, .flags = 15), EINVAL, DAX_MMAP_BAD_TYPE, DAX_PLACE_CONGRUENT,
	 false},
	{"HUGETLB", REQ(A, .flags = MAP_SHARED | MAP_HUGETLB), EINVAL, DAX_MMAP_HUGETLB,
	 DAX_PLACE_CONGRUENT, false},
	{"GROWSDOWN", REQ(A, .flags = MAP_SHARED | MAP_GROWSDOWN), EINVAL, DAX_MMAP_GROWS,
	 DAX_PLACE_CONGRUENT, false},
	/* 20: the length */
	{"2A-1 is 2A", REQ(2 * A - 1, SHARED), 0, DAX_OK, DAX_PLACE_CONGRUENT, false},
	{"2A-4095 is 2A", REQ(2 * A - 4095, SHARED), 0, DAX_OK, DAX_PLACE_CONGRUENT,
	 false},
	{"A-4096", REQ(A - 4096, SHARED), EINVAL, DAX_MMAP_UNALIGNED_LENGTH,
	 DAX_PLACE_ANY, true},
	{"4096", REQ(4096, SHARED), EINVAL, DAX_MMAP_UNALIGNED_LENGTH, DAX_PLACE_ANY,
	 true},
	{"A+1", REQ(A + 1, SHARED), EINVAL, DAX_MMAP_UNALIGNED_LENGTH,
	 DAX_PLACE_CONGRUENT, true},
	{"length 0", REQ(0, SHARED), EINVAL, DAX_MMAP_NO_LENGTH, DAX_PLACE_ANY, false},
	{"a length that wraps", REQ(UINT64_MAX, SHARED), ENOMEM, DAX_MMAP_TOO_LONG,
	 DAX_PLACE_ANY, false},
	{"longer than the address space", REQ(UINT64_C(1) << 49, SHARED), ENOMEM,
	 DAX_MMAP_TOO_LONG, DAX_PLACE_CONGRUENT, false},
	/* 21: the device's end */
	{"over the end", REQ(8 * A, SHARED), 0, DAX_MMAP_BEYOND_END, DAX_PLACE_CONGRUENT,
	 false},
	{"wholly behind the end", REQ(A, SHARED, .off = 64 * A), 0, DAX_MMAP_BEYOND_END,
	 DAX_PLACE_CONGRUENT, false},
	{"1 TiB", REQ(UINT64_C(1) << 40, SHARED), 0, DAX_MMAP_BEYOND_END,
	 DAX_PLACE_CONGRUENT, false},
	{"at offset 1<<62", REQ(A, SHARED, .off = UINT64_C(1) << 62), 0,
	 DAX_MMAP_BEYOND_END, DAX_PLACE_CONGRUENT, false},
	/* 22: the offset */
	{"offset 1, before all else", REQ(0, .flags = MAP_HUGETLB, .off = 1), EINVAL,
	 DAX_MMAP_OFFSET_OFF_PAGE, DAX_PLACE_ANY, false},
	{"offset 4096", REQ(A, SHARED, .off = 4096), EINVAL, DAX_MMAP_UNALIGNED_ADDRESS,
	 DAX_PLACE_ANY, true},
	{"offset 4096, two units", REQ(2 * A, SHARED, .off = 4096), EINVAL,
	 DAX_MMAP_UNALIGNED_OFFSET, DAX_PLACE_CONGRUENT, true},
	{"offset 4096 at a fixed address",
	 REQ(A, .flags = MAP_SHARED | MAP_FIXED, .addr = ADDR, .off = 4096), 0, DAX_OK,
	 DAX_PLACE_FIXED, false},
	/* 23: overflow */
	{"offset -4096", REQ(A, SHARED, .off = -UINT64_C(4096)), EOVERFLOW,
	 DAX_MMAP_OVERFLOW, DAX_PLACE_ANY, false},
	{"offset -A", REQ(A, SHARED, .off = -A), EOVERFLOW, DAX_MMAP_OVERFLOW,
	 DAX_PLACE_ANY, false},
	{"offset -2A", REQ(A, SHARED, .off = -(2 * A)), 0, DAX_MMAP_BEYOND_END,
	 DAX_PLACE_ANY, false},
	{"offset LONG_MIN", REQ(A, SHARED, .off = UINT64_C(1) << 63), 0,
	 DAX_MMAP_BEYOND_END, DAX_PLACE_CONGRUENT, false},
	/* 24: hints */
	{"an aligned hint", REQ(A, SHARED, .addr = ADDR), 0, DAX_OK, DAX_PLACE_HINT,
	 false},
	{"a hint with low bits", REQ(A, SHARED, .addr = ADDR + 7), 0, DAX_OK,
	 DAX_PLACE_HINT, false},
	{"a hint on a page only", REQ(A, SHARED, .addr = ADDR + 4096), EINVAL,
	 DAX_MMAP_UNALIGNED_ADDRESS, DAX_PLACE_HINT, true},
	{"a hint below the first page is none", REQ(A, SHARED, .addr = 4095), 0, DAX_OK,
	 DAX_PLACE_CONGRUENT, false},
	/* 25, 26: fixed addresses */
	{"fixed, aligned", REQ(A, .flags = MAP_SHARED | MAP_FIXED, .addr = ADDR), 0,
	 DAX_OK, DAX_PLACE_FIXED, false},
	{"fixed, on a page", REQ(A, .flags = MAP_SHARED | MAP_FIXED, .addr = ADDR + 4096),
	 EINVAL, DAX_MMAP_UNALIGNED_ADDRESS, DAX_PLACE_FIXED, true},
	{"fixed, private", REQ(A, .flags = MAP_PRIVATE | MAP_FIXED, .addr = ADDR), EINVAL,
	 DAX_MMAP_PRIVATE, DAX_PLACE_FIXED, true},
	{"fixed, off page", REQ(A, .flags = MAP_SHARED | MAP_FIXED, .addr = ADDR + 1),
	 EINVAL, DAX_MMAP_ADDRESS_OFF_PAGE, DAX_PLACE_FIXED, false},
	{"fixed, behind the last address",
	 REQ(A, .flags = MAP_SHARED | MAP_FIXED, .addr = DAX_TASK_SIZE), ENOMEM,
	 DAX_MMAP_NO_ROOM, DAX_PLACE_FIXED, false},
	{"no replace, on a page",
	 REQ(A, .flags = MAP_SHARED | MAP_FIXED_NOREPLACE, .addr = ADDR + 4096), EINVAL,
	 DAX_MMAP_UNALIGNED_ADDRESS, DAX_PLACE_NOREPLACE, true},
	{"MAP_STACK is known", REQ(A, .flags = MAP_SHARED_VALIDATE | MAP_STACK), 0,
	 DAX_OK, DAX_PLACE_CONGRUENT, false},
	{"PROT_EXEC",
	 {.len = A, .prot = PROT_EXEC, SHARED},
	 0,
	 DAX_OK,
	 DAX_PLACE_CONGRUENT,
	 false},
};

static void test_mmap(void)
{
	struct dax_device dev = device(A);
	struct dax_mmap_answer ans;
	size_t i;

	for (i = 0; i < sizeof(mmap_rows) / sizeof(mmap_rows[0]); i++) {
		const struct mmap_row *row = &mmap_rows[i];
		enum dax_reason reason = row->reason;

		dax_mmap_verdict(&dev, &row->req, &ans);
		/* With place ANY, only the chosen address shows whether it is aligned. */
		if (row->place == DAX_PLACE_ANY && reason == DAX_MMAP_UNALIGNED_ADDRESS) {
			is(ans.v.error, 0, "%s: so far so good", row->what);
			ans.v = dax_mmap_place_verdict(&dev, ADDR + 4096, ans.len);
			ans.is_late = true;
		}
		check(&ans.v, row->error, reason, row->what);
		is(ans.place, row->place, "%s: where", row->what);
		is(ans.is_late, row->is_late, "%s: %s", row->what,
		   row->is_late ? "not until there is an address" : "no late refusal");
		is(ans.addr, row->req.addr & ~UINT64_C(4095), "%s: address", row->what);
	}
}

static void test_mmap_4k(void)
{
	struct dax_mmap_request req = REQ(4096, SHARED, .off = -(2 * UINT64_C(4096)));
	struct dax_device dev = device(DAX_PAGE);
	struct dax_mmap_answer ans;
	struct dax_verdict v;

	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, 0, DAX_MMAP_BEYOND_END, "4K: offset -2A is mapped");
	req = (struct dax_mmap_request)REQ(4096, SHARED, .off = 3 * 4096);
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, 0, DAX_OK, "4K: the last page");
	req.len = 3 * 4096;
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, 0, DAX_MMAP_BEYOND_END, "4K: over the end");
	is(ans.v.arg[0], 2 * 4096, "so many bytes are behind it");
	is(ans.v.arg[1], dev.size, "which is there");
	v = dax_mmap_place_verdict(&dev, ADDR + 4096, 4096);
	check(&v, 0, DAX_OK, "4K: every page is aligned");
}

/* 59, 60: a device that is gone fails before any argument is checked. */
static void test_mmap_not_alive(void)
{
	struct dax_mmap_request req = REQ(A, .flags = MAP_PRIVATE);
	struct dax_device dev = device(A);
	struct dax_mmap_answer ans;

	dev.flags = 0;
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, ENXIO, DAX_NOT_ALIVE, "mmap of an unbound device, private");
	req = (struct dax_mmap_request)REQ(4096, SHARED);
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, ENXIO, DAX_NOT_ALIVE, "mmap of an unbound device, unaligned");
	ok(ans.is_late, "the driver says so");
	dev.flags = DAX_DEVICE_ALIVE | DAX_DEVICE_NDCTL;
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, ENODEV, DAX_NO_MMAP, "mmap of /dev/ndctl0");
	dev.flags = DAX_DEVICE_ALIVE | DAX_DEVICE_FAMFS;
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, ENODEV, DAX_NO_MMAP, "mmap of a device in the mode famfs");
}

static void test_place(void)
{
	struct dax_device dev = device(A);
	struct dax_verdict v;

	v = dax_mmap_place_verdict(&dev, ADDR, A);
	check(&v, 0, DAX_OK, "an aligned place");
	v = dax_mmap_place_verdict(&dev, ADDR + 4096, A);
	check(&v, EINVAL, DAX_MMAP_UNALIGNED_ADDRESS, "an unaligned place");
	is(v.arg[0], ADDR + 4096, "its start is told");
	is(v.arg[1], ADDR + 4096 + A, "its end is told");
	is(v.arg[2], A - 1, "and the mask, as the driver does");
}

static void test_attr(void)
{
	static const struct {
		uint32_t mode;
		int flags;
		int error;
		enum dax_reason reason;
		const char *what;
	} rows[] = {
		{0444, O_RDONLY, 0, DAX_OK, "read a read-only attribute"},
		{0444, O_WRONLY, EACCES, DAX_ATTR_MODE, "write a read-only attribute"},
		{0444, O_RDWR, EACCES, DAX_ATTR_MODE, "read and write a read-only one"},
		{0444, O_RDONLY | O_TRUNC, 0, DAX_OK, "truncate a read-only attribute"},
		{0200, O_RDONLY, EACCES, DAX_ATTR_MODE, "read a write-only attribute"},
		{0200, O_WRONLY, 0, DAX_OK, "write a write-only attribute"},
		{0200, O_RDONLY | O_PATH, 0, DAX_OK, "O_PATH"},
		{0644, O_RDWR, 0, DAX_OK, "read and write"},
		{0644, O_ACCMODE, 0, DAX_OK, "O_ACCMODE asks for neither"},
		{0644, O_RDWR | O_DIRECT, EINVAL, DAX_OPEN_DIRECT, "O_DIRECT"},
		{0444, O_RDWR | O_DIRECT, EACCES, DAX_ATTR_MODE, "the mode comes first"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dax_verdict v = dax_attr_open_verdict(rows[i].mode, rows[i].flags);

		check(&v, rows[i].error, rows[i].reason, rows[i].what);
	}
}

static void test_attr_mmap(void)
{
	static const struct {
		uint64_t off;
		uint64_t len;
		int prot;
		int flags;
		int accmode;
		int error;
		enum dax_reason reason;
		bool is_late;
		const char *what;
	} rows[] = {
		{0, 4096, PROT_READ, MAP_SHARED, O_RDONLY, ENODEV, DAX_ATTR_NO_MMAP, true,
		 "mmap of an attribute"},
		{0, 4096, PROT_READ, MAP_PRIVATE, O_RDONLY, ENODEV, DAX_ATTR_NO_MMAP,
		 true, "a private one"},
		{1, 4096, PROT_READ, MAP_SHARED, O_RDONLY, EINVAL,
		 DAX_MMAP_OFFSET_OFF_PAGE, false, "an offset off the page comes first"},
		{0, 4096, PROT_READ, MAP_SHARED, O_PATH, EBADF, DAX_FD_NOT_OPEN_FOR_IT,
		 false, "then O_PATH"},
		{0, 0, PROT_READ, MAP_SHARED, O_RDONLY, EINVAL, DAX_MMAP_NO_LENGTH, false,
		 "then no length"},
		{1ull << 31, 4096, PROT_READ, MAP_SHARED, O_RDONLY, EOVERFLOW,
		 DAX_MMAP_OVERFLOW, false, "then an offset that sysfs does not have"},
		{0, 4096, PROT_WRITE, MAP_SHARED, O_RDONLY, EACCES, DAX_MMAP_NO_ACCESS,
		 false, "then the access mode"},
		{0, 4096, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, O_RDONLY, ENODEV,
		 DAX_ATTR_NO_MMAP, true, "and what is at the address comes before it"},
		{0, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, O_RDONLY, ENODEV,
		 DAX_ATTR_NO_MMAP, true, "a fixed address is refused after unmapping it"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dax_mmap_request req = {
			.addr = 0x10000000,
			.len = rows[i].len,
			.off = rows[i].off,
			.prot = rows[i].prot,
			.flags = rows[i].flags,
			.accmode = rows[i].accmode,
		};
		struct dax_mmap_answer ans;

		dax_attr_mmap_verdict(&req, &ans);
		check(&ans.v, rows[i].error, rows[i].reason, rows[i].what);
		is(ans.is_late, rows[i].is_late, "%s: late or not", rows[i].what);
	}
}

static void test_mmap_of_o_path(void)
{
	const struct dax_device dev = device(A);
	struct dax_mmap_request req = {
		.len = A, .prot = PROT_READ, .flags = MAP_SHARED, .accmode = O_PATH};
	struct dax_mmap_answer ans;

	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, EBADF, DAX_FD_NOT_OPEN_FOR_IT, "mmap of an O_PATH descriptor");
	is(ans.is_late, false, "nothing is unmapped");
	req.off = 1;
	dax_mmap_verdict(&dev, &req, &ans);
	check(&ans.v, EINVAL, DAX_MMAP_OFFSET_OFF_PAGE, "an offset off the page first");
}

static void test_attach(void)
{
	struct dax_device dev = device(A);
	struct dax_verdict v = dax_attach_verdict(&dev, O_RDONLY);

	check(&v, 0, DAX_OK, "a read-only descriptor");
	v = dax_attach_verdict(&dev, O_RDWR);
	check(&v, 0, DAX_OK, "a descriptor for both");
	v = dax_attach_verdict(&dev, O_WRONLY);
	check(&v, EACCES, DAX_MMAP_NO_ACCESS, "no mmap of a write-only one succeeds");
	v = dax_attach_verdict(&dev, O_ACCMODE);
	check(&v, EACCES, DAX_MMAP_NO_ACCESS, "nor of O_ACCMODE");
	v = dax_attach_verdict(&dev, O_PATH);
	check(&v, EBADF, DAX_FD_NOT_OPEN_FOR_IT, "O_PATH is not open");
	dev.flags = 0;
	v = dax_attach_verdict(&dev, O_WRONLY);
	check(&v, ENXIO, DAX_NOT_ALIVE, "a disabled device");
	dev.flags = DAX_DEVICE_ALIVE | DAX_DEVICE_NDCTL;
	v = dax_attach_verdict(&dev, O_RDWR);
	check(&v, ENODEV, DAX_NO_MMAP, "the nd bus's control node");
}

/* Calls on descriptors that the kernels answer differently. */
static void test_kernels(void)
{
	static const struct {
		enum dax_kernel kernel;
		int mode;
		int error;
	} rows[] = {
		{DAX_KERNEL_6_1, 0x09, EINVAL}, /* COLLAPSE_RANGE | KEEP_SIZE */
		{DAX_KERNEL_6_12, 0x09, EOPNOTSUPP},
		{DAX_KERNEL_6_1, 0x50, EINVAL}, /* UNSHARE_RANGE | ZERO_RANGE */
		{DAX_KERNEL_6_12, 0x50, EOPNOTSUPP},
		{DAX_KERNEL_6_12, 0x00, ENODEV},
		{DAX_KERNEL_6_12, 0x03, ENODEV},
		{DAX_KERNEL_6_12, 0x02, EOPNOTSUPP},
		{DAX_KERNEL_6_12, 0x20, ENODEV},
		{DAX_KERNEL_6_12, 0x80, EOPNOTSUPP}, /* WRITE_ZEROES */
		{DAX_KERNEL_6_18, 0x80, ENODEV},
		{DAX_KERNEL_6_18, 0x81, EOPNOTSUPP},
		{DAX_KERNEL_7_3, 0x100, EOPNOTSUPP},
	};
	struct dax_mmap_request req =
		REQ(A, .flags = MAP_SHARED_VALIDATE | 0x80 /* MAP_ABOVE4G */);
	struct dax_device dev = device(A);
	struct dax_mmap_answer ans;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is(dax_fd_verdict(rows[i].kernel, DAX_CALL_FALLOCATE, O_RDWR,
				  rows[i].mode, 0, 4096)
			   .error,
		   rows[i].error, "fallocate with mode %#x on %s", rows[i].mode,
		   dax_kernel_name(rows[i].kernel));
	/* A bad vector, which readv(2) and writev(2) of 6.1 see first. */
	is(dax_fd_verdict(DAX_KERNEL_6_1, DAX_CALL_READ, O_WRONLY, 0, 0, EFAULT).error,
	   EFAULT, "readv on 6.1");
	is(dax_fd_verdict(DAX_KERNEL_6_1, DAX_CALL_WRITE, O_RDONLY, 0, 0, EFAULT).error,
	   EFAULT, "writev on 6.1");
	is(dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_WRITE, O_RDONLY, 0, 0, EFAULT).error,
	   EBADF, "writev on 6.12");
	is(dax_fd_verdict(DAX_KERNEL_7_3, DAX_CALL_FADVISE, O_RDWR, 0, -1, 4096).error,
	   EINVAL, "7.3 takes no advice of a negative offset");
	is(dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_FCNTL, O_RDWR, F_SET_RW_HINT, 0, 1)
		   .error,
	   0, "a hint for another's file on 6.12");
	is(dax_fd_verdict(DAX_KERNEL_6_18, DAX_CALL_FCNTL, O_RDWR, F_SET_RW_HINT, 0, 1)
		   .error,
	   EPERM, "and on 6.18");
	req.kernel = DAX_KERNEL_6_1;
	dax_mmap_verdict(&dev, &req, &ans);
	is(ans.v.error, EOPNOTSUPP, "6.1 does not know MAP_ABOVE4G");
	req.kernel = DAX_KERNEL_6_12;
	dax_mmap_verdict(&dev, &req, &ans);
	is(ans.v.error, 0, "6.12 does");
}

static void test_arguments(void)
{
	struct dax_verdict v =
		dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_IOCTL, O_RDWR, FICLONE, 1, 0);

	check(&v, EBADF, DAX_BAD_ARGUMENT, "FICLONE of no descriptor");
	v = dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_IOCTL, O_RDWR, FIDEDUPERANGE, 1, 0);
	check(&v, EFAULT, DAX_BAD_ARGUMENT, "FIDEDUPERANGE from bad memory");
	v = dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_IOCTL, O_RDWR, FS_IOC_SETFLAGS, 0,
			   0);
	check(&v, ENOTTY, DAX_NO_IOCTL, "FS_IOC_SETFLAGS from good memory");
	v = dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_FCNTL, O_RDWR, F_SETLEASE, F_RDLCK,
			   1);
	check(&v, EACCES, DAX_LEASE_NOT_YOURS, "a lease of another user's node");
	v = dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_FCNTL, O_RDWR, F_SETLEASE, 77, 1);
	check(&v, EINVAL, DAX_NO_LEASE, "a type that is none comes first");
	v = dax_fd_verdict(DAX_KERNEL_6_12, DAX_CALL_FCNTL, O_RDWR, F_SETLEASE, F_RDLCK,
			   0);
	check(&v, EINVAL, DAX_NO_LEASE, "a lease by the owner");
	is(dax_iocb_call(0), DAX_CALL_READ, "IOCB_CMD_PREAD reads");
	is(dax_iocb_call(7), DAX_CALL_READ, "and IOCB_CMD_PREADV");
	is(dax_iocb_call(1), DAX_CALL_WRITE, "IOCB_CMD_PWRITE writes");
	is(dax_iocb_call(8), DAX_CALL_WRITE, "and IOCB_CMD_PWRITEV");
	is(dax_iocb_call(3), DAX_CALL_FSYNC, "IOCB_CMD_FDSYNC syncs");
	is(dax_iocb_call(5), DAX_CALL_NR, "IOCB_CMD_POLL is the kernel's");
}

static void test_changes(void)
{
	static const struct {
		struct dax_change change;
		int error;
		enum dax_reason reason;
		const char *what;
	} rows[] = {
		{{DAX_CHANGE_REMOVE, .is_in_sys = true, .may_write = true},
		 EPERM,
		 DAX_NODE_NOT_YOURS,
		 "unlink in /sys by root"},
		{{DAX_CHANGE_REMOVE, .is_in_sys = true, .is_there = true},
		 EACCES,
		 DAX_NODE_NOT_YOURS,
		 "by another"},
		{{DAX_CHANGE_REMOVE, .may_write = true},
		 EACCES,
		 DAX_NODE_NOT_YOURS,
		 "unlink in /dev"},
		{{DAX_CHANGE_MAKE, .is_in_sys = true, .may_write = true},
		 EPERM,
		 DAX_NODE_NOT_YOURS,
		 "mkdir in /sys by root"},
		{{DAX_CHANGE_MAKE, .is_there = true},
		 EEXIST,
		 DAX_NODE_IS_THERE,
		 "mkdir where the node is"},
		{{DAX_CHANGE_MKNOD, .is_in_sys = true, .may_write = true},
		 EACCES,
		 DAX_NODE_NOT_YOURS,
		 "mknod in /sys"},
		{{DAX_CHANGE_MKNOD, .is_in_sys = true, .is_there = true},
		 EEXIST,
		 DAX_NODE_IS_THERE,
		 "mknod over an attribute"},
		{{DAX_CHANGE_LINK, .is_in_sys = true},
		 EPERM,
		 DAX_NODE_NOT_YOURS,
		 "a link in /sys"},
		{{DAX_CHANGE_LINK}, EACCES, DAX_NODE_NOT_YOURS, "a link in /dev"},
		{{DAX_CHANGE_LINK_FROM}, EXDEV, DAX_LINK_ACROSS, "a link to the node"},
		{{DAX_CHANGE_XATTR}, EPERM, DAX_NO_XATTR, "user.x on the node"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dax_verdict v = dax_change_verdict(&rows[i].change);

		check(&v, rows[i].error, rows[i].reason, rows[i].what);
	}
}

static void test_rest(void)
{
	struct dax_verdict v = dax_userfaultfd_verdict();

	check(&v, EINVAL, DAX_NO_USERFAULTFD, "userfaultfd on device memory");
}

static void test_words(void)
{
	struct dax_verdict v =
		dax_refuse(EINVAL, DAX_MMAP_UNALIGNED_LENGTH, 0x1000, 0x200000, 0);
	char text[200];
	int i;
	int k;

	for (i = 0; i < DAX_REASON_NR; i++) {
		const char *id = dax_reason_id((enum dax_reason)i);

		ok(id && *id, "reason %d has a name, %s", i, id);
		for (k = 0; k < i; k++)
			if (!strcmp(id, dax_reason_id((enum dax_reason)k)))
				break;
		is(k, i, "%s is the name of no other", id);
		v.reason = (enum dax_reason)i;
		ok(dax_verdict_text(&v, text, sizeof(text)) == strlen(text) && *text,
		   "%s has a text", id);
		ok(v.reason == DAX_OK || v.reason == DAX_MMAP_BEYOND_END ||
			   v.reason == DAX_EXEC_FOREIGN || v.reason == DAX_EXEC_SET_ID ||
			   !strncmp(text, "fail, ", 6),
		   "%s: the text says that it failed: %s", id, text);
	}
	for (i = 0; i < DAX_CALL_NR; i++)
		ok(dax_call_name((enum dax_call)i), "call %d has a name", i);
	ok(!strcmp(dax_reason_id(DAX_REASON_NR), "?"), "no such reason");
	ok(!strcmp(dax_call_name(DAX_CALL_NR), "?"), "no such call");
	v.reason = DAX_REASON_NR;
	is(dax_verdict_text(&v, text, sizeof(text)), 1, "its text is as long");
	ok(!strcmp(text, "?"), "and as empty");

	v.reason = DAX_MMAP_UNALIGNED_LENGTH;
	dax_verdict_text(&v, text, sizeof(text));
	ok(!strcmp(text, "fail, unaligned vma (length 0x1000 is no multiple of the align "
			 "0x200000)"),
	   "numbers are told: %s", text);
	is(dax_verdict_text(&v, text, 6),
	   strlen("fail, unaligned vma (length 0x1000 is no "
		  "multiple of the align 0x200000)"),
	   "a text that is cut has its whole length");
	ok(!strcmp(text, "fail,"), "and an end");
}

static void test_told(void)
{
	struct dax_verdict v = dax_allow();

	ok(!dax_verdict_is_told(&v), "what is allowed is not told of");
	v.reason = DAX_MMAP_BEYOND_END;
	ok(dax_verdict_is_told(&v), "but with a remark it is");
	v = dax_refuse(EINVAL, DAX_MMAP_PRIVATE, 0, 0, 0);
	ok(dax_verdict_is_told(&v), "and a refusal");
}

int main(void)
{
	test_open_flags();
	test_open();
	test_fd();
	test_mmap();
	test_mmap_4k();
	test_mmap_not_alive();
	test_place();
	test_attr();
	test_attr_mmap();
	test_mmap_of_o_path();
	test_attach();
	test_kernels();
	test_arguments();
	test_changes();
	test_rest();
	test_words();
	test_told();
	return tap_done();
}
