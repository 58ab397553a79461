/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls without libc, for the shim's own use.
 *
 * libc's functions would lead back to the wrappers, and they set errno. These do
 * neither: they return a negative errno, and may be called in a signal handler and
 * before any constructor has run.
 */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long sys_call6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long sys_call6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "the shim has system calls for x86-64 and aarch64 only"
#endif

/* Calls that the headers may be too old for. Their numbers are the same everywhere. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#ifndef SYS_futex_requeue
#define SYS_futex_requeue 456
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif
#ifndef SYS_lsm_get_self_attr
#define SYS_lsm_get_self_attr 459
#endif
#ifndef SYS_lsm_set_self_attr
#define SYS_lsm_set_self_attr 460
#endif
#ifndef SYS_lsm_list_modules
#define SYS_lsm_list_modules 461
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif
#ifndef SYS_removexattrat
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#ifndef SYS_listns
#define SYS_listns 470
#endif
#ifndef SYS_rseq_slice_yield
#define SYS_rseq_slice_yield 471
#endif
#ifndef SYS_fchroot
#define SYS_fchroot 472
#endif

/* For example sys3(openat, dirfd, path, flags). Arguments may be pointers or integers. */
#define sys0(name)       sys_call6(SYS_##name, 0, 0, 0, 0, 0, 0)
#define sys1(name, a)    sys_call6(SYS_##name, (long)(a), 0, 0, 0, 0, 0)
#define sys2(name, a, b) sys_call6(SYS_##name, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(name, a, b, c)                                                              \
	sys_call6(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(name, a, b, c, d)                                                           \
	sys_call6(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(name, a, b, c, d, e)                                                        \
	sys_call6(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys6(name, a, b, c, d, e, f)                                                     \
	sys_call6(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),     \
		  (long)(f))

/**
 * sys_is_error() - tell whether the result of a system call is an error
 * @ret:	what sys_call6() returned
 *
 * Return: true if it is a negative errno; false if it is a value, which may be an
 * address with the highest bit set.
 */
static inline bool sys_is_error(long ret)
{
	return (unsigned long)ret >= (unsigned long)-4095;
}

#endif
