/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap asynchronous I/O: refuse what the device refuses before it is queued. */
#include "client/shim/wrap/aio.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/reason.h"
#include "libcore/verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/wrap/fd_call.h"
#include "client/shim/wrap/wrap.h"

/* struct iocb, as in linux/aio_abi.h and libaio.h, which may not be installed. */
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

static int iocb_verdict(const struct kernel_iocb *cb)
{
	enum dax_call call = dax_iocb_call(cb->opcode);

	if (likely(shim_ident_is_other((int)cb->fd)) || call == DAX_CALL_NR)
		return 0;
	return shim_fd_call((int)cb->fd, call, 0, 0, 0);
}

/**
 * shim_aio_submit() - do what io_submit(2) does
 * @ctx, @nr, @list:	io_submit's arguments
 *
 * The kernel submits the iocbs in order and stops at the first error. It returns that
 * error only if it is the first iocb's, else the number submitted before (fs/aio.c).
 * Async-signal-safe.
 *
 * Return: how many iocbs were submitted, or a negative errno.
 */
long shim_aio_submit(unsigned long ctx, long nr, void *list)
{
	struct kernel_iocb cb;
	void *p;
	long i;

	for (i = 0; i < nr && i < IOV_MAX; i++) {
		int r = 0;

		if (shim_peek(&p, (char *)list + (size_t)i * sizeof(p), sizeof(p)) == 0 &&
		    shim_peek(&cb, p, sizeof(cb)) == 0)
			r = iocb_verdict(&cb);
		if (r < 0 && i == 0)
			return r;
		if (r < 0)
			break;
	}
	return sys3(io_submit, ctx, i < nr ? i : nr, list);
}

/* libaio's function: it returns the negative errno itself. */
int io_submit(void *ctx, long nr, void **list);

SHIM_EXPORT int io_submit(void *ctx, long nr, void **list)
{
	return (int)shim_aio_submit((unsigned long)ctx, nr, list);
}

/*
 * Completes an aiocb at once, with an error, if the device refuses the call (aio(7)).
 * Return: true if it did.
 */
static bool is_aio_refused(struct aiocb *cb, enum dax_call call)
{
	int r;

	if (likely(shim_ident_is_other(cb->aio_fildes)))
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

/* An operation that is none is EINVAL in libc. */
SHIM_EXPORT int aio_fsync(int op, struct aiocb *cb)
{
	return (op == O_SYNC || op == O_DSYNC) && is_aio_refused(cb, DAX_CALL_FSYNC)
		       ? 0
		       : REAL(aio_fsync)(op, cb);
}

SHIM_EXPORT int aio_fsync64(int op, struct aiocb64 *cb)
{
	return (op == O_SYNC || op == O_DSYNC) &&
			       is_aio_refused((struct aiocb *)(void *)cb, DAX_CALL_FSYNC)
		       ? 0
		       : REAL(aio_fsync64)(op, cb);
}

/* More requests than these, of which a device refuses one, are left to the handle. */
#define LIST_MAX 256

/*
 * Completes the requests of a list that a device refuses. @rest: receives the list
 * without them. Return: how many it refused.
 */
static int refuse_list(struct aiocb *const list[], int n, struct aiocb *rest[LIST_MAX])
{
	int refused = 0;
	int i;

	for (i = 0; i < n; i++) {
		struct aiocb *cb = list[i];
		bool is_read = cb && cb->aio_lio_opcode == LIO_READ;
		bool is_write = cb && cb->aio_lio_opcode == LIO_WRITE;

		rest[i] = cb;
		if ((is_read || is_write) &&
		    is_aio_refused(cb, is_read ? DAX_CALL_READ : DAX_CALL_WRITE)) {
			rest[i] = NULL;
			refused++;
		}
	}
	return refused;
}

/* With LIO_WAIT, one request that fails makes the call fail with EIO (lio_listio(3)). */
#define LIO_LISTIO(name, type)                                                           \
	static SHIM_COLD int name##_few(int mode, type *const list[], int n,             \
					struct sigevent *sig)                            \
	{                                                                                \
		struct aiocb *rest[LIST_MAX];                                            \
		int refused = refuse_list((struct aiocb *const *)list, n, rest);         \
		int r = REAL(name)(mode, (type *const *)rest, n, sig);                   \
                                                                                         \
		return r == 0 && refused && mode == LIO_WAIT ? (int)shim_ret(-EIO) : r;  \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name(int mode, type *const list[], int n, struct sigevent *sig)  \
	{                                                                                \
		if (n > LIST_MAX || (mode != LIO_WAIT && mode != LIO_NOWAIT))            \
			return REAL(name)(mode, list, n, sig);                           \
		return name##_few(mode, list, n, sig);                                   \
	}

LIO_LISTIO(lio_listio, struct aiocb)
LIO_LISTIO(lio_listio64, struct aiocb64)

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
