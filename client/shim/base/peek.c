/* SPDX-License-Identifier: BSD-2-Clause */
/* Read the program's memory through pointers that may be bad. */
#include "client/shim/base/peek.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "client/shim/base/sys.h"

/**
 * shim_peek() - copy from the program's memory through a pointer that may be bad
 * @to:		receives the bytes
 * @from:	the program's pointer
 * @n:		number of bytes
 *
 * If the process may not use process_vm_readv(2), the pointer is trusted.
 * Async-signal-safe.
 *
 * Return: 0, or -EFAULT if any of the bytes cannot be read.
 */
long shim_peek(void *to, const void *from, size_t n)
{
	struct iovec local = {.iov_base = to, .iov_len = n};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};
	long r = sys6(process_vm_readv, sys0(getpid), &local, 1, &remote, 1, 0);

	if (r == -EFAULT || (r >= 0 && r < (long)n))
		return -EFAULT;
	if (r < 0) /* process_vm_readv() is forbidden: trust the program */
		memcpy(to, from, n);
	return 0;
}
