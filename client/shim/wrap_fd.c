/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions that work on a descriptor. */
#include "client/shim/wrap.h"

#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/shim/sys.h"
#include "libcore/attrmode.h"
#include "libcore/sysfs.h"
#include "libcore/wire.h"

static int node_call(const struct shim_ident *id, int fd, enum dax_call call, int64_t a,
		     int64_t b, int64_t c)
{
	const uint64_t args[] = {(uint64_t)a, (uint64_t)b, (uint64_t)c};
	int accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
	struct dax_verdict v = dax_fd_verdict(call, accmode, a, b, c);

	shim_report(id->session, call, id->slot, args, 3, &v, 0);
	return -v.error;
}

/* Reading an attribute is reading its file, but for those that answer an error. */
static int attr_call(int fd, enum dax_call call)
{
	struct stat st;

	if ((call == DAX_CALL_READ || call == DAX_CALL_PREAD) &&
	    sys2(fstat, fd, &st) == 0 && dax_attrmode_is_read_error(st.st_mode))
		return -ENXIO;
	return 0;
}

/**
 * shim_fd_call() - may this call on a descriptor go to the kernel?
 * @fd:		any descriptor
 * @call:	the call, and
 * @a, @b, @c:	its arguments as dax_fd_verdict() wants them
 *
 * Return: 0, or the negative errno that it answers instead.
 */
int shim_fd_call(int fd, enum dax_call call, int64_t a, int64_t b, int64_t c)
{
	struct shim_ident id = shim_ident_fd(fd);

	switch (id.kind) {
	case SHIM_NODE:
		return node_call(&id, fd, call, a, b, c);
	case SHIM_ATTR:
		return attr_call(fd, call);
	case SHIM_OTHER:
	default:
		return 0;
	}
}

#define FD(name, type, params, args, call, a, b, c)                                      \
	SHIM_EXPORT type name params                                                     \
	{                                                                                \
		if (unlikely(!shim_fd_is_other(fd))) {                                   \
			int r = shim_fd_call(fd, DAX_CALL_##call, (int64_t)(a),          \
					     (int64_t)(b), (int64_t)(c));                \
                                                                                         \
			if (r < 0)                                                       \
				return (type)shim_ret(r);                                \
		}                                                                        \
		return REAL(name) args;                                                  \
	}
#define PATH(...)
#define OWN(name)

#include "client/shim/wrap.def"

/* -- write: to an attribute it is an order to the daemon
 * --------------------------------- */

/*
 * Copies from the program's memory, of which we don't know whether it is there: the
 * kernel's write would answer EFAULT.
 */
static long copy_in(void *to, const void *from, size_t n)
{
	struct iovec local = {.iov_base = to, .iov_len = n};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};
	long r = sys6(process_vm_readv, sys0(getpid), &local, 1, &remote, 1, 0);

	if (r == -EFAULT || (r >= 0 && r < (long)n))
		return -EFAULT;
	if (r < 0) /* forbidden here: believe the program */
		memcpy(to, from, n);
	return 0;
}

/* Carries what is written to an attribute to the daemon, whose errno is the answer. */
static SHIM_COLD ssize_t attr_write(const struct shim_ident *id, int fd, const void *buf,
				    size_t n)
{
	char body[DAX_SYSFS_PATH_MAX + DAX_SYSFS_TEXT_MAX];
	const struct dax_verdict failed = {.reason = DAX_ATTR_ERROR};
	const uint64_t args[] = {n};
	char path[PATH_MAX];
	struct dax_verdict v = {0};
	size_t prefix = id->session->dir_len + strlen("/sys/");
	ssize_t len = shim_fd_path(fd, path);
	int r;

	if (len < 0)
		return len;
	if ((size_t)len <= prefix || (size_t)len - prefix >= DAX_SYSFS_PATH_MAX)
		return -EIO;
	len -= (ssize_t)prefix;
	memcpy(body, path + prefix, (size_t)len + 1);
	if (n > DAX_SYSFS_TEXT_MAX - 1) /* fs/sysfs takes a page at a time */
		n = DAX_SYSFS_TEXT_MAX - 1;
	r = (int)copy_in(body + len + 1, buf, n);
	if (r == 0)
		r = shim_request(id->session, DAX_MSG_STORE, 0, body, (size_t)len + 1 + n,
				 fd, NULL, NULL);
	if (r < 0) {
		v = failed;
		v.error = -r;
	}
	shim_report_name(id->session, DAX_CALL_ATTR_WRITE, path + prefix, args, 1, &v);
	return r < 0 ? r : (ssize_t)n;
}

/**
 * shim_fd_write() - write(2), if the descriptor is one of ours
 *
 * Return: what write answers, as a negative errno or a length; -EXDEV: none of ours.
 */
ssize_t shim_fd_write(int fd, const void *buf, size_t n)
{
	struct shim_ident id = shim_ident_fd(fd);
	int accmode;

	if (id.kind == SHIM_OTHER)
		return -EXDEV;
	if (id.kind == SHIM_NODE)
		return node_call(&id, fd, DAX_CALL_WRITE, 0, 0, 0);
	accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
	if (accmode != O_WRONLY && accmode != O_RDWR)
		return -EBADF;
	return attr_write(&id, fd, buf, n);
}

SHIM_EXPORT ssize_t write(int fd, const void *buf, size_t n)
{
	if (unlikely(!shim_fd_is_other(fd))) {
		ssize_t r = shim_fd_write(fd, buf, n);

		if (r != -EXDEV)
			return shim_ret(r);
	}
	return REAL(write)(fd, buf, n);
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	if (unlikely(!shim_fd_is_other(fd)) && n > 0 && n <= IOV_MAX) {
		/* An attribute takes one order a call; so its file sees one vector. */
		ssize_t r = shim_fd_write(fd, iov[0].iov_base, iov[0].iov_len);

		if (r != -EXDEV)
			return shim_ret(r);
	}
	return REAL(writev)(fd, iov, n);
}

/* -- the rest --------------------------------------------------------------------------
 */

/* drivers/dax/device.c: noop_llseek(): it succeeds, and says 0. */
static bool is_node_lseek(int fd, int whence, long *ret)
{
	struct shim_ident id;

	if (likely(shim_fd_is_other(fd)))
		return false;
	id = shim_ident_fd(fd);
	if (id.kind != SHIM_NODE)
		return false;
	*ret = node_call(&id, fd, DAX_CALL_LSEEK, whence, 0, 0);
	return true;
}

SHIM_EXPORT off_t lseek(int fd, off_t off, int whence)
{
	long r;

	return is_node_lseek(fd, whence, &r) ? shim_ret(r) : REAL(lseek)(fd, off, whence);
}

SHIM_EXPORT off64_t lseek64(int fd, off64_t off, int whence)
{
	long r;

	return is_node_lseek(fd, whence, &r) ? shim_ret(r)
					     : REAL(lseek64)(fd, off, whence);
}

/* Answers the error itself, and errno stays. */
SHIM_EXPORT int posix_fallocate(int fd, off_t off, off_t len)
{
	if (unlikely(!shim_fd_is_other(fd))) {
		int r = shim_fd_call(fd, DAX_CALL_FALLOCATE, 0, off, len);

		if (r < 0)
			return -r;
	}
	return REAL(posix_fallocate)(fd, off, len);
}

SHIM_EXPORT int posix_fallocate64(int fd, off64_t off, off64_t len)
{
	if (unlikely(!shim_fd_is_other(fd))) {
		int r = shim_fd_call(fd, DAX_CALL_FALLOCATE, 0, off, len);

		if (r < 0)
			return -r;
	}
	return REAL(posix_fallocate64)(fd, off, len);
}

/* fs/userfaultfd.c: vma_can_userfault(): not a mapping of device-dax. */
static bool is_uffd_on_dax(unsigned long request, const void *arg)
{
	struct uffdio_register reg;

	return unlikely(request == UFFDIO_REGISTER) && shim_maps_touch(0, UINT64_MAX) &&
	       copy_in(&reg, arg, sizeof(reg)) == 0 &&
	       shim_maps_overlap(reg.range.start, reg.range.len);
}

SHIM_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (unlikely(!shim_fd_is_other(fd))) {
		int r = shim_fd_call(fd, DAX_CALL_IOCTL, (int64_t)request, 0, 0);

		if (r < 0)
			return (int)shim_ret(r);
	}
	if (is_uffd_on_dax(request, arg))
		return (int)shim_ret(-EINVAL);
	return REAL(ioctl)(fd, request, arg);
}

/* The commands that concern a device; the number that F_DUPFD gives may be one's. */
static int before_fcntl(int fd, int cmd, void *arg)
{
	switch (cmd) {
	case F_SETFL:
	case F_SETLEASE:
	case F_GETLEASE:
	case F_ADD_SEALS:
	case F_GET_SEALS:
		if (likely(shim_fd_is_other(fd)))
			return 0;
		return shim_fd_call(fd, DAX_CALL_FCNTL, cmd, (int64_t)(intptr_t)arg, 0);
	default:
		return 0;
	}
}

static int after_fcntl(int cmd, int r)
{
	if ((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && r >= 0)
		shim_fd_forget(r);
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
	return r < 0 ? (int)shim_ret(r) : after_fcntl(cmd, REAL(fcntl)(fd, cmd, arg));
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
	return r < 0 ? (int)shim_ret(r) : after_fcntl(cmd, REAL(fcntl64)(fd, cmd, arg));
}

/* Copies between two descriptors: is one of them a device's? */
static int before_copy(int in, int out)
{
	int r = 0;

	if (unlikely(!shim_fd_is_other(in)))
		r = shim_fd_call(in, DAX_CALL_COPY, 0, 0, 0);
	if (r == 0 && unlikely(!shim_fd_is_other(out)))
		r = shim_fd_call(out, DAX_CALL_COPY, 0, 0, 0);
	return r;
}

SHIM_EXPORT ssize_t sendfile(int out, int in, off_t *off, size_t n)
{
	int r = before_copy(in, out);

	return r < 0 ? shim_ret(r) : REAL(sendfile)(out, in, off, n);
}

SHIM_EXPORT ssize_t sendfile64(int out, int in, off64_t *off, size_t n)
{
	int r = before_copy(in, out);

	return r < 0 ? shim_ret(r) : REAL(sendfile64)(out, in, off, n);
}

SHIM_EXPORT ssize_t splice(int in, off64_t *off_in, int out, off64_t *off_out, size_t n,
			   unsigned int flags)
{
	int r = before_copy(in, out);

	return r < 0 ? shim_ret(r) : REAL(splice)(in, off_in, out, off_out, n, flags);
}

SHIM_EXPORT ssize_t tee(int in, int out, size_t n, unsigned int flags)
{
	int r = before_copy(in, out);

	return r < 0 ? shim_ret(r) : REAL(tee)(in, out, n, flags);
}

SHIM_EXPORT ssize_t copy_file_range(int in, off64_t *off_in, int out, off64_t *off_out,
				    size_t n, unsigned int flags)
{
	int r = before_copy(in, out);

	return r < 0 ? shim_ret(r)
		     : REAL(copy_file_range)(in, off_in, out, off_out, n, flags);
}

/* -- numbers that may become a device's
 * -------------------------------------------------- */

SHIM_EXPORT int dup(int fd)
{
	int r = REAL(dup)(fd);

	shim_fd_forget(r);
	return r;
}

SHIM_EXPORT int dup2(int fd, int to)
{
	int r = REAL(dup2)(fd, to);

	shim_fd_forget(r);
	return r;
}

SHIM_EXPORT int dup3(int fd, int to, int flags)
{
	int r = REAL(dup3)(fd, to, flags);

	shim_fd_forget(r);
	return r;
}

SHIM_EXPORT ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
	ssize_t r = REAL(recvmsg)(sock, msg, flags);

	if (r >= 0 && unlikely(msg->msg_controllen))
		shim_fd_forget_all();
	return r;
}

SHIM_EXPORT int recvmmsg(int sock, struct mmsghdr *msgs, unsigned int n, int flags,
			 struct timespec *timeout)
{
	int r = REAL(recvmmsg)(sock, msgs, n, flags, timeout);
	int i;

	for (i = 0; i < r; i++)
		if (unlikely(msgs[i].msg_hdr.msg_controllen))
			shim_fd_forget_all();
	return r;
}

/* The bit that says "ours" stays. */
SHIM_EXPORT int fchmod(int fd, mode_t mode)
{
	if (unlikely(!shim_fd_is_other(fd)) && shim_ident_fd(fd).kind == SHIM_NODE)
		mode |= S_ISVTX;
	return REAL(fchmod)(fd, mode);
}
