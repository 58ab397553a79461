/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions on memory: pass on calls that concern no dax mapping. */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "libcore/reason.h"
#include "libcore/verdict.h"
#include "libcore/vma_verdict.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/real.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/lockdown.h"
#include "client/shim/memory/madvise.h"
#include "client/shim/memory/mmap.h"
#include "client/shim/memory/mremap.h"
#include "client/shim/memory/ranges.h"
#include "client/shim/memory/refresh.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/mark.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

static inline bool touches(const void *addr, size_t len)
{
	return unlikely(shim_maps_touch((uintptr_t)addr, len));
}

static inline void *as_pointer(long r)
{
	return (void *)shim_ret(r); /* MAP_FAILED is -1 */
}

/*
 * Does what mmap of a descriptor does if that is a device's or an attribute's. The
 * descriptor is always identified anew, whatever ident.c knows about its number: the
 * program must never map the wrong file. Return: false if the descriptor is of another
 * file.
 */
static bool is_mmap_ours(struct dax_mmap_request *req, int fd, long *ret)
{
	struct shim_ident id;

	req->accmode = -1;
	if (!shim_mark_find(fd, &id, &req->accmode))
		id = shim_ident_fd(fd);
	if (likely(id.kind == SHIM_OTHER))
		return false;
	*ret = id.kind == SHIM_OWN    ? -EBADF
	       : id.kind == SHIM_ATTR ? shim_mmap_attr(req, fd, &id)
				      : shim_mmap(req, fd, &id);
	return true;
}

#define MMAP(name, off_type)                                                             \
	SHIM_EXPORT void *name(void *addr, size_t len, int prot, int flags, int fd,      \
			       off_type off)                                             \
	{                                                                                \
		if (fd >= 0 && !(flags & MAP_ANONYMOUS)) {                               \
			struct dax_mmap_request req = {.addr = (uintptr_t)addr,          \
						       .len = len,                       \
						       .off = (uint64_t)off,             \
						       .prot = prot,                     \
						       .flags = flags};                  \
			long r;                                                          \
                                                                                         \
			if (unlikely(is_mmap_ours(&req, fd, &r)))                        \
				return as_pointer(r);                                    \
		}                                                                        \
		if (unlikely(flags & MAP_FIXED) && touches(addr, len))                   \
			return as_pointer(shim_mmap_other((uintptr_t)addr, len, prot,    \
							  flags, fd, (uint64_t)off));    \
		addr = REAL(name)(addr, len, prot, flags, fd, off);                      \
		if (addr != MAP_FAILED && touches(addr, len))                            \
			shim_maps_replaced((uintptr_t)addr, len);                        \
		return addr;                                                             \
	}

MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* Attaches a segment in the place of dax mappings. Return: false if there are none. */
static SHIM_COLD bool is_shmat_ours(int id, const void *addr, int flags, long *ret)
{
	uint64_t at = (uintptr_t)addr;
	struct shmid_ds segment;

	/* The kernel checks the same right for both calls. */
	if (sys3(shmctl, id, IPC_STAT, &segment) < 0)
		return false;
	if (flags & SHM_RND)
		at = dax_round_down(at, DAX_PAGE);
	if (at % DAX_PAGE || !shim_maps_touch(at, segment.shm_segsz))
		return false;
	*ret = shim_mmap_shm(id, at, segment.shm_segsz, flags);
	return true;
}

SHIM_EXPORT void *shmat(int id, const void *addr, int flags)
{
	long r;

	if (unlikely(flags & SHM_REMAP) && touches(NULL, SIZE_MAX) &&
	    is_shmat_ours(id, addr, flags, &r))
		return as_pointer(r);
	return REAL(shmat)(id, addr, flags);
}

SHIM_EXPORT int munmap(void *addr, size_t len)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_munmap((uintptr_t)addr, len));
	return REAL(munmap)(addr, len);
}

SHIM_EXPORT void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr = NULL;
	va_list ap;

	if (flags & (MREMAP_FIXED | 4 /* MREMAP_DONTUNMAP */)) {
		va_start(ap, flags);
		new_addr = va_arg(ap, void *);
		va_end(ap);
	}
	if (touches(addr, old_len ? old_len : 1) ||
	    (flags & MREMAP_FIXED && touches(new_addr, new_len)))
		return as_pointer(shim_mremap((uintptr_t)addr, old_len, new_len, flags,
					      (uintptr_t)new_addr));
	return REAL(mremap)(addr, old_len, new_len, flags, new_addr);
}

SHIM_EXPORT int mprotect(void *addr, size_t len, int prot)
{
	if (touches(addr, len))
		return (int)shim_ret(
			shim_ranges_mprotect((uintptr_t)addr, len, prot, -1));
	return REAL(mprotect)(addr, len, prot);
}

SHIM_EXPORT int pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	if (touches(addr, len))
		return (int)shim_ret(
			shim_ranges_mprotect((uintptr_t)addr, len, prot, pkey));
	return REAL(pkey_mprotect)(addr, len, prot, pkey);
}

SHIM_EXPORT int mseal(void *addr, size_t len, unsigned long flags)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_mseal((uintptr_t)addr, len, flags));
	return (int)shim_ret(sys3(mseal, addr, len, flags));
}

SHIM_EXPORT int madvise(void *addr, size_t len, int advice)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_madvise((uintptr_t)addr, len, advice));
	if (unlikely(advice >= MADV_GUARD_INSTALL) &&
	    !dax_kernel_has(shim_session_kernel(), DAX_RULE_GUARD))
		return (int)shim_ret(-EINVAL);
	return REAL(madvise)(addr, len, advice);
}

/*
 * Returns the error itself. POSIX_MADV_DONTNEED does nothing
 * (sysdeps/unix/sysv/linux/posix_madvise.c).
 */
SHIM_EXPORT int posix_madvise(void *addr, size_t len, int advice)
{
	if (touches(addr, len) && advice != POSIX_MADV_DONTNEED)
		return (int)-shim_madvise((uintptr_t)addr, len, advice);
	return REAL(posix_madvise)(addr, len, advice);
}

#ifndef UIO_MAXIOV
#define UIO_MAXIOV 1024
#endif

/* The vectors of a call count no more than this (lib/iov_iter.c: __import_iovec()). */
#define MAX_RW_COUNT (INT_MAX & -4096L)

/* How many vectors are checked at most. */
#define IOV_LOOK 64

/*
 * True if any of the vectors, whose pointer may be bad, concerns a dax mapping, or if
 * there are too many to check. @ret_at: receives the first that does. @ret_all: receives
 * the length of all vectors if all do, else 0.
 */
static SHIM_COLD bool iov_touches(const struct iovec *iov, size_t n, uint64_t ret_at[2],
				  size_t *ret_all)
{
	struct iovec v;
	size_t ours = 0;
	size_t all = 0;
	size_t i;

	if (n > IOV_LOOK)
		return true;
	for (i = 0; i < n && shim_peek(&v, iov + i, sizeof(v)) == 0; i++) {
		if (!shim_maps_overlap((uintptr_t)v.iov_base, v.iov_len))
			continue;
		if (!ours++) {
			ret_at[0] = (uintptr_t)v.iov_base;
			ret_at[1] = v.iov_len;
		}
		all += v.iov_len;
	}
	*ret_all = ours == n ? all : 0;
	return ours;
}

/*
 * Does what process_madvise(2) of the process itself does: madvise(2) of one range after
 * the other (mm/madvise.c: vector_madvise()). Return: the bytes that were advised before
 * the first that is refused; its negative errno if there are none.
 */
static long advise_vector(const struct iovec *iov, size_t n, int advice)
{
	struct iovec v;
	long done = 0;
	size_t i;
	long r = 0;

	for (i = 0; i < n; i++) {
		if (shim_peek(&v, iov + i, sizeof(v)) < 0)
			return done ? done : -EFAULT;
		r = shim_madvise((uintptr_t)v.iov_base, v.iov_len, advice);
		if (r < 0)
			break;
		done += (long)v.iov_len;
	}
	return !done ? r : done < MAX_RW_COUNT ? done : MAX_RW_COUNT;
}

SHIM_EXPORT ssize_t process_madvise(int pidfd, const struct iovec *iov, size_t n,
				    int advice, unsigned int flags)
{
	struct shim_call call = {DAX_CALL_PROCESS_MADVISE, {0, 0, (uint64_t)advice}};
	const enum dax_kernel kernel = shim_session_kernel();
	struct dax_verdict v;
	bool is_self;
	size_t all = 0;
	long r;

	if (unlikely(pidfd <= SHIM_PIDFD_SELF_LAST) &&
	    !dax_kernel_has(kernel, DAX_RULE_PIDFD_SELF))
		return shim_ret(-EBADF);
	if (!touches(NULL, SIZE_MAX) || !iov_touches(iov, n, call.args, &all))
		return shim_ret(sys5(process_madvise, pidfd, iov, n, advice, flags));
	is_self = shim_self_is_pidfd(pidfd);
	/*
	 * An error of the descriptor comes first: let the kernel check it. One before 6.4 also
	 * asks for CAP_SYS_NICE, which is up to the verdict, and one before 6.14 does not
	 * know PIDFD_SELF.
	 */
	r = sys5(process_madvise, pidfd, iov, 0, MADV_WILLNEED, flags);
	if (r < 0 && !(is_self && (r == -EPERM || r == -EBADF)))
		return shim_ret(r);
	v = dax_process_madvise_verdict(kernel, advice, is_self,
					shim_self_has_capability(CAP_SYS_NICE));
	shim_report_range(&call, &v);
	if (v.error)
		return shim_ret(-v.error);
	if (is_self && n <= UIO_MAXIOV && dax_kernel_has(kernel, DAX_RULE_ADVISES_SELF))
		return shim_ret(advise_vector(iov, n, advice));
	r = sys5(process_madvise, pidfd, iov, n, advice, flags);
	/* hugetlbfs accepts less advice than a device does, an older kernel of fewer users. */
	return shim_ret((r == -EINVAL || (r == -EPERM && is_self)) && all ? (long)all
									  : r);
}

SHIM_EXPORT int msync(void *addr, size_t len, int flags)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_msync((uintptr_t)addr, len, flags));
	return REAL(msync)(addr, len, flags);
}

SHIM_EXPORT int mlock(const void *addr, size_t len)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_mlock((uintptr_t)addr, len, 0));
	return REAL(mlock)(addr, len);
}

SHIM_EXPORT int mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_mlock((uintptr_t)addr, len, (int)flags));
	return REAL(mlock2)(addr, len, flags);
}

SHIM_EXPORT int remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
				 int flags)
{
	if (touches(addr, len))
		return (int)shim_ret(
			shim_mremap_file_pages((uintptr_t)addr, len, prot, pgoff, flags));
	return REAL(remap_file_pages)(addr, len, prot, pgoff, flags);
}

SHIM_EXPORT int mincore(void *addr, size_t len, unsigned char *vec)
{
	if (touches(addr, len))
		return (int)shim_ret(shim_ranges_mincore((uintptr_t)addr, len, vec));
	return REAL(mincore)(addr, len, vec);
}

/* PR_THP_DISABLE_EXCEPT_ADVISED of Linux 6.18 */
#define THP_EXCEPT_ADVISED 2UL

/* PR_SET_MDWE to PR_GET_MEMORY_MERGE */
#define FIRST_MM_OPTION 65
#define LAST_MM_OPTION  68

SHIM_EXPORT int prctl(int option, ...)
{
	unsigned long x[4];
	va_list ap;
	int r;
	int i;

	va_start(ap, option);
	for (i = 0; i < 4; i++)
		x[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (unlikely(option == PR_SET_SECCOMP))
		shim_lockdown_prepare();
	if (unlikely(option == PR_SET_THP_DISABLE) && x[1] && shim_session() &&
	    !dax_kernel_has(shim_session_kernel(), DAX_RULE_THP_EXCEPT_ADVISED))
		return (int)shim_ret(-EINVAL);
	if (unlikely(option >= FIRST_MM_OPTION && option <= LAST_MM_OPTION) &&
	    shim_session() && !dax_kernel_has(shim_session_kernel(), DAX_RULE_PRCTL_MM))
		return (int)shim_ret(-EINVAL);
	r = REAL(prctl)(option, x[0], x[1], x[2], x[3]);
	if (r == 0 && unlikely(option == PR_SET_SECCOMP) && x[0] == SECCOMP_MODE_FILTER)
		shim_lockdown_filter_installed((const void *)x[1]);
	/* A device's mappings are advised (drivers/dax/device.c: VM_HUGEPAGE). */
	if (r == 0 && unlikely(option == PR_SET_THP_DISABLE))
		shim_refresh_set_thp_disabled(x[0] && !(x[1] & THP_EXCEPT_ADVISED));
	return r;
}

SHIM_EXPORT long mbind(void *addr, unsigned long len, int mode, const unsigned long *mask,
		       unsigned long nr, unsigned int flags)
{
	const uint64_t args[] = {(uint64_t)mode, (uintptr_t)mask, nr, flags};

	if (touches(addr, len))
		return shim_ret(shim_ranges_mbind((uintptr_t)addr, len, args));
	return shim_ret(sys6(mbind, addr, len, mode, mask, nr, flags));
}
