/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts of real device-dax on calls on a descriptor, and on mmap.
 *
 * The order of the checks is the kernel's: with two things wrong at once, the errno
 * shows which check comes first, and programs depend on that errno.
 */
#include "libcore/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/reason.h"
#include "libcore/size.h"

#ifndef MAP_TYPE
#define MAP_TYPE 0x0f
#endif
#ifndef MAP_UNINITIALIZED
#define MAP_UNINITIALIZED 0x4000000
#endif
#ifndef MAP_ABOVE4G
#define MAP_ABOVE4G 0x80
#endif
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif
#define MAP_EXECUTABLE_AND_DENYWRITE 0x1800
#define MAP_HUGE_SIZE_BITS           (0x1f << 26)

/* s_maxbytes of sysfs, which keeps the default (include/linux/fs.h: MAX_NON_LFS). */
#define ATTR_MAX_BYTES UINT64_C(0x7fffffff)

/* include/linux/mman.h: LEGACY_MAP_MASK. MAP_FIXED_NOREPLACE is not in it. */
#define LEGACY_MAP_MASK(kernel)                                                          \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_UNINITIALIZED |      \
	 MAP_EXECUTABLE_AND_DENYWRITE | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE |     \
	 MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT |             \
	 MAP_HUGE_SIZE_BITS |                                                            \
	 (dax_kernel_has(kernel, DAX_RULE_ABOVE4G) ? MAP_ABOVE4G : 0))

static struct dax_verdict refuse(int error, enum dax_reason reason)
{
	return dax_refuse(error, reason, 0, 0, 0);
}

/* FMODE_READ and FMODE_WRITE; O_ACCMODE has neither (linux/fs.h: OPEN_FMODE()). */
static bool may_read(int accmode)
{
	return !(accmode & O_PATH) && ((accmode + 1) & 1);
}

static bool may_write(int accmode)
{
	return !(accmode & O_PATH) && ((accmode + 1) & 2);
}

/**
 * dax_open_flags() - check and reduce flags as open(2) does before it looks up a file
 * @flags:	as the program passed them
 * @ret_flags:	receives the flags in effect
 *
 * O_PATH leaves only the flags about the path (fs/open.c: build_open_flags()).
 *
 * Return: 0, or -EINVAL for O_CREAT together with O_DIRECTORY.
 */
int dax_open_flags(int flags, int *ret_flags)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	*ret_flags = flags;
	return 0;
}

/**
 * dax_open_verdict() - the verdict on open(2) of a device
 * @dev:	the device
 * @flags:	flags of open(2)
 * @is_held:	true if another descriptor of the device is open
 *
 * The handle's file system enforces the rest (mode, O_DIRECTORY, O_EXCL...). A disabled
 * device has no cdev, but its inode keeps the cdev while a descriptor is open
 * (fs/char_dev.c: chrdev_open(), cdev_put()). The check of O_DIRECT comes after it
 * (fs/open.c: do_dentry_open()).
 *
 * Return: ENXIO for a disabled or deleted device, EINVAL for O_DIRECT, or allowed.
 */
struct dax_verdict dax_open_verdict(const struct dax_device *dev, int flags, bool is_held)
{
	const bool has_cdev = is_held && !(dev->flags & DAX_DEVICE_GONE);

	if (flags & O_PATH)
		return dax_allow();
	if (!dax_device_is_alive(dev) && !has_cdev)
		return refuse(ENXIO, DAX_NOT_ALIVE);
	if (flags & O_DIRECT)
		return refuse(EINVAL, DAX_OPEN_DIRECT);
	return dax_allow();
}

/* The check of the mode until Linux 6.11. Return: the errno, or 0. */
static int old_mode_error(int64_t mode)
{
	const int64_t known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			      FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
			      FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
	const int64_t alone = mode & ~(int64_t)FALLOC_FL_KEEP_SIZE;

	if (mode & ~known || mode == FALLOC_FL_PUNCH_HOLE ||
	    ((alone & FALLOC_FL_PUNCH_HOLE) && (alone & FALLOC_FL_ZERO_RANGE)))
		return EOPNOTSUPP;
	if (((alone & FALLOC_FL_COLLAPSE_RANGE) && mode != FALLOC_FL_COLLAPSE_RANGE) ||
	    ((alone & FALLOC_FL_INSERT_RANGE) && mode != FALLOC_FL_INSERT_RANGE) ||
	    ((alone & FALLOC_FL_UNSHARE_RANGE) && alone != FALLOC_FL_UNSHARE_RANGE))
		return EINVAL;
	return 0;
}

/* The check of the mode since then. Return: the errno, or 0. */
static int mode_error(enum dax_kernel kernel, int64_t mode)
{
	const bool keeps_size = mode & FALLOC_FL_KEEP_SIZE;

	switch (mode & ~(int64_t)FALLOC_FL_KEEP_SIZE) {
	case 0:
	case FALLOC_FL_UNSHARE_RANGE:
	case FALLOC_FL_ZERO_RANGE:
		return 0;
	case FALLOC_FL_PUNCH_HOLE:
		return keeps_size ? 0 : EOPNOTSUPP;
	case FALLOC_FL_COLLAPSE_RANGE:
	case FALLOC_FL_INSERT_RANGE:
		return keeps_size ? EOPNOTSUPP : 0;
	case FALLOC_FL_WRITE_ZEROES:
		return keeps_size || !dax_kernel_has(kernel, DAX_RULE_WRITE_ZEROES)
			       ? EOPNOTSUPP
			       : 0;
	default:
		return EOPNOTSUPP;
	}
}

/* For a file that is neither regular nor a block device (fs/open.c: vfs_fallocate()). */
static struct dax_verdict fallocate_verdict(enum dax_kernel kernel, int accmode,
					    int64_t mode, int64_t off, int64_t len)
{
	const int error = dax_kernel_has(kernel, DAX_RULE_FALLOCATE_ONE_MODE)
				  ? mode_error(kernel, mode)
				  : old_mode_error(mode);

	if (off < 0 || len <= 0)
		return refuse(EINVAL, DAX_BAD_ARGUMENT);
	if (error == EOPNOTSUPP)
		return dax_refuse(error, DAX_BAD_FALLOCATE_MODE, (uint64_t)mode, 0, 0);
	if (error)
		return refuse(error, DAX_BAD_ARGUMENT);
	if (!may_write(accmode))
		return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
	return refuse(ENODEV, DAX_NO_FALLOCATE);
}

/**
 * dax_ioctl_argument() - the kind of argument that the VFS checks before the file
 * @request:	request of ioctl(2)
 *
 * fs/ioctl.c: ioctl_file_clone(), ioctl_file_dedupe_range(), ioctl_setflags().
 *
 * Return: the kind; DAX_IOCTL_ANY if the VFS does not check it.
 */
enum dax_ioctl_argument dax_ioctl_argument(uint64_t request)
{
	switch (request) {
	case FICLONE:
		return DAX_IOCTL_FD;
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case FS_IOC_SETFLAGS:
	case FS_IOC_FSSETXATTR:
		return DAX_IOCTL_MEMORY;
	default:
		return DAX_IOCTL_ANY;
	}
}

/* The VFS handles a few for every file; the driver has none (fs/ioctl.c: do_vfs_ioctl()).
 */
static struct dax_verdict ioctl_verdict(uint64_t request, bool is_bad)
{
	const enum dax_ioctl_argument argument = dax_ioctl_argument(request);

	if (is_bad && argument == DAX_IOCTL_FD)
		return refuse(EBADF, DAX_BAD_ARGUMENT);
	if (is_bad && argument == DAX_IOCTL_MEMORY)
		return refuse(EFAULT, DAX_BAD_ARGUMENT);
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
	case FIONBIO:
	case FIOASYNC: /* the caller checks its argument (fs/ioctl.c: ioctl_fioasync()) */
	case FIGETBSZ:
		return dax_allow();
	case FS_IOC_FIEMAP:
		return refuse(EOPNOTSUPP, DAX_NO_FIEMAP);
	case FICLONE: /* fs/remap_range.c: generic_file_rw_checks(): S_ISREG */
	case FICLONERANGE:
	case FIDEDUPERANGE:
		return refuse(EINVAL, DAX_NO_COPY);
	default:
		return dax_refuse(ENOTTY, DAX_NO_IOCTL, request, 0, 0);
	}
}

/* The file's owner is checked before its type (fs/locks.c: generic_setlease()). */
static struct dax_verdict lease_verdict(int64_t type, bool is_foreign)
{
	if (is_foreign && (type == F_RDLCK || type == F_WRLCK || type == F_UNLCK))
		return refuse(EACCES, DAX_LEASE_NOT_YOURS);
	return refuse(EINVAL, DAX_NO_LEASE); /* a lease is for regular files */
}

static struct dax_verdict fcntl_verdict(enum dax_kernel kernel, int accmode, int64_t cmd,
					int64_t arg, bool is_foreign)
{
	switch (cmd) {
	case F_SETFL: /* fs/fcntl.c: setfl() */
		if (arg & O_DIRECT)
			return refuse(EINVAL, DAX_OPEN_DIRECT);
		return dax_allow();
	case F_SET_RW_HINT: /* fs/fcntl.c: fcntl_set_rw_hint() */
		if (is_foreign && dax_kernel_has(kernel, DAX_RULE_HINT_OF_OWNER))
			return refuse(EPERM, DAX_HINT_NOT_YOURS);
		if ((uint64_t)arg > RWH_WRITE_LIFE_EXTREME)
			return refuse(EINVAL, DAX_BAD_ARGUMENT);
		return dax_allow();
	case F_SETLEASE:
		return lease_verdict(arg, is_foreign);
	case F_ADD_SEALS: /* mm/memfd.c: memfd_add_seals() */
		if (!may_write(accmode))
			return refuse(EPERM, DAX_FD_NOT_OPEN_FOR_IT);
		return refuse(EINVAL, DAX_NO_SEALS);
	case F_GET_SEALS:
		return refuse(EINVAL, DAX_NO_SEALS);
	default:
		return dax_allow();
	}
}

/**
 * dax_fd_verdict() - the verdict on a call on a descriptor of a device
 * @kernel:	whose answer
 * @call:	the call
 * @accmode:	O_ACCMODE and O_PATH bits of the descriptor, as F_GETFL returns them
 * @a, @b, @c:	arguments of the call:
 *	READ, WRITE		a: length, only shown, c: the errno of the vector, or 0
 *	PREAD, PWRITE		a: offset, b: length, only shown, c: likewise
 *	LSEEK			a: whence, b: offset, only shown
 *	FTRUNCATE		a: length, only shown
 *	FALLOCATE		a: mode, b: offset, c: length
 *	SYNC_FILE_RANGE		a: flags, b: offset, c: length
 *	FADVISE			a: advice, b: offset, c: length
 *	IOCTL			a: request, b: not 0: its argument cannot be read or is
 *				no descriptor, see dax_ioctl_argument()
 *	FCNTL			a: command, b: argument, c: not 0: the file belongs to
 *				another user, so the caller may not lease it or set a hint
 *	COPY_FROM, COPY_TO	a: length
 *
 * An allowed FCNTL or IOCTL goes to the kernel, on the handle; an allowed LSEEK or FADVISE
 * returns 0 without a call. It does not matter whether the device is alive: the VFS handles
 * these calls.
 *
 * Return: the verdict.
 */
struct dax_verdict dax_fd_verdict(enum dax_kernel kernel, enum dax_call call, int accmode,
				  int64_t a, int64_t b, int64_t c)
{
	/* fdget() finds no O_PATH descriptor; fcntl has its own check (fs/file.c). */
	if (accmode & O_PATH)
		return call == DAX_CALL_FCNTL ? dax_allow()
					      : refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);

	switch ((int)call) {
	case DAX_CALL_PREAD: /* fs/read_write.c: ksys_pread64() looks at the sign first */
		if (a < 0)
			return refuse(EINVAL, DAX_NEGATIVE_OFFSET);
		/* fallthrough */
	case DAX_CALL_READ: /* fs/read_write.c: vfs_read(): EBADF, then FMODE_CAN_READ */
		if (c && dax_kernel_has(kernel, DAX_RULE_VECTOR_FIRST))
			return refuse((int)c, DAX_BAD_ARGUMENT);
		if (!may_read(accmode))
			return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
		return refuse(EINVAL, DAX_NO_READ_WRITE);
	case DAX_CALL_PWRITE:
		if (a < 0)
			return refuse(EINVAL, DAX_NEGATIVE_OFFSET);
		/* fallthrough */
	case DAX_CALL_WRITE:
		if (c && dax_kernel_has(kernel, DAX_RULE_VECTOR_FIRST))
			return refuse((int)c, DAX_BAD_ARGUMENT);
		if (!may_write(accmode))
			return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
		return refuse(EINVAL, DAX_NO_READ_WRITE);
	case DAX_CALL_LSEEK: /* drivers/dax/device.c: .llseek = noop_llseek */
		if (a < SEEK_SET || a > SEEK_HOLE)
			return dax_refuse(EINVAL, DAX_BAD_WHENCE, (uint64_t)a, 0, 0);
		return dax_allow();
	case DAX_CALL_FTRUNCATE: /* fs/open.c: do_sys_ftruncate(): S_ISREG */
		return refuse(EINVAL, DAX_NO_TRUNCATE);
	case DAX_CALL_FALLOCATE:
		return fallocate_verdict(kernel, accmode, a, b, c);
	case DAX_CALL_FSYNC: /* fs/sync.c: vfs_fsync_range(): no f_op->fsync */
		return refuse(EINVAL, DAX_NO_FSYNC);
	case DAX_CALL_SYNC_FILE_RANGE: /* fs/sync.c: sync_file_range() */
		if (a & ~(int64_t)7 || b < 0 || c < 0 || __builtin_add_overflow(b, c, &b))
			return refuse(EINVAL, DAX_BAD_ARGUMENT);
		return refuse(ESPIPE, DAX_NOT_SEEKABLE);
	case DAX_CALL_READAHEAD: /* mm/readahead.c: ksys_readahead() */
		if (!may_read(accmode))
			return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
		return refuse(EINVAL, DAX_NOT_SEEKABLE);
	case DAX_CALL_FADVISE: /* mm/fadvise.c: generic_fadvise(): IS_DAX() */
		if (c < 0 || a < POSIX_FADV_NORMAL || a > POSIX_FADV_NOREUSE ||
		    (b < 0 && dax_kernel_has(kernel, DAX_RULE_FADVISE_OFFSET)))
			return refuse(EINVAL, DAX_BAD_ARGUMENT);
		return dax_allow();
	case DAX_CALL_IOCTL:
		return ioctl_verdict((uint64_t)a, b != 0);
	case DAX_CALL_FCNTL:
		return fcntl_verdict(kernel, accmode, a, b, c != 0);
	case DAX_CALL_COPY_FROM: /* fs/read_write.c: do_sendfile(); fs/splice.c */
		if (!may_read(accmode))
			return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
		return a ? refuse(EINVAL, DAX_NO_COPY) : dax_allow();
	case DAX_CALL_COPY_TO:
		if (!may_write(accmode))
			return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
		return a ? refuse(EINVAL, DAX_NO_COPY) : dax_allow();
	case DAX_CALL_COPY_RANGE: /* fs/read_write.c: generic_file_rw_checks(): S_ISREG */
		return refuse(EINVAL, DAX_NO_COPY);
	default:
		return dax_allow();
	}
}

/**
 * dax_iocb_call() - the call that a request of io_submit(2) makes
 * @opcode:	its aio_lio_opcode
 *
 * Requests are submitted one after the other. The first that fails ends io_submit(2),
 * which returns its errno only if none was submitted before it (fs/aio.c:
 * io_submit_one(), do_io_submit()).
 *
 * Return: the call, or DAX_CALL_NR for a request that the device does not refuse.
 */
enum dax_call dax_iocb_call(unsigned int opcode)
{
	switch (opcode) {
	case 0: /* IOCB_CMD_PREAD */
	case 7: /* IOCB_CMD_PREADV */
		return DAX_CALL_READ;
	case 1: /* IOCB_CMD_PWRITE */
	case 8: /* IOCB_CMD_PWRITEV */
		return DAX_CALL_WRITE;
	case 2: /* IOCB_CMD_FSYNC */
	case 3: /* IOCB_CMD_FDSYNC */
		return DAX_CALL_FSYNC;
	default:
		return DAX_CALL_NR;
	}
}

/*
 * The checks of mmap until an address is found; for MAP_FIXED_NOREPLACE, the check for
 * mappings at that address comes next (mm/mmap.c: ksys_mmap_pgoff(), do_mmap()).
 */
static struct dax_verdict mmap_address(const struct dax_mmap_request *req,
				       const struct dax_mmap_answer *ans)
{
	const bool is_fixed = ans->place >= DAX_PLACE_FIXED;

	if (req->off & (DAX_PAGE - 1))
		return dax_refuse(EINVAL, DAX_MMAP_OFFSET_OFF_PAGE, req->off, 0, 0);
	if (req->accmode & O_PATH) /* fs/file.c: fget() finds no such descriptor */
		return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
	if (req->flags & MAP_HUGETLB)
		return refuse(EINVAL, DAX_MMAP_HUGETLB);
	if (!req->len)
		return refuse(EINVAL, DAX_MMAP_NO_LENGTH);
	if (!ans->len || ans->len > DAX_TASK_SIZE)
		return dax_refuse(ENOMEM, DAX_MMAP_TOO_LONG, req->len, 0, 0);
	if (is_fixed && req->addr & (DAX_PAGE - 1))
		return dax_refuse(EINVAL, DAX_MMAP_ADDRESS_OFF_PAGE, req->addr, 0, 0);
	if (is_fixed && req->addr > DAX_TASK_SIZE - ans->len)
		return dax_refuse(ENOMEM, DAX_MMAP_NO_ROOM, req->addr, ans->len, 0);
	return dax_allow();
}

/* The checks of do_mmap() after that, before the driver's own mmap. */
static struct dax_verdict mmap_generic(const struct dax_mmap_request *req,
				       const struct dax_mmap_answer *ans, uint64_t max)
{
	const int known = LEGACY_MAP_MASK(req->kernel) | MAP_SYNC;
	const int type = req->flags & MAP_TYPE;

	/* file_mmap_ok() */
	if (ans->len > max || req->off / DAX_PAGE > (max - ans->len) / DAX_PAGE)
		return dax_refuse(EOVERFLOW, DAX_MMAP_OVERFLOW, req->off, ans->len, 0);

	switch (type) {
	case MAP_SHARED_VALIDATE:
		if (req->flags & ~known)
			return dax_refuse(EOPNOTSUPP, DAX_MMAP_UNKNOWN_FLAG,
					  (uint32_t)req->flags & ~(uint32_t)known, 0, 0);
		/* fallthrough */
	case MAP_SHARED:
		if (req->prot & PROT_WRITE && !may_write(req->accmode))
			return refuse(EACCES, DAX_MMAP_NO_ACCESS);
		/* fallthrough */
	case MAP_PRIVATE:
		if (!may_read(req->accmode))
			return refuse(EACCES, DAX_MMAP_NO_ACCESS);
		/* MAP_SHARED ignores flags that it does not know. */
		if (req->flags & MAP_GROWSDOWN)
			return refuse(EINVAL, DAX_MMAP_GROWS);
		return dax_allow();
	default:
		return dax_refuse(EINVAL, DAX_MMAP_BAD_TYPE, (uint64_t)type, 0, 0);
	}
}

/* The place of a mapping (drivers/dax/device.c: dax_get_unmapped_area()). */
static enum dax_place mmap_place(const struct dax_device *dev,
				 const struct dax_mmap_request *req, uint64_t len)
{
	uint64_t align = dev->align;
	uint64_t end = req->off + len;
	uint64_t first = dax_round_up(req->off, align);

	if (req->flags & MAP_FIXED_NOREPLACE)
		return DAX_PLACE_NOREPLACE;
	if (req->flags & MAP_FIXED)
		return DAX_PLACE_FIXED;
	if (dax_round_down(req->addr, DAX_PAGE))
		return DAX_PLACE_HINT;
	if (end <= first || end - first < align || req->off + len + align < req->off)
		return DAX_PLACE_ANY;
	return DAX_PLACE_CONGRUENT;
}

/* drivers/dax/device.c: dax_mmap(); the ndctl node and fsdev.c have no mmap. */
static struct dax_verdict mappable_verdict(const struct dax_device *dev)
{
	if (!dax_device_is_alive(dev))
		return refuse(ENXIO, DAX_NOT_ALIVE);
	if (dev->flags & (DAX_DEVICE_NDCTL | DAX_DEVICE_FAMFS))
		return refuse(ENODEV, DAX_NO_MMAP);
	return dax_allow();
}

/**
 * dax_attach_verdict() - the verdict on a client's request for a backing store
 * @dev:	the device
 * @accmode:	O_ACCMODE and O_PATH bits of the client's descriptor
 *
 * Return: a refusal if no mmap of the descriptor could be allowed.
 */
struct dax_verdict dax_attach_verdict(const struct dax_device *dev, int accmode)
{
	struct dax_verdict v;

	if (accmode & O_PATH)
		return refuse(EBADF, DAX_FD_NOT_OPEN_FOR_IT);
	v = mappable_verdict(dev);
	if (v.error)
		return v;
	return may_read(accmode) ? v : refuse(EACCES, DAX_MMAP_NO_ACCESS);
}

/*
 * The driver's checks that do not depend on an address to be found. Addresses that the
 * program passed are checked here, those that the kernel chooses by
 * dax_mmap_place_verdict() (drivers/dax/device.c: check_vma()).
 */
static struct dax_verdict mmap_driver(const struct dax_device *dev,
				      const struct dax_mmap_request *req,
				      const struct dax_mmap_answer *ans)
{
	uint64_t mask = dev->align - 1;
	struct dax_verdict v = mappable_verdict(dev);

	if (v.error)
		return v;
	if ((req->flags & MAP_TYPE) == MAP_PRIVATE)
		return refuse(EINVAL, DAX_MMAP_PRIVATE);
	if (ans->len & mask)
		return dax_refuse(EINVAL, DAX_MMAP_UNALIGNED_LENGTH, ans->len, dev->align,
				  0);
	if (ans->place == DAX_PLACE_CONGRUENT && req->off & mask)
		return dax_refuse(EINVAL, DAX_MMAP_UNALIGNED_OFFSET, req->off, dev->align,
				  0);
	if (ans->place >= DAX_PLACE_HINT && ans->addr & mask)
		return dax_refuse(EINVAL, DAX_MMAP_UNALIGNED_ADDRESS, ans->addr,
				  ans->addr + ans->len, mask);
	return dax_allow();
}

/* Remark on a mapping beyond the device's end, which is allowed but cannot be touched. */
static struct dax_verdict mmap_remark(const struct dax_device *dev, uint64_t off,
				      uint64_t len)
{
	uint64_t served = off < dev->size ? dax_min(dev->size - off, len) : 0;

	if (served == len)
		return dax_allow();
	return dax_refuse(0, DAX_MMAP_BEYOND_END, len - served, dev->size, 0);
}

/**
 * dax_mmap_verdict() - the verdict on mmap of a device, and the place of the mapping
 * @dev:	the device
 * @req:	mmap's arguments and the descriptor's access mode
 * @ret:	receives the verdict; place, addr and len are valid even if it refuses
 *
 * As in the driver, neither the end of the device nor, with a fixed address, the
 * offset's alignment is checked: touching bytes that do not exist is a fault.
 */
void dax_mmap_verdict(const struct dax_device *dev, const struct dax_mmap_request *req,
		      struct dax_mmap_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->len = dax_round_up(req->len, DAX_PAGE);
	ret->addr = dax_round_down(req->addr, DAX_PAGE);
	ret->place = mmap_place(dev, req, ret->len);
	ret->v = mmap_address(req, ret);
	if (ret->v.error)
		return;
	/* A character device may use all offsets except the last ones. */
	ret->v = mmap_generic(req, ret, UINT64_MAX);
	if (ret->v.error) {
		ret->is_late = ret->place == DAX_PLACE_NOREPLACE;
		return;
	}
	ret->v = mmap_driver(dev, req, ret);
	ret->is_late = ret->v.error != 0;
	if (!ret->v.error)
		ret->v = mmap_remark(dev, req->off, ret->len);
}

/**
 * dax_attr_mmap_verdict() - the verdict on mmap of a sysfs attribute
 * @req:	mmap's arguments and the descriptor's access mode
 * @ret:	receives the verdict, which is always a refusal
 *
 * The checks are those of any file up to the driver's own mmap, which a text attribute
 * does not have (fs/kernfs/file.c: kernfs_fop_mmap()).
 */
void dax_attr_mmap_verdict(const struct dax_mmap_request *req,
			   struct dax_mmap_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->len = dax_round_up(req->len, DAX_PAGE);
	ret->addr = dax_round_down(req->addr, DAX_PAGE);
	if (req->flags & MAP_FIXED_NOREPLACE)
		ret->place = DAX_PLACE_NOREPLACE;
	else if (req->flags & MAP_FIXED)
		ret->place = DAX_PLACE_FIXED;
	ret->v = mmap_address(req, ret);
	if (ret->v.error)
		return;
	ret->is_late = ret->place == DAX_PLACE_NOREPLACE;
	ret->v = mmap_generic(req, ret, ATTR_MAX_BYTES);
	if (ret->v.error)
		return;
	ret->is_late = true;
	ret->v = refuse(ENODEV, DAX_ATTR_NO_MMAP);
}

/**
 * dax_mmap_place_verdict() - the verdict on an address that the kernel chose
 * @dev:	the device
 * @addr:	start of the mapping
 * @len:	its length in bytes, page-rounded
 *
 * Repeats check_vma() for DAX_PLACE_ANY and for a hint that was not free: on the real
 * device such a mapping succeeds or fails depending on the layout of the process.
 *
 * Return: EINVAL if the address is not aligned, or allowed.
 */
struct dax_verdict dax_mmap_place_verdict(const struct dax_device *dev, uint64_t addr,
					  uint64_t len)
{
	if ((addr | len) & (dev->align - 1))
		return dax_refuse(EINVAL, DAX_MMAP_UNALIGNED_ADDRESS, addr, addr + len,
				  dev->align - 1);
	return dax_allow();
}

/**
 * dax_userfaultfd_verdict() - the verdict on registering a mapping with userfaultfd(2)
 *
 * Only anonymous, shmem and hugetlb memory can be registered (fs/userfaultfd.c:
 * vma_can_userfault()).
 *
 * Return: EINVAL.
 */
struct dax_verdict dax_userfaultfd_verdict(void)
{
	return refuse(EINVAL, DAX_NO_USERFAULTFD);
}

/**
 * dax_attr_open_verdict() - the verdict on open(2) of a sysfs attribute
 * @mode:	mode of the attribute, as in sysfs
 * @flags:	flags of open(2)
 *
 * The kernel requires the mode's bit in any class and the attribute's function, even if
 * root opens it (fs/kernfs/file.c: kernfs_fop_open()). The file system enforces the
 * mode's other rules.
 *
 * Return: EACCES if the mode forbids it, EINVAL for O_DIRECT, or allowed.
 */
struct dax_verdict dax_attr_open_verdict(uint32_t mode, int flags)
{
	int acc = flags & O_ACCMODE;

	if (flags & O_PATH)
		return dax_allow();
	if (may_write(acc) && !(mode & 0222))
		return refuse(EACCES, DAX_ATTR_MODE);
	if (may_read(acc) && !(mode & 0444))
		return refuse(EACCES, DAX_ATTR_MODE);
	if (flags & O_DIRECT)
		return refuse(EINVAL, DAX_OPEN_DIRECT);
	return dax_allow();
}

/**
 * dax_change_verdict() - the verdict on a change below /dev or /sys
 * @c:	the change, of a path that belongs to the devices
 *
 * An existing name is found first (fs/namei.c: filename_create()), then the right to
 * write to the directory is checked (fs/namei.c: may_delete(), may_create()). fs/kernfs
 * has no such operations, even for root; /dev belongs to root, whose calls the caller
 * does not refuse. A node is on a file system of its own, so no other directory can link
 * to it (fs/namei.c: do_linkat()), and a special file has no user attributes
 * (fs/xattr.c: xattr_permission()).
 *
 * Return: EEXIST, EPERM, EACCES or EXDEV; never allowed.
 */
struct dax_verdict dax_change_verdict(const struct dax_change *c)
{
	if (c->what == DAX_CHANGE_XATTR)
		return refuse(EPERM, DAX_NO_XATTR);
	if (c->what == DAX_CHANGE_LINK_FROM)
		return refuse(EXDEV, DAX_LINK_ACROSS);
	if (c->what != DAX_CHANGE_REMOVE && c->is_there)
		return refuse(EEXIST, DAX_NODE_IS_THERE);
	if (!c->is_in_sys)
		return refuse(EACCES, DAX_NODE_NOT_YOURS);
	if (c->what == DAX_CHANGE_LINK)
		return refuse(EPERM, DAX_NODE_NOT_YOURS);
	if (c->what == DAX_CHANGE_MKNOD)
		return refuse(EACCES, DAX_NODE_NOT_YOURS);
	return refuse(c->may_write ? EPERM : EACCES, DAX_NODE_NOT_YOURS);
}
