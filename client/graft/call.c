/* SPDX-License-Identifier: BSD-2-Clause */
/* Read and write the memory of the program through pointers that may be bad. */
#include "client/graft/call.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "client/shim/base/compiler.h"

/* True if the kernel kills the program for the system calls that check pointers. */
static bool is_trusting;

static long copy(long call, void *ours, void *theirs, size_t n)
{
	struct iovec local = {.iov_base = ours, .iov_len = n};
	struct iovec remote = {.iov_base = theirs, .iov_len = n};

	return sys_call6(call, sys0(getpid), (long)&local, 1, (long)&remote, 1, 0) ==
			       (long)n
		       ? 0
		       : -EFAULT;
}

/**
 * graft_call_trust() - check no pointer from now on
 *
 * Called when the program has installed a seccomp filter that kills it for
 * process_vm_readv(2).
 */
void graft_call_trust(void)
{
	is_trusting = true;
}

/**
 * graft_call_read() - copy from the program's memory
 * @to:		receives the bytes
 * @from:	the program's pointer
 * @n:		number of bytes
 *
 * Return: 0 or -EFAULT.
 */
long graft_call_read(void *to, const void *from, size_t n)
{
	if (likely(!is_trusting))
		return copy(SYS_process_vm_readv, to, (void *)(uintptr_t)from, n);
	memcpy(to, from, n);
	return 0;
}

/**
 * graft_call_write() - copy to the program's memory
 * @to:		the program's pointer
 * @from:	the bytes
 * @n:		their number
 *
 * Return: 0 or -EFAULT.
 */
long graft_call_write(void *to, const void *from, size_t n)
{
	if (likely(!is_trusting))
		return copy(SYS_process_vm_writev, (void *)(uintptr_t)from, to, n);
	memcpy(to, from, n);
	return 0;
}
