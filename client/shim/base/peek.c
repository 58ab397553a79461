/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the program's memory where a pointer may be bad. */
#include "client/shim/base/peek.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "client/shim/base/sys.h"

/**
 * shim_peek() - copy from the program's memory, where the pointer may be bad
 * @to:		receives the bytes
 * @from:	where the program says that they are
 * @n:		how many
 *
 * Where the process may not read itself this way (process_vm_readv(2) is forbidden),
 * the pointer is trusted. Async-signal-safe.
 *
 * Return: 0, or -EFAULT if not all of it can be read.
 */
long shim_peek(void *to, const void *from, size_t n)
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
