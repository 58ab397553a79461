/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that work on descriptors, other than those in table_fd.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "libcore/cxl_command.h"
#include "libcore/pagemap_scan.h"
#include "libcore/procmap.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/pagemap_scan.h"
#include "client/shim/memory/procmap.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/lock_anchor.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/mark.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/report.h"
#include "client/shim/wrap/attr.h"
#include "client/shim/wrap/cxl.h"
#include "client/shim/wrap/fd_call.h"
#include "client/shim/wrap/ndctl.h"
#include "client/shim/wrap/pin.h"
#include "client/shim/wrap/standard.h"
#include "client/shim/wrap/uevent.h"
#include "client/shim/wrap/wrap.h"

SHIM_EXPORT ssize_t write(int fd, const void *buf, size_t n)
{
	if (unlikely(!shim_ident_is_other(fd))) {
		ssize_t r = shim_attr_write(fd, buf, n);

		if (r != -EXDEV)
			return shim_ret(r);
	}
	if (unlikely(shim_maps_has_no_pages) &&
	    shim_pin_refused(fd, (uintptr_t)buf, NULL, n))
		return shim_ret(-EFAULT);
	return REAL(write)(fd, buf, n);
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	if (unlikely(!shim_ident_is_other(fd))) {
		struct iovec first = {0};
		ssize_t r = n < 0 || n > IOV_MAX ? -EINVAL : 0;

		if (shim_ident_fd(fd).kind == SHIM_NODE)
			return shim_ret(shim_fd_call(
				fd, DAX_CALL_WRITE, n, 0,
				shim_fd_call_vector_error(iov, (uint64_t)n)));
		/* An attribute takes one value per call: that of the first vector. */
		if (r == 0 && n && shim_peek(&first, iov, sizeof(first)) < 0)
			r = -EFAULT;
		if (r == 0)
			r = shim_attr_write(fd, first.iov_base, first.iov_len);
		if (r == -EINVAL || r == -EFAULT)
			r = shim_ident_fd(fd).kind == SHIM_OTHER ? -EXDEV : r;

		if (r != -EXDEV)
			return shim_ret(r);
	}
	if (unlikely(shim_maps_has_no_pages) && shim_pin_refused(fd, 0, iov, (uint64_t)n))
		return shim_ret(-EFAULT);
	return REAL(writev)(fd, iov, n);
}

/*
 * Does lseek on a device, which always returns 0 (drivers/dax/device.c: noop_llseek()),
 * and SEEK_END on an attribute, whose size is a page (fs/kernfs). Return: true if it did.
 */
static bool is_lseek_ours(int fd, int64_t off, int whence, long *ret)
{
	struct shim_ident id;

	if (likely(shim_ident_is_other(fd)))
		return false;
	id = shim_ident_fd(fd);
	if (id.kind == SHIM_NODE)
		*ret = shim_fd_call_node(&id, fd, DAX_CALL_LSEEK, whence, off, 0);
	else if (id.kind == SHIM_OWN)
		*ret = -EBADF;
	else if (id.kind == SHIM_ATTR && whence == SEEK_END)
		*ret = sys3(lseek, fd, 4096 + off, SEEK_SET);
	else
		return false;
	return true;
}

SHIM_EXPORT off_t lseek(int fd, off_t off, int whence)
{
	long r;

	return is_lseek_ours(fd, off, whence, &r) ? shim_ret(r)
						  : REAL(lseek)(fd, off, whence);
}

SHIM_EXPORT off64_t lseek64(int fd, off64_t off, int whence)
{
	long r;

	return is_lseek_ours(fd, off, whence, &r) ? shim_ret(r)
						  : REAL(lseek64)(fd, off, whence);
}

/* These return the error itself, and do not set errno. */
SHIM_EXPORT int posix_fadvise(int fd, off_t off, off_t len, int advice)
{
	return -shim_fd_call_fadvise(fd, off, len, advice);
}

SHIM_EXPORT int posix_fadvise64(int fd, off64_t off, off64_t len, int advice)
{
	return -shim_fd_call_fadvise(fd, off, len, advice);
}

SHIM_EXPORT int posix_fallocate(int fd, off_t off, off_t len)
{
	if (unlikely(!shim_ident_is_other(fd))) {
		int r = shim_fd_call(fd, DAX_CALL_FALLOCATE, 0, off, len);

		if (r < 0)
			return -r;
	}
	return REAL(posix_fallocate)(fd, off, len);
}

SHIM_EXPORT int posix_fallocate64(int fd, off64_t off, off64_t len)
{
	if (unlikely(!shim_ident_is_other(fd))) {
		int r = shim_fd_call(fd, DAX_CALL_FALLOCATE, 0, off, len);

		if (r < 0)
			return -r;
	}
	return REAL(posix_fallocate64)(fd, off, len);
}

/* True if the VFS fails an ioctl for its argument, before the driver sees it. */
static bool is_bad_argument(unsigned long request, void *arg)
{
	char byte;

	switch (dax_ioctl_argument(request)) {
	case DAX_IOCTL_FD:
		return sys2(fcntl, (int)(intptr_t)arg, F_GETFD) < 0;
	case DAX_IOCTL_MEMORY:
		return shim_peek(&byte, arg, 1) < 0;
	case DAX_IOCTL_ANY:
	default:
		return false;
	}
}

#define FS_IOC_TYPE 0x15
#define GETFSUUID   0x80111500UL /* linux/fs.h: FS_IOC_GETFSUUID, Linux 6.9 */

/*
 * Asks the file system of /dev, on which a real node would be. Return: a negative errno, or
 * 1 if the answer is in @arg.
 */
static int ask_dev(int fd, unsigned long request, void *arg)
{
	int dev;
	int r;

	if (sys2(fcntl, fd, F_GETFL) & O_PATH)
		return -EBADF;
	dev = (int)sys4(openat, AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dev < 0)
		return dev;
	r = (int)sys3(ioctl, dev, request, arg);
	sys1(close, dev);
	return r < 0 ? r : 1;
}

/*
 * Decides about an ioctl on a device. Return: 0 to call the kernel, a negative errno, or 1
 * if the answer is in @arg.
 */
static int node_ioctl(int fd, unsigned long request, void *arg)
{
	struct shim_ident id = shim_ident_fd(fd);
	bool knows_uuid;
	int r;

	if (id.kind == SHIM_OWN)
		return -EBADF;
	if (id.kind == SHIM_OTHER)
		return 0;
	knows_uuid =
		request == GETFSUUID &&
		dax_kernel_has(dax_state_kernel(id.session->state), DAX_RULE_FS_UUID);
	/* sysfs has an identity, and nothing else of what file systems are asked. */
	if (id.kind == SHIM_ATTR)
		return _IOC_TYPE(request) == FS_IOC_TYPE && !knows_uuid ? -ENOTTY : 0;
	if (knows_uuid)
		return ask_dev(fd, request, arg);
	r = shim_fd_call_node(&id, fd, DAX_CALL_IOCTL, (int64_t)request,
			      is_bad_argument(request, arg), 0);
	/* The handle's file system may have larger blocks than /dev. */
	if (r < 0 || request != FIGETBSZ)
		return r;
	r = (int)sys3(ioctl, fd, request, arg);
	if (r == 0)
		*(int *)arg = DAX_PAGE;
	return r < 0 ? r : 1;
}

/*
 * Refuses to register a dax mapping with a userfaultfd. Return: the negative errno, or 0
 * if the range holds no dax mapping.
 */
static int uffd_register(const void *arg)
{
	struct dax_verdict v = dax_userfaultfd_verdict();
	struct uffdio_register reg;
	struct shim_call call = {.call = DAX_CALL_USERFAULTFD};

	if (!shim_maps_touch(0, UINT64_MAX) || shim_peek(&reg, arg, sizeof(reg)) < 0 ||
	    !shim_maps_overlap(reg.range.start, reg.range.len))
		return 0;
	call.args[0] = reg.range.start;
	call.args[1] = reg.range.len;
	shim_report_range(&call, &v);
	return -v.error;
}

SHIM_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	/* The kernel takes an unsigned int; a program may pass a negative int (musl's ioctl). */
	request = (unsigned int)request;
	if (unlikely(request == DAX_PROCMAP_QUERY || request == DAX_PAGEMAP_SCAN) &&
	    shim_session() &&
	    !dax_kernel_has(shim_session_kernel(), DAX_RULE_PROC_IOCTLS))
		return (int)shim_ret(sys2(fcntl, fd, F_GETFD) < 0 ? -EBADF : -ENOTTY);
	if (unlikely(request == DAX_PROCMAP_QUERY || request == DAX_PAGEMAP_SCAN)) {
		long r = request == DAX_PROCMAP_QUERY ? shim_procmap_query(fd, arg)
						      : shim_pagemap_scan(fd, arg);

		if (r != -EXDEV)
			return (int)shim_ret(r);
	}
	if (unlikely(!shim_ident_is_other(fd))) {
		int r = -EXDEV;

		if (_IOC_TYPE(request) == 'N')
			r = shim_ndctl(fd, request, arg);
		else if (_IOC_TYPE(request) == DAX_CXL_IOC_TYPE)
			r = shim_cxl(fd, request, arg);
		if (r != -EXDEV)
			return (int)shim_ret(r);
		r = node_ioctl(fd, request, arg);
		if (r)
			return (int)shim_ret(r < 0 ? r : 0);
	}
	if (unlikely(request == UFFDIO_REGISTER)) {
		int r = uffd_register(arg);

		if (r < 0)
			return (int)shim_ret(r);
	}
	return REAL(ioctl)(fd, request, arg);
}

/* Commands of Linux 6.10, 6.12 and 6.19. */
#define DUPFD_QUERY   1027
#define CREATED_QUERY 1028
#define GETDELEG      1039
#define SETDELEG      1040

/* True if a node is another user's. The kernel checks it with the handle. */
static bool is_foreign(int fd)
{
	return sys3(fcntl, fd, F_SETLEASE, F_UNLCK) == -EACCES;
}

/*
 * Decides about F_SETLEASE on a device. Return: 0 to call the kernel, or a negative
 * errno.
 */
static int node_lease(int fd, int64_t type)
{
	struct shim_ident id = shim_ident_fd(fd);

	return id.kind != SHIM_NODE ? 0
				    : shim_fd_call_node(&id, fd, DAX_CALL_FCNTL,
							F_SETLEASE, type, is_foreign(fd));
}

/* Decides about F_SET_RW_HINT on a device, likewise. @arg: may be a bad pointer. */
static int node_hint(int fd, const void *arg)
{
	struct shim_ident id = shim_ident_fd(fd);
	uint64_t hint = 0;
	const bool is_bad = shim_peek(&hint, arg, sizeof(hint)) < 0;
	int r;

	if (id.kind != SHIM_NODE)
		return 0;
	r = shim_fd_call_node(&id, fd, DAX_CALL_FCNTL, F_SET_RW_HINT, (int64_t)hint,
			      is_foreign(fd));
	return r == 0 && is_bad ? -EFAULT : r;
}

/*
 * Decides about a command that only some of the emulated kernels know. The rest is asked
 * with a number that no kernel knows. Return: 0 to call the kernel, or a negative errno.
 */
static int late_fcntl(int fd, int cmd, enum dax_kernel_rule rule)
{
	const struct shim_ident id = shim_ident_fd(fd);

	if (id.kind != SHIM_NODE && id.kind != SHIM_ATTR)
		return 0;
	if (!dax_kernel_has(dax_state_kernel(id.session->state), rule))
		cmd = -1;
	return cmd == -1 ? (int)sys3(fcntl, fd, cmd, 0) : 0;
}

/* struct delegation of Linux 6.19 */
struct deleg {
	uint32_t flags;
	uint16_t type;
	uint16_t pad;
};

/*
 * Decides about F_GETDELEG and F_SETDELEG on a device, which nobody can have a delegation
 * of. Return: 0 to call the kernel, a negative errno, or 1 if the answer is in @arg.
 */
static int node_delegation(int fd, int cmd, void *arg)
{
	struct deleg d;
	int r = late_fcntl(fd, cmd, DAX_RULE_DELEGATIONS);

	if (r < 0 || shim_ident_fd(fd).kind != SHIM_NODE)
		return r;
	if (shim_peek(&d, arg, sizeof(d)) < 0)
		return -EFAULT;
	if (cmd == SETDELEG)
		return is_foreign(fd) ? -EACCES : -EINVAL;
	d.type = F_UNLCK;
	r = (int)shim_poke(arg, &d, sizeof(d));
	return r < 0 ? r : 1;
}

/* A lock may start from the position, which a device does not have. */
static void before_lock(int fd)
{
	if (unlikely(!shim_ident_is_other(fd)) && shim_ident_fd(fd).kind == SHIM_NODE)
		shim_mark_remove(fd);
}

/*
 * Decides about the fcntl commands that a device may refuse. Return: 0 to call the
 * kernel, a negative errno, or 1 if the answer is in @arg.
 */
static int before_fcntl(int fd, int cmd, void *arg)
{
	if (unlikely(shim_own_fd_is(fd)))
		return -EBADF;
	switch (cmd) {
	case F_SETLEASE:
		if (likely(shim_ident_is_other(fd)))
			return 0;
		return node_lease(fd, (int64_t)(intptr_t)arg);
	case F_SET_RW_HINT:
		if (likely(shim_ident_is_other(fd)))
			return 0;
		return node_hint(fd, arg);
	case DUPFD_QUERY:
	case CREATED_QUERY:
		if (likely(shim_ident_is_other(fd)))
			return 0;
		return late_fcntl(fd, cmd, DAX_RULE_FD_QUERIES);
	case GETDELEG:
	case SETDELEG:
		if (likely(shim_ident_is_other(fd)))
			return 0;
		return node_delegation(fd, cmd, arg);
	case F_SETFL:
	case F_GETLEASE:
	case F_ADD_SEALS:
	case F_GET_SEALS:
		if (likely(shim_ident_is_other(fd)))
			return 0;
		return shim_fd_call(fd, DAX_CALL_FCNTL, cmd, (int64_t)(intptr_t)arg, 0);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		before_lock(fd);
		return 0;
	default:
		return 0;
	}
}

/* Called when a file lock was taken or released. */
static void after_lock(int fd)
{
	if (unlikely(!shim_ident_is_other(fd)) && shim_ident_fd(fd).kind == SHIM_NODE)
		shim_lock_anchor_on_lock(fd);
}

static int after_fcntl(int fd, int cmd, int r)
{
	if ((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && r >= 0)
		shim_ident_copied(fd, r);
	else if ((cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW) && r == 0)
		after_lock(fd);
	return r;
}

SHIM_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	r = before_fcntl(fd, cmd, arg);
	return r ? (int)shim_ret(r < 0 ? r : 0)
		 : after_fcntl(fd, cmd, REAL(fcntl)(fd, cmd, arg));
}

SHIM_EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	r = before_fcntl(fd, cmd, arg);
	return r ? (int)shim_ret(r < 0 ? r : 0)
		 : after_fcntl(fd, cmd, REAL(fcntl64)(fd, cmd, arg));
}

SHIM_EXPORT int lockf(int fd, int cmd, off_t len)
{
	before_lock(fd);
	return REAL(lockf)(fd, cmd, len);
}

SHIM_EXPORT int lockf64(int fd, int cmd, off64_t len)
{
	before_lock(fd);
	return REAL(lockf64)(fd, cmd, len);
}

SHIM_EXPORT int flock(int fd, int operation)
{
	int r = REAL(flock)(fd, operation);

	if (r == 0)
		after_lock(fd);
	return r;
}

/* Decides about a copy between two descriptors. Return: 0, or a negative errno. */
static int before_copy(int in, int out, size_t n)
{
	int r = 0;

	if (unlikely(!shim_ident_is_other(in)))
		r = shim_fd_call(in, DAX_CALL_COPY_FROM, (int64_t)n, 0, 0);
	if (r == 0 && unlikely(!shim_ident_is_other(out)))
		r = shim_fd_call(out, DAX_CALL_COPY_TO, (int64_t)n, 0, 0);
	return r;
}

#define COPY(name, params, args)                                                         \
	SHIM_EXPORT ssize_t name params                                                  \
	{                                                                                \
		int r = before_copy(in, out, n);                                         \
                                                                                         \
		return unlikely(r < 0) ? shim_ret(r) : REAL(name) args;                  \
	}

COPY(sendfile, (int out, int in, off_t *off, size_t n), (out, in, off, n))
COPY(sendfile64, (int out, int in, off64_t *off, size_t n), (out, in, off, n))
COPY(tee, (int in, int out, size_t n, unsigned int flags), (in, out, n, flags))
COPY(splice,
     (int in, off64_t *off_in, int out, off64_t *off_out, size_t n, unsigned int flags),
     (in, off_in, out, off_out, n, flags))

SHIM_EXPORT ssize_t copy_file_range(int in, off64_t *off_in, int out, off64_t *off_out,
				    size_t n, unsigned int flags)
{
	int r = 0;

	if (unlikely(!shim_ident_is_other(in)))
		r = shim_fd_call(in, DAX_CALL_COPY_RANGE, (int64_t)n, 0, 0);
	if (r == 0 && unlikely(!shim_ident_is_other(out)))
		r = shim_fd_call(out, DAX_CALL_COPY_RANGE, (int64_t)n, 0, 0);
	return r < 0 ? shim_ret(r)
		     : REAL(copy_file_range)(in, off_in, out, off_out, n, flags);
}

SHIM_EXPORT int close(int fd)
{
	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	return REAL(close)(fd);
}

SHIM_EXPORT int dup(int fd)
{
	int r;

	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	r = REAL(dup)(fd);
	shim_ident_copied(fd, r);
	return r;
}

SHIM_EXPORT int dup2(int fd, int to)
{
	int r;

	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	r = REAL(dup2)(fd, to);
	shim_ident_copied(fd, r);
	shim_standard_look(r);
	return r;
}

SHIM_EXPORT int dup3(int fd, int to, int flags)
{
	int r;

	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	r = REAL(dup3)(fd, to, flags);
	shim_ident_copied(fd, r);
	shim_standard_look(r);
	return r;
}

SHIM_EXPORT ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
	const bool is_uevent = shim_uevent_of(sock);
	const socklen_t room = is_uevent ? msg->msg_namelen : 0;
	ssize_t r = REAL(recvmsg)(sock, msg, flags);

	if (unlikely(is_uevent) && r >= 0)
		shim_uevent_fix(msg, room, (size_t)r);
	if (r >= 0 && unlikely(msg->msg_controllen))
		shim_ident_forget_all();
	return r;
}

SHIM_EXPORT int recvmmsg(int sock, struct mmsghdr *msgs, unsigned int n, int flags,
			 struct timespec *timeout)
{
	const bool is_uevent = shim_uevent_of(sock);
	/* Of the first, since those of the others will be alike. */
	const socklen_t room = is_uevent && n ? msgs[0].msg_hdr.msg_namelen : 0;
	int r = REAL(recvmmsg)(sock, msgs, n, flags, timeout);
	int i;

	for (i = 0; unlikely(is_uevent) && i < r; i++)
		shim_uevent_fix(&msgs[i].msg_hdr, room, msgs[i].msg_len);
	for (i = 0; i < r; i++)
		if (unlikely(msgs[i].msg_hdr.msg_controllen))
			shim_ident_forget_all();
	return r;
}

/* The new descriptor may be that of a device. */
SHIM_EXPORT int pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	int r = REAL(pidfd_getfd)(pidfd, fd, flags);

	shim_ident_forget(r);
	return r;
}
