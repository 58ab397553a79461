/* SPDX-License-Identifier: BSD-2-Clause */
/* Read and write the program's memory through pointers that may be bad. */
#include "client/shim/base/peek.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "client/shim/base/sys.h"

/*
 * Copies @n bytes from @from to @to with process_vm_readv(2) or process_vm_writev(2), number
 * @call. @theirs is the program's pointer, @ours the other one. A process that may not use
 * the call is trusted. Return: 0, or -EFAULT if any of the bytes is out of reach.
 */
static long copy(long call, void *to, const void *from, size_t n, const void *ours,
		 const void *theirs)
{
	struct iovec local = {.iov_base = (void *)(uintptr_t)ours, .iov_len = n};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)theirs, .iov_len = n};
	long r = sys_call6(call, sys0(getpid), (long)&local, 1, (long)&remote, 1, 0);

	if (r == -EFAULT || (r >= 0 && r < (long)n))
		return -EFAULT;
	if (r < 0)
		memcpy(to, from, n);
	return 0;
}

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
	return copy(SYS_process_vm_readv, to, from, n, to, from);
}

/**
 * shim_poke() - copy to the program's memory through a pointer that may be bad
 * @to:		the program's pointer
 * @from:	the bytes
 * @n:		their number
 *
 * If the process may not use process_vm_writev(2), the pointer is trusted.
 * Async-signal-safe.
 *
 * Return: 0, or -EFAULT if any of the bytes cannot be written.
 */
long shim_poke(void *to, const void *from, size_t n)
{
	return copy(SYS_process_vm_writev, to, from, n, from, to);
}
