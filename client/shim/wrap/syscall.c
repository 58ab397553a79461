/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap syscall(2), with which programs make system calls by number through libc.
 *
 * Most numbers do not concern the shim, and some (vfork, clone) must not have a frame of
 * the shim on the stack. So the entry is assembly: it looks the number up in a bitmap. If
 * it is not there, it makes the call itself, as libc does; else it calls the wrapper.
 */
#include "client/shim/wrap/syscall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/maps.h"
#include "client/shim/memory/lockdown.h"
#include "client/shim/wrap/aio.h"
#include "client/shim/wrap/change.h"
#include "client/shim/wrap/fd_call.h"
#include "client/shim/wrap/open.h"
#include "client/shim/wrap/raw_call.h"
#include "client/shim/wrap/signal.h"
#include "client/shim/wrap/wrap.h"

/*
 * The kernel sets the status of device memory, which has no movable pages, to ENOENT, or
 * to EFAULT if it cannot be accessed (mm/migrate.c).
 */
static long do_move_pages(int pid, unsigned long n, void *const *pages, const int *nodes,
			  int *status, int flags)
{
	long r = sys6(move_pages, pid, n, pages, nodes, status, flags);
	unsigned long i;
	void *page;

	if (sys_is_error(r) || !shim_maps_touch(0, UINT64_MAX) ||
	    (pid && pid != (int)sys0(getpid)))
		return shim_ret(r);
	for (i = 0; i < n && shim_peek(&page, pages + i, sizeof(page)) == 0; i++)
		if (shim_maps_overlap((uintptr_t)page, 1) && status[i] != -EFAULT)
			status[i] = -ENOENT;
	return r;
}

/* libc's utimensat() refuses a NULL path, with which futimens(3) makes the call. */
static long do_utimensat(int dirfd, const char *path, const struct timespec *times,
			 int flags)
{
	if (!path)
		return shim_ret(sys4(utimensat, dirfd, path, times, flags));
	return utimensat(dirfd, path, times, flags);
}

static long do_getcwd(char *buf, size_t size)
{
	return getcwd(buf, size) ? (long)strlen(buf) + 1 : -1;
}

static long do_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return shim_raw_is_bad_null(path) ? shim_ret(-EFAULT)
					  : fstatat(dirfd, path, st, flags);
}

static long do_statx(int dirfd, const char *path, int flags, unsigned int mask,
		     struct statx *stx)
{
	return shim_raw_is_bad_null(path) ? shim_ret(-EFAULT)
					  : statx(dirfd, path, flags, mask, stx);
}

/* The new descriptor may be that of a device. */
static long do_pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	long r = shim_ret(sys3(pidfd_getfd, pidfd, fd, flags));

	shim_ident_forget((int)r);
	return r;
}

static long do_seccomp(unsigned int op, unsigned int flags, void *args)
{
	long r;

	if (op == SECCOMP_SET_MODE_FILTER)
		shim_lockdown_prepare();
	r = shim_ret(sys3(seccomp, op, flags, args));
	if (r >= 0 && op == SECCOMP_SET_MODE_FILTER)
		shim_lockdown_filter_installed(args);
	return r;
}

/*
 * CALL(name, expression): the expression that carries out the system call `name`. Its
 * arguments are a to f; P(x), I(x) and U(x) cast them to pointer, int and unsigned int.
 */
#define P(x) ((void *)(x))
#define I(x) ((int)(x))
#define U(x) ((unsigned int)(x))
#define BY_PATH(name)                                                                    \
	CALL(name, shim_ret(shim_raw_path(SYS_##name, (const long[6]){a, b, c, d, e, f})))
/* Calls that only some of the emulated kernels have, but which concern no device. */
#define LATE(name) CALL(name, shim_ret(sys6(name, a, b, c, d, e, f)))
#define CALLS                                                                            \
	CALL(read, read(I(a), P(b), (size_t)c))                                          \
	CALL(write, write(I(a), P(b), (size_t)c))                                        \
	CALL(readv, readv(I(a), P(b), I(c)))                                             \
	CALL(writev, writev(I(a), P(b), I(c)))                                           \
	CALL(pread64, pread(I(a), P(b), (size_t)c, d))                                   \
	CALL(pwrite64, pwrite(I(a), P(b), (size_t)c, d))                                 \
	CALL(preadv, preadv(I(a), P(b), I(c), d))                                        \
	CALL(pwritev, pwritev(I(a), P(b), I(c), d))                                      \
	CALL(preadv2, preadv2(I(a), P(b), I(c), d, I(f)))                                \
	CALL(pwritev2, pwritev2(I(a), P(b), I(c), d, I(f)))                              \
	CALL(lseek, lseek(I(a), b, I(c)))                                                \
	CALL(ftruncate, ftruncate(I(a), b))                                              \
	CALL(truncate, truncate(P(a), b))                                                \
	CALL(fallocate, fallocate(I(a), I(b), c, d))                                     \
	CALL(fsync, fsync(I(a)))                                                         \
	CALL(fdatasync, fdatasync(I(a)))                                                 \
	CALL(sync_file_range, sync_file_range(I(a), b, c, U(d)))                         \
	CALL(readahead, readahead(I(a), b, (size_t)c))                                   \
	CALL(fadvise64, shim_ret(shim_fd_call_fadvise(I(a), b, c, I(d))))                \
	CALL(ioctl, ioctl(I(a), (unsigned long)b, P(c)))                                 \
	CALL(fcntl, fcntl(I(a), I(b), P(c)))                                             \
	CALL(flock, flock(I(a), I(b)))                                                   \
	CALL(sendfile, sendfile(I(a), I(b), P(c), (size_t)d))                            \
	CALL(splice, splice(I(a), P(b), I(c), P(d), (size_t)e, U(f)))                    \
	CALL(vmsplice, vmsplice(I(a), P(b), (size_t)c, U(d)))                            \
	CALL(process_vm_readv,                                                           \
	     process_vm_readv(I(a), P(b), (size_t)c, P(d), (size_t)e, (size_t)f))        \
	CALL(process_vm_writev,                                                          \
	     process_vm_writev(I(a), P(b), (size_t)c, P(d), (size_t)e, (size_t)f))       \
	CALL(tee, tee(I(a), I(b), (size_t)c, U(d)))                                      \
	CALL(copy_file_range, copy_file_range(I(a), P(b), I(c), P(d), (size_t)e, U(f)))  \
	CALL(close, close(I(a)))                                                         \
	CALL(dup, dup(I(a)))                                                             \
	CALL(dup3, dup3(I(a), I(b), I(c)))                                               \
	CALL(recvmsg, recvmsg(I(a), P(b), I(c)))                                         \
	CALL(recvmmsg, recvmmsg(I(a), P(b), U(c), I(d), P(e)))                           \
	CALL(pidfd_getfd, do_pidfd_getfd(I(a), I(b), U(c)))                              \
	CALL(openat, shim_open(I(a), P(b), I(c), (mode_t)d))                             \
	CALL(openat2, shim_ret(shim_open_how(I(a), P(b), P(c), (size_t)d)))              \
	CALL(newfstatat, do_fstatat(I(a), P(b), P(c), I(d)))                             \
	CALL(fstat, fstat(I(a), P(b)))                                                   \
	CALL(statx, do_statx(I(a), P(b), I(c), U(d), P(e)))                              \
	CALL(statfs, statfs(P(a), P(b)))                                                 \
	CALL(fstatfs, fstatfs(I(a), P(b)))                                               \
	CALL(faccessat, faccessat(I(a), P(b), I(c), 0))                                  \
	CALL(faccessat2, faccessat(I(a), P(b), I(c), I(d)))                              \
	CALL(readlinkat, readlinkat(I(a), P(b), P(c), (size_t)d))                        \
	CALL(getcwd, do_getcwd(P(a), (size_t)b))                                         \
	CALL(chdir, chdir(P(a)))                                                         \
	CALL(fchmod, fchmod(I(a), (mode_t)b))                                            \
	CALL(fchmodat, fchmodat(I(a), P(b), (mode_t)c, 0))                               \
	CALL(fchmodat2, shim_ret(shim_change_mode(I(a), P(b), (mode_t)c, U(d))))         \
	CALL(name_to_handle_at, name_to_handle_at(I(a), P(b), P(c), P(d), I(e)))         \
	CALL(open_by_handle_at, open_by_handle_at(I(a), P(b), I(c)))                     \
	CALL(socket, socket(I(a), I(b), I(c)))                                           \
	CALL(getsockname, getsockname(I(a), P(b), P(c)))                                 \
	CALL(getsockopt, getsockopt(I(a), I(b), I(c), P(d), P(e)))                       \
	CALL(setsockopt, setsockopt(I(a), I(b), I(c), P(d), U(e)))                       \
	CALL(recvfrom, recvfrom(I(a), P(b), (size_t)c, I(d), P(e), P(f)))                \
	CALL(bind, bind(I(a), P(b), U(c)))                                               \
	CALL(connect, connect(I(a), P(b), U(c)))                                         \
	CALL(fchownat, fchownat(I(a), P(b), (uid_t)c, (gid_t)d, I(e)))                   \
	CALL(unlinkat, unlinkat(I(a), P(b), I(c)))                                       \
	CALL(mkdirat, mkdirat(I(a), P(b), (mode_t)c))                                    \
	CALL(mknodat, mknodat(I(a), P(b), (mode_t)c, (dev_t)d))                          \
	CALL(renameat2, renameat2(I(a), P(b), I(c), P(d), U(e)))                         \
	CALL(linkat, linkat(I(a), P(b), I(c), P(d), I(e)))                               \
	CALL(symlinkat, symlinkat(P(a), I(b), P(c)))                                     \
	CALL(mmap, (long)mmap(P(a), (size_t)b, I(c), I(d), I(e), f))                     \
	CALL(shmat, (long)shmat(I(a), P(b), I(c)))                                       \
	CALL(munmap, munmap(P(a), (size_t)b))                                            \
	CALL(mremap, (long)mremap(P(a), (size_t)b, (size_t)c, I(d), P(e)))               \
	CALL(mprotect, mprotect(P(a), (size_t)b, I(c)))                                  \
	CALL(pkey_mprotect, pkey_mprotect(P(a), (size_t)b, I(c), I(d)))                  \
	CALL(mseal, mseal(P(a), (size_t)b, (unsigned long)c))                            \
	CALL(madvise, madvise(P(a), (size_t)b, I(c)))                                    \
	CALL(getdents64, getdents64(I(a), P(b), (size_t)c))                              \
	CALL(process_madvise, process_madvise(I(a), P(b), (size_t)c, I(d), U(e)))        \
	CALL(move_pages, do_move_pages(I(a), (unsigned long)b, P(c), P(d), P(e), I(f)))  \
	CALL(msync, msync(P(a), (size_t)b, I(c)))                                        \
	CALL(mlock, mlock(P(a), (size_t)b))                                              \
	CALL(mlock2, mlock2(P(a), (size_t)b, U(c)))                                      \
	CALL(mbind, mbind(P(a), (unsigned long)b, I(c), P(d), (unsigned long)e, U(f)))   \
	CALL(mincore, mincore(P(a), (size_t)b, P(c)))                                    \
	CALL(rt_sigaction, shim_ret(shim_signal_rt_action(I(a), P(b), P(c), (size_t)d))) \
	CALL(seccomp, do_seccomp(U(a), U(b), P(c)))                                      \
	CALL(unshare, unshare(I(a)))                                                     \
	CALL(setns, setns(I(a), I(b)))                                                   \
	CALL(chroot, chroot(P(a)))                                                       \
	CALL(pivot_root, pivot_root(P(a), P(b)))                                         \
	CALL(prctl, prctl(I(a), b, c, d, e))                                             \
	CALL(io_submit, shim_ret(shim_aio_submit((unsigned long)a, b, P(c))))            \
	CALL(setxattr, setxattr(P(a), P(b), P(c), (size_t)d, I(e)))                      \
	CALL(lsetxattr, lsetxattr(P(a), P(b), P(c), (size_t)d, I(e)))                    \
	CALL(fsetxattr, fsetxattr(I(a), P(b), P(c), (size_t)d, I(e)))                    \
	CALL(getxattr, getxattr(P(a), P(b), P(c), (size_t)d))                            \
	CALL(lgetxattr, lgetxattr(P(a), P(b), P(c), (size_t)d))                          \
	CALL(fgetxattr, fgetxattr(I(a), P(b), P(c), (size_t)d))                          \
	CALL(listxattr, listxattr(P(a), P(b), (size_t)c))                                \
	CALL(llistxattr, llistxattr(P(a), P(b), (size_t)c))                              \
	CALL(utimensat, do_utimensat(I(a), P(b), P(c), I(d)))                            \
	CALL(execve, execve(P(a), P(b), P(c)))                                           \
	CALL(execveat, execveat(I(a), P(b), P(c), P(d), I(e)))                           \
	BY_PATH(setxattrat)                                                              \
	BY_PATH(getxattrat)                                                              \
	BY_PATH(listxattrat)                                                             \
	BY_PATH(removexattrat)                                                           \
	BY_PATH(open_tree)                                                               \
	BY_PATH(open_tree_attr)                                                          \
	CALL(mount, mount(P(a), P(b), P(c), (unsigned long)d, P(e)))                     \
	BY_PATH(mount_setattr)                                                           \
	BY_PATH(file_getattr)                                                            \
	BY_PATH(file_setattr)                                                            \
	CALL(move_mount,                                                                 \
	     shim_ret(shim_raw_move_mount((const long[6]){a, b, c, d, e, f})))           \
	CALL(cachestat, shim_ret(shim_raw_cachestat(I(a), P(b), P(c), U(d))))            \
	LATE(map_shadow_stack)                                                           \
	LATE(futex_wake)                                                                 \
	LATE(futex_wait)                                                                 \
	LATE(futex_requeue)                                                              \
	LATE(statmount)                                                                  \
	LATE(listmount)                                                                  \
	LATE(lsm_get_self_attr)                                                          \
	LATE(lsm_set_self_attr)                                                          \
	LATE(lsm_list_modules)                                                           \
	LATE(listns)                                                                     \
	LATE(rseq_slice_yield)                                                           \
	LATE(fchroot)                                                                    \
	CALL(remap_file_pages, remap_file_pages(P(a), (size_t)b, I(c), (size_t)d, I(e)))

/* Calls that only older architectures have. */
#ifdef __x86_64__
#define OLD_CALLS                                                                        \
	CALL(poll, poll(P(a), (nfds_t)b, I(c)))                                          \
	CALL(open, shim_open(AT_FDCWD, P(a), I(b), (mode_t)c))                           \
	CALL(creat, creat(P(a), (mode_t)b))                                              \
	CALL(stat, stat(P(a), P(b)))                                                     \
	CALL(lstat, lstat(P(a), P(b)))                                                   \
	CALL(access, access(P(a), I(b)))                                                 \
	CALL(readlink, readlink(P(a), P(b), (size_t)c))                                  \
	CALL(dup2, dup2(I(a), I(b)))                                                     \
	CALL(chmod, chmod(P(a), (mode_t)b))                                              \
	CALL(chown, chown(P(a), (uid_t)b, (gid_t)c))                                     \
	CALL(lchown, lchown(P(a), (uid_t)b, (gid_t)c))                                   \
	CALL(unlink, unlink(P(a)))                                                       \
	CALL(rmdir, rmdir(P(a)))                                                         \
	CALL(mkdir, mkdir(P(a), (mode_t)b))                                              \
	CALL(mknod, mknod(P(a), (mode_t)b, (dev_t)c))                                    \
	CALL(rename, rename(P(a), P(b)))                                                 \
	CALL(renameat, renameat(I(a), P(b), I(c), P(d)))                                 \
	CALL(link, link(P(a), P(b)))                                                     \
	CALL(symlink, symlink(P(a), P(b)))
#else
#define OLD_CALLS
#endif

/**
 * shim_syscall() - do what syscall(2) does for the numbers in the table above
 * @n:					the number of the system call
 * @a, @b, @c, @d, @e, @f:		its arguments
 *
 * Called from the assembly below, and for programs that do not load the shim.
 *
 * Return: the value of the call, or -1 with errno set.
 */
__attribute__((used)) long shim_syscall(long n, long a, long b, long c, long d, long e,
					long f)
{
	if (unlikely(shim_raw_is_missing(n)))
		return shim_ret(-ENOSYS);
	switch (n) {
#define CALL(name, expression)                                                           \
	case SYS_##name:                                                                 \
		return (long)(expression);
		CALLS
		OLD_CALLS
#undef CALL
	default:
		return shim_ret(sys_call6(n, a, b, c, d, e, f));
	}
}

#ifdef __x86_64__

/* Bit n is set if system call n is in the table. The compiler computes the bits. */
#define CALL(name, expression)                                                           \
	| ((SYS_##name / 64) == WORD ? UINT64_C(1) << (SYS_##name % 64) : 0)
#define WORD_OF_BITS 0 CALLS OLD_CALLS
__attribute__((used)) const uint64_t shim_syscall_bits[SHIM_SYSCALL_NR / 64] = {
#define WORD 0
	WORD_OF_BITS,
#undef WORD
#define WORD 1
	WORD_OF_BITS,
#undef WORD
#define WORD 2
	WORD_OF_BITS,
#undef WORD
#define WORD 3
	WORD_OF_BITS,
#undef WORD
#define WORD 4
	WORD_OF_BITS,
#undef WORD
#define WORD 5
	WORD_OF_BITS,
#undef WORD
#define WORD 6
	WORD_OF_BITS,
#undef WORD
#define WORD 7
	WORD_OF_BITS,
#undef WORD
};

/*
 * long syscall(long n, ...): the arguments are already in place for shim_syscall(). The
 * part after label 1 is what libc's own function does.
 */
__asm__(".pushsection .text\n"
	".globl syscall\n"
	".type syscall, @function\n"
	"syscall:\n"
	"	.cfi_startproc\n"
	"	cmpq	$511, %rdi\n"
	"	ja	1f\n"
	"	leaq	shim_syscall_bits(%rip), %rax\n"
	"	btq	%rdi, (%rax)\n"
	"	jc	shim_syscall\n"
	"1:	movq	%rdi, %rax\n"
	"	movq	%rsi, %rdi\n"
	"	movq	%rdx, %rsi\n"
	"	movq	%rcx, %rdx\n"
	"	movq	%r8, %r10\n"
	"	movq	%r9, %r8\n"
	"	movq	8(%rsp), %r9\n"
	"	syscall\n"
	"	cmpq	$-4095, %rax\n"
	"	jae	2f\n"
	"	ret\n"
	"2:	movq	%rax, %rdi\n"
	"	jmp	shim_syscall_failed\n"
	"	.cfi_endproc\n"
	".size syscall, . - syscall\n"
	".popsection\n");

/**
 * shim_syscall_failed() - set errno for a system call that has failed
 * @r:	its negative errno
 *
 * Called from the assembly above.
 *
 * Return: -1.
 */
__attribute__((used)) long shim_syscall_failed(long r)
{
	return shim_ret(r);
}

#else

SHIM_EXPORT long syscall(long n, ...)
{
	long x[6];
	va_list ap;
	int i;

	va_start(ap, n);
	for (i = 0; i < 6; i++)
		x[i] = va_arg(ap, long);
	va_end(ap);
	return shim_syscall(n, x[0], x[1], x[2], x[3], x[4], x[5]);
}

#endif
