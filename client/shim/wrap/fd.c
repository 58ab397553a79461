/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions that work on a descriptor. */
#include "client/shim/wrap/wrap.h"

#include <aio.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/shim/base/sys.h"
#include "libcore/attrmode.h"

/* How many descriptors of a poll are looked at one by one. */
#define NR_LOOK 64
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

	if (call == DAX_CALL_READ || call == DAX_CALL_PREAD)
		shim_attr_unread(fd, false);
	if ((call == DAX_CALL_READ || call == DAX_CALL_PREAD) &&
	    sys2(fstat, fd, &st) == 0)
		return -dax_attr_mode_read_error(st.st_mode);
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

/* -- write: to an attribute it is an order to the daemon
 * --------------------------------- */

/*
 * Copies from the program's memory, of which we don't know whether it is there: the
 * kernel's write would answer EFAULT.
 */
long shim_copy_in(void *to, const void *from, size_t n)
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

/* A fault of a write to an attribute: of the device whose directory it is in, if any. */
static SHIM_COLD int attr_fault(const struct shim_session *s, const char *path,
				struct dax_verdict *failed)
{
	char name[DAX_NAME_LEN] = "";
	uint32_t region;
	uint32_t id;
	int r;

	while (*path) {
		size_t len = strcspn(path, "/");
		char word[DAX_NAME_LEN] = "";

		if (len < sizeof(word)) {
			memcpy(word, path, len);
			if (dax_name_parse(word, &region, &id) == 0)
				memcpy(name, word, sizeof(name));
		}
		path += len + (path[len] == '/');
	}
	r = shim_fault(s, DAX_FAULT_WRITE, name, 0, 0, 0);
	if (r < 0)
		failed->reason = DAX_INJECTED;
	return r;
}

/* Carries what is written to an attribute to the daemon, whose errno is the answer. */
static SHIM_COLD ssize_t attr_write(const struct shim_ident *id, int fd, const void *buf,
				    size_t n)
{
	char body[DAX_SYSFS_PATH_MAX + DAX_SYSFS_TEXT_MAX];
	struct dax_verdict failed = {.reason = DAX_ATTR_ERROR};
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
	r = (int)shim_copy_in(body + len + 1, buf, n);
	if (r == 0 && shim_has_faults(id->session, DAX_FAULT_WRITE))
		r = attr_fault(id->session, body, &failed);
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
		return node_call(&id, fd, DAX_CALL_WRITE, (int64_t)n, 0, 0);
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
	if (unlikely(shim_has_no_pages) && shim_pin_refused(fd, (uintptr_t)buf, NULL, n))
		return shim_ret(-EFAULT);
	return REAL(write)(fd, buf, n);
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	if (unlikely(!shim_fd_is_other(fd))) {
		struct iovec first = {0};
		ssize_t r = n < 0 || n > IOV_MAX ? -EINVAL : 0;

		/* An attribute takes one order a call: its file sees the first vector. */
		if (r == 0 && n && shim_copy_in(&first, iov, sizeof(first)) < 0)
			r = -EFAULT;
		if (r == 0 || shim_ident_fd(fd).kind == SHIM_NODE)
			r = shim_fd_write(fd, first.iov_base, first.iov_len);
		if (r == -EINVAL || r == -EFAULT)
			r = shim_ident_fd(fd).kind == SHIM_OTHER ? -EXDEV : r;

		if (r != -EXDEV)
			return shim_ret(r);
	}
	if (unlikely(shim_has_no_pages) && shim_pin_refused(fd, 0, iov, (uint64_t)n))
		return shim_ret(-EFAULT);
	return REAL(writev)(fd, iov, n);
}

/* -- the rest --------------------------------------------------------------------------
 */

/*
 * drivers/dax/device.c: noop_llseek(): it succeeds, and says 0. An attribute has a page
 * as size (fs/kernfs).
 */
static bool is_lseek_ours(int fd, int64_t off, int whence, long *ret)
{
	struct shim_ident id;

	if (likely(shim_fd_is_other(fd)))
		return false;
	id = shim_ident_fd(fd);
	if (id.kind == SHIM_NODE)
		*ret = node_call(&id, fd, DAX_CALL_LSEEK, whence, off, 0);
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

/* fs/ioctl.c: what is wrong with the argument of some requests is found out first. */
static int bad_argument(unsigned long request, void *arg, int r)
{
	char byte;

	switch (request) {
	case FICLONE:
		return sys2(fcntl, (int)(intptr_t)arg, F_GETFD) < 0 ? -EBADF : r;
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case FS_IOC_SETFLAGS:
	case FS_IOC_FSSETXATTR:
		return shim_copy_in(&byte, arg, 1) < 0 ? -EFAULT : r;
	default:
		return r;
	}
}

/* The registration of a mapping of ours at a userfaultfd. Return: 0 or the refusal. */
static int uffd_register(const void *arg)
{
	struct dax_verdict v = dax_userfaultfd_verdict();
	struct uffdio_register reg;
	uint64_t args[2];

	if (!shim_maps_touch(0, UINT64_MAX) || shim_copy_in(&reg, arg, sizeof(reg)) < 0 ||
	    !shim_maps_overlap(reg.range.start, reg.range.len))
		return 0;
	args[0] = reg.range.start;
	args[1] = reg.range.len;
	shim_tell_at(DAX_CALL_USERFAULTFD, args, 2, &v);
	return -v.error;
}

SHIM_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (unlikely(!shim_fd_is_other(fd))) {
		int r = _IOC_TYPE(request) == 'N' ? shim_ndctl(fd, request, arg) : -EXDEV;

		if (r != -EXDEV)
			return (int)shim_ret(r);
		r = shim_fd_call(fd, DAX_CALL_IOCTL, (int64_t)request, 0, 0);
		if (r < 0)
			return (int)shim_ret(bad_argument(request, arg, r));
	}
	if (unlikely(request == UFFDIO_REGISTER)) {
		int r = uffd_register(arg);

		if (r < 0)
			return (int)shim_ret(r);
	}
	return REAL(ioctl)(fd, request, arg);
}

/* fs/locks.c: generic_setlease() asks whose the file is before what it is. */
static int lease_answer(int fd, int64_t type, int r)
{
	bool is_type = type == F_RDLCK || type == F_WRLCK || type == F_UNLCK;

	if (r == -EINVAL && is_type && sys3(fcntl, fd, F_SETLEASE, F_UNLCK) == -EACCES)
		return -EACCES;
	return r;
}

/* The commands that concern a device; the number that F_DUPFD gives may be one's. */
static int before_fcntl(int fd, int cmd, void *arg)
{
	uint64_t hint;
	int r;

	switch (cmd) {
	case F_SETLEASE:
		if (likely(shim_fd_is_other(fd)))
			return 0;
		r = shim_fd_call(fd, DAX_CALL_FCNTL, cmd, (int64_t)(intptr_t)arg, 0);
		return lease_answer(fd, (int64_t)(intptr_t)arg, r);
	case F_SET_RW_HINT:
		if (likely(shim_fd_is_other(fd)))
			return 0;
		if (shim_copy_in(&hint, arg, sizeof(hint)) < 0)
			return -EFAULT;
		return shim_fd_call(fd, DAX_CALL_FCNTL, cmd, (int64_t)hint, 0);
	case F_SETFL:
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

/* A lock that succeeded, or went. */
static void after_lock(int fd)
{
	if (unlikely(!shim_fd_is_other(fd)) && shim_ident_fd(fd).kind == SHIM_NODE)
		shim_anchor_locked(fd);
}

static int after_fcntl(int fd, int cmd, int r)
{
	if ((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && r >= 0)
		shim_fd_copied(fd, r);
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
	return r < 0 ? (int)shim_ret(r) : after_fcntl(fd, cmd, REAL(fcntl)(fd, cmd, arg));
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
	return r < 0 ? (int)shim_ret(r)
		     : after_fcntl(fd, cmd, REAL(fcntl64)(fd, cmd, arg));
}

SHIM_EXPORT int flock(int fd, int operation)
{
	int r = REAL(flock)(fd, operation);

	if (r == 0)
		after_lock(fd);
	return r;
}

/* Copies between two descriptors: is one of them a device's? */
static int before_copy(int in, int out, size_t n)
{
	int r = 0;

	if (unlikely(!shim_fd_is_other(in)))
		r = shim_fd_call(in, DAX_CALL_COPY_FROM, (int64_t)n, 0, 0);
	if (r == 0 && unlikely(!shim_fd_is_other(out)))
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

	if (unlikely(!shim_fd_is_other(in)))
		r = shim_fd_call(in, DAX_CALL_COPY_RANGE, (int64_t)n, 0, 0);
	if (r == 0 && unlikely(!shim_fd_is_other(out)))
		r = shim_fd_call(out, DAX_CALL_COPY_RANGE, (int64_t)n, 0, 0);
	return r < 0 ? shim_ret(r)
		     : REAL(copy_file_range)(in, off_in, out, off_out, n, flags);
}

/* -- asynchronous input and output: refused before it is queued -------------------------
 */

/* libaio.h and linux/aio_abi.h, which may not be there. */
struct kernel_iocb {
	uint64_t data;
	uint32_t key;
	uint32_t rw_flags;
	uint16_t opcode;
	int16_t prio;
	uint32_t fd;
	uint64_t buf;
	uint64_t nbytes;
	int64_t offset;
	uint64_t reserved;
	uint32_t flags;
	uint32_t resfd;
};

#define IOCB_PREAD  0
#define IOCB_PWRITE 1
#define IOCB_FSYNC  2

static int iocb_verdict(const struct kernel_iocb *cb)
{
	if (likely(shim_fd_is_other((int)cb->fd)))
		return 0;
	switch (cb->opcode & ~7 ? cb->opcode & 7 : cb->opcode) {
	case IOCB_PREAD:
		return shim_fd_call((int)cb->fd, DAX_CALL_READ, 0, 0, 0);
	case IOCB_PWRITE:
		return shim_fd_call((int)cb->fd, DAX_CALL_WRITE, 0, 0, 0);
	case IOCB_FSYNC:
	case IOCB_FSYNC + 1:
		return shim_fd_call((int)cb->fd, DAX_CALL_FSYNC, 0, 0, 0);
	default:
		return 0;
	}
}

/**
 * shim_io_submit() - io_submit(2)
 *
 * fs/aio.c submits one after the other, and answers how many; the first one's error if
 * there was none.
 *
 * Return: the number, or a negative errno.
 */
long shim_io_submit(unsigned long ctx, long nr, void *list)
{
	struct kernel_iocb cb;
	void *p;
	long i;

	for (i = 0; i < nr && i < IOV_MAX; i++) {
		int r = 0;

		if (shim_copy_in(&p, (char *)list + (size_t)i * sizeof(p), sizeof(p)) ==
			    0 &&
		    shim_copy_in(&cb, p, sizeof(cb)) == 0)
			r = iocb_verdict(&cb);
		if (r < 0 && i == 0)
			return r;
		if (r < 0)
			break;
	}
	return sys3(io_submit, ctx, i < nr ? i : nr, list);
}

/* libaio's: it answers the negative errno itself. */
int io_submit(void *ctx, long nr, void **list);

SHIM_EXPORT int io_submit(void *ctx, long nr, void **list)
{
	return (int)shim_io_submit((unsigned long)ctx, nr, list);
}

/* aio(7): a request that fails at once is one that has ended. */
static bool is_aio_refused(struct aiocb *cb, enum dax_call call)
{
	int r;

	if (likely(shim_fd_is_other(cb->aio_fildes)))
		return false;
	r = shim_fd_call(cb->aio_fildes, call, 0, 0, 0);
	if (r == 0)
		return false;
	cb->__error_code = -r;
	cb->__return_value = -1;
	if (cb->aio_sigevent.sigev_notify == SIGEV_SIGNAL)
		sigqueue((pid_t)sys0(getpid), cb->aio_sigevent.sigev_signo,
			 cb->aio_sigevent.sigev_value);
	return true;
}

SHIM_EXPORT int aio_read(struct aiocb *cb)
{
	return is_aio_refused(cb, DAX_CALL_READ) ? 0 : REAL(aio_read)(cb);
}

SHIM_EXPORT int aio_write(struct aiocb *cb)
{
	return is_aio_refused(cb, DAX_CALL_WRITE) ? 0 : REAL(aio_write)(cb);
}

SHIM_EXPORT int aio_read64(struct aiocb64 *cb)
{
	return is_aio_refused((struct aiocb *)(void *)cb, DAX_CALL_READ)
		       ? 0
		       : REAL(aio_read64)(cb);
}

SHIM_EXPORT int aio_write64(struct aiocb64 *cb)
{
	return is_aio_refused((struct aiocb *)(void *)cb, DAX_CALL_WRITE)
		       ? 0
		       : REAL(aio_write64)(cb);
}

/* -- numbers that may become a device's
 * -------------------------------------------------- */

SHIM_EXPORT int dup(int fd)
{
	int r = REAL(dup)(fd);

	shim_fd_copied(fd, r);
	return r;
}

SHIM_EXPORT int dup2(int fd, int to)
{
	int r = REAL(dup2)(fd, to);

	shim_fd_copied(fd, r);
	return r;
}

SHIM_EXPORT int dup3(int fd, int to, int flags)
{
	int r = REAL(dup3)(fd, to, flags);

	shim_fd_copied(fd, r);
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

/* The bit that says "ours" stays; a real node has none. */
SHIM_EXPORT int fchmod(int fd, mode_t mode)
{
	if (unlikely(!shim_fd_is_other(fd))) {
		struct shim_ident id = shim_ident_fd(fd);

		if (id.kind == SHIM_NODE && id.session->state->handles[id.slot].dev)
			mode |= S_ISVTX;
	}
	return REAL(fchmod)(fd, mode);
}

/* -- poll: an attribute that was not read yet has news ------------------------------------
 */

/*
 * fs/kernfs/file.c: kernfs_generic_poll(). A file of ours is always ready for the rest,
 * and never for that. Return: how many more of the descriptors have something to tell.
 */
static SHIM_COLD int add_news(struct pollfd *fds, nfds_t n)
{
	int more = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (fds[i].fd < 0 || !shim_attr_is_unread(fds[i].fd))
			continue;
		more += !fds[i].revents;
		fds[i].revents |= (short)(POLLERR | (fds[i].events & POLLPRI));
	}
	return more;
}

static SHIM_COLD bool has_news(const struct pollfd *fds, nfds_t n)
{
	struct pollfd one;
	nfds_t i;

	for (i = 0; i < n && i < NR_LOOK; i++)
		if (shim_copy_in(&one, fds + i, sizeof(one)) == 0 && one.fd >= 0 &&
		    shim_attr_is_unread(one.fd))
			return true;
	return false;
}

static SHIM_COLD int poll_news(struct pollfd *fds, nfds_t n)
{
	const struct timespec now = {0};
	long r = sys5(ppoll, fds, n, &now, NULL, 0);

	return (int)shim_ret(r < 0 ? r : r + add_news(fds, n));
}

SHIM_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (shim_attr_any_unread() && has_news(fds, n))
		return poll_news(fds, n);
	return REAL(poll)(fds, n, timeout);
}

SHIM_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		      const sigset_t *mask)
{
	if (shim_attr_any_unread() && has_news(fds, n))
		return poll_news(fds, n);
	return REAL(ppoll)(fds, n, timeout, mask);
}
