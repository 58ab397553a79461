/* SPDX-License-Identifier: BSD-2-Clause */
/* Apply libcore's verdicts to calls on descriptors of devices and attributes. */
#include "client/shim/wrap/fd_call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "libcore/attrmode.h"
#include "libcore/state.h"
#include "libcore/verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/report.h"

/**
 * shim_fd_call_node() - decide whether a call on a device may go to the kernel
 * @id:		the node that @fd belongs to
 * @fd:		the descriptor
 * @call:	the call
 * @a, @b, @c:	its arguments, in the form that dax_fd_verdict() takes
 *
 * Async-signal-safe.
 *
 * Return: 0, or the negative errno with which it fails instead.
 */
int shim_fd_call_node(const struct shim_ident *id, int fd, enum dax_call call, int64_t a,
		      int64_t b, int64_t c)
{
	const struct shim_call reported = {call, {(uint64_t)a, (uint64_t)b, (uint64_t)c}};
	int accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
	struct dax_verdict v = dax_fd_verdict(dax_state_kernel(id->session->state), call,
					      accmode, a, b, c);

	shim_report(id->session, &reported, id->slot, &v, 0);
	return -v.error;
}

#define VECTORS_MAX 1024 /* UIO_MAXIOV */

/**
 * shim_fd_call_vector_error() - check a vector as the kernel does before it reads or writes
 * @iov:	the vector, which may be a bad pointer; NULL with @n 0: there is none
 * @n:		its length, as the program passed it
 *
 * lib/iov_iter.c: import_iovec(). Async-signal-safe.
 *
 * Return: an errno, or 0.
 */
int shim_fd_call_vector_error(const struct iovec *iov, uint64_t n)
{
	struct iovec v;
	uint64_t i;

	if (n > VECTORS_MAX)
		return EINVAL;
	for (i = 0; i < n; i++) {
		if (shim_peek(&v, iov + i, sizeof(v)) < 0)
			return EFAULT;
		if ((int64_t)v.iov_len < 0)
			return EINVAL;
	}
	return 0;
}

/* Reading an attribute reads its file, unless the mode of the file tells an errno. */
static int attr_call(const struct shim_ident *id, int fd, enum dax_call call)
{
	if (call != DAX_CALL_READ && call != DAX_CALL_PREAD)
		return 0;
	shim_ident_set_unread(fd, false);
	return -dax_attr_mode_read_error(id->mode);
}

/**
 * shim_fd_call() - decide whether a call on a descriptor may go to the kernel
 * @fd:		any descriptor
 * @call:	the call
 * @a, @b, @c:	its arguments, in the form that dax_fd_verdict() takes
 *
 * Async-signal-safe.
 *
 * Return: 0, or the negative errno with which it fails instead.
 */
int shim_fd_call(int fd, enum dax_call call, int64_t a, int64_t b, int64_t c)
{
	struct shim_ident id = shim_ident_fd(fd);

	switch (id.kind) {
	case SHIM_NODE:
		return shim_fd_call_node(&id, fd, call, a, b, c);
	case SHIM_ATTR:
		return attr_call(&id, fd, call);
	case SHIM_OWN:
		return -EBADF;
	case SHIM_OTHER:
	default:
		return 0;
	}
}

/**
 * shim_fd_call_fadvise() - do what posix_fadvise(3) does
 * @fd:				any descriptor
 * @off, @len, @advice:		its arguments
 *
 * Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
int shim_fd_call_fadvise(int fd, int64_t off, int64_t len, int advice)
{
	if (unlikely(!shim_ident_is_other(fd))) {
		const struct shim_ident id = shim_ident_fd(fd);

		if (id.kind == SHIM_NODE)
			return shim_fd_call_node(&id, fd, DAX_CALL_FADVISE, advice, off,
						 len);
		if (id.kind == SHIM_OWN)
			return -EBADF;
	}
	return (int)sys4(fadvise64, fd, off, len, advice);
}
