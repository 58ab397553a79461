/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refuse to pin memory without page structs (pages=no).
 *
 * Such memory can be copied to and from, but not pinned: calls that pin it fail with
 * EFAULT. The shim sees only calls through libc: neither io_uring nor another process
 * that accesses the memory of this one.
 */
#include "client/shim/wrap/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "libcore/vma_verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/wrap/wrap.h"

static bool is_pinnable(uint64_t addr, uint64_t len)
{
	bool is_refused;

	if (!len || !shim_maps_touch(addr, len) || !shim_lock())
		return true;
	is_refused = dax_pin_verdict(shim_vmas, addr, addr + len).error;
	shim_unlock();
	return !is_refused;
}

static bool are_pinnable(const struct iovec *iov, uint64_t n)
{
	struct iovec one;
	uint64_t i;

	/* Leave vectors that are bad for another reason to the kernel. */
	for (i = 0; i < n && n <= IOV_MAX; i++)
		if (shim_peek(&one, iov + i, sizeof(one)) == 0 &&
		    !is_pinnable((uint64_t)one.iov_base, one.iov_len))
			return false;
	return true;
}

/**
 * shim_pin_refused() - tell whether an I/O call needs memory that cannot be pinned
 * @fd:		any descriptor; only O_DIRECT files need pinned memory
 * @buf, @iov:	the buffer or the vectors; the other one is 0. The pointer may be bad
 * @n:		bytes of @buf, or number of vectors in @iov
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: true if it does, and the call must fail with EFAULT.
 */
bool shim_pin_refused(int fd, uintptr_t buf, const struct iovec *iov, uint64_t n)
{
	long flags = sys2(fcntl, fd, F_GETFL);

	if (flags < 0 || !(flags & O_DIRECT))
		return false;
	return buf ? !is_pinnable(buf, n) : iov && !are_pinnable(iov, n);
}

SHIM_EXPORT ssize_t vmsplice(int fd, const struct iovec *iov, size_t n,
			     unsigned int flags)
{
	if (unlikely(shim_maps_has_no_pages) && !are_pinnable(iov, n))
		return shim_ret(-EFAULT);
	return REAL(vmsplice)(fd, iov, n, flags);
}

/* The kernel pins the remote side and copies to or from the local one. */
#define PROCESS_VM(name)                                                                 \
	SHIM_EXPORT ssize_t name(pid_t pid, const struct iovec *local,                   \
				 unsigned long nr_local, const struct iovec *remote,     \
				 unsigned long nr_remote, unsigned long flags)           \
	{                                                                                \
		if (unlikely(shim_maps_has_no_pages) && pid == (pid_t)sys0(getpid) &&    \
		    !are_pinnable(remote, nr_remote))                                    \
			return shim_ret(-EFAULT);                                        \
		return REAL(name)(pid, local, nr_local, remote, nr_remote, flags);       \
	}

PROCESS_VM(process_vm_readv)
PROCESS_VM(process_vm_writev)
