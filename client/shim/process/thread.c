/* SPDX-License-Identifier: BSD-2-Clause */
/* Start threads that libc does not know, and that keep only the rights they need. */
#include "client/shim/process/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "libcore/slice.h"

#include "client/shim/base/sys.h"
#include "client/shim/process/session.h"

#define NOBODY 65534
/* A range of user ids that systemd's list (UIDS-GIDS) calls unused. */
#define ALONE_FIRST UINT32_C(1879048192)
#define ALONE_NR    UINT32_C(268435456)

/* The stack, and above it the thread-local variables: below the last page. */
#define STACK_BYTES (64 * 1024)
#define TLS_BYTES   (SHIM_THREAD_BYTES - STACK_BYTES - 4096)

/*
 * True if valgrind runs this program. Uses the client request RUNNING_ON_VALGRIND
 * (valgrind.h): instructions that have no effect on a real processor.
 */
static bool is_valgrind(void)
{
	uint64_t answer = 0;

#ifdef __x86_64__
	const uint64_t request[6] = {0x1001};

	__asm__ volatile("rolq	$3, %%rdi\n"
			 "	rolq	$13, %%rdi\n"
			 "	rolq	$61, %%rdi\n"
			 "	rolq	$51, %%rdi\n"
			 "	xchgq	%%rbx, %%rbx\n"
			 : "+d"(answer)
			 : "a"(request)
			 : "cc", "memory");
#endif
	return answer != 0;
}

/*
 * Changes this thread to a random user and group id, from a range that is assigned to no
 * user. A process with the same id as a thread may access the memory of the thread's
 * process, and this process is root's; so no other process may have it. Return: true if
 * the thread has such ids now.
 */
static bool become_alone(void)
{
	uint32_t id;

	if (sys3(getrandom, &id, sizeof(id), GRND_NONBLOCK) != sizeof(id))
		return false;
	id = ALONE_FIRST + id % ALONE_NR;
	return sys3(setresgid, id, id, id) == 0 && sys3(setresuid, id, id, id) == 0;
}

/*
 * When a thread changes its user, the kernel makes the whole process undumpable: it
 * writes no core file, and its own user may not inspect it. This undoes that, but not if
 * the program has changed its user in the meantime. If it does so later, the kernel makes
 * it undumpable again.
 */
static void stay_dumpable(uid_t uid_before, gid_t gid_before)
{
	struct stat st;

	sys5(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	/*
	 * This directory belongs to the effective user of the process (proc(5)). A file
	 * in it would say more, but to read it takes a descriptor, with a number that the
	 * program may be about to use.
	 */
	if (sys4(newfstatat, AT_FDCWD, "/proc/self", &st, 0) < 0 ||
	    st.st_uid != uid_before || st.st_gid != gid_before)
		sys5(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/*
 * Drops the rights of this thread alone. In the kernel, each thread has its own; only
 * libc's functions change those of the whole process.
 */
static void drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	const uid_t uid = (uid_t)sys0(geteuid);
	const gid_t gid = (gid_t)sys0(getegid);
	bool was_dumpable = false;

	if (uid == 0) {
		was_dumpable = sys5(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
		sys2(setgroups, 0, NULL);
		if (!become_alone()) {
			was_dumpable = false;
			sys3(setresgid, NOBODY, NOBODY, NOBODY);
			sys3(setresuid, NOBODY, NOBODY, NOBODY);
		}
	}
	sys2(capset, &header, none);
	sys5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (was_dumpable)
		stay_dumpable(uid, gid);
}

/* Requests a short time slice, for little work that must be done soon (slice.h). */
static void hurry_up(void)
{
	struct dax_sched_attr attr = {.size = sizeof(attr)};

	if (sys4(sched_getattr, 0, &attr, sizeof(attr), 0) < 0 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.runtime = DAX_SLICE_NS;
	sys3(sched_setattr, 0, &attr, 0);
}

/*
 * Makes @dir the working directory of this thread, or "/" if the program may not enter
 * @dir; so the thread does not keep the program's directory busy. Return: true if it is
 * in @dir.
 */
static bool enter_dir(const char *dir)
{
	if (is_valgrind())
		return false; /* see clone_thread() */
	if (sys1(chdir, dir) == 0)
		return true;
	sys1(chdir, "/");
	return false;
}

/**
 * shim_thread_be_small() - give up the rights that a thread of the shim does not need
 *
 * Every thread of the shim must call this first. It gives up root's rights and leaves the
 * program's working directory.
 *
 * Return: true if the thread's working directory is the runtime directory.
 */
bool shim_thread_be_small(void)
{
	bool is_inside = enter_dir(shim_session_if_known()->dir);

	drop_rights();
	hurry_up();
	return is_inside;
}

#ifdef __x86_64__

/*
 * Calls clone(2) and, in the new thread, @fn on the new stack. Return: the thread's id,
 * or a negative errno.
 */
static long clone_thread(char *stack, void *tls, void (*fn)(void))
{
	/*
	 * Without CLONE_FS the thread has its own working directory. valgrind aborts the
	 * program in that case.
	 */
	const long flags = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			   CLONE_SYSVSEM | CLONE_SETTLS | (is_valgrind() ? CLONE_FS : 0);
	register long r10 __asm__("r10") = 0;
	register void *r8 __asm__("r8") = tls;
	long ret;

	__asm__ volatile("syscall\n"
			 "	testq	%%rax, %%rax\n"
			 "	jnz	1f\n"
			 "	xorl	%%ebp, %%ebp\n"
			 "	call	*%[run]\n"
			 "1:\n"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"(flags), "S"(stack), "d"(0), "r"(r10),
			   "r"(r8), [run] "b"(fn)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The same as __builtin_thread_pointer(), which clang 13 lacks. */
static char *thread_pointer(void)
{
	char *tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

/*
 * Prepares the thread-local memory of a new thread: zero, except for the words that
 * compiled code reads at fixed offsets (the address of the block itself, the value of
 * the stack protector).
 */
static void *make_tls(char *at)
{
	char *tp = thread_pointer();
	char *to = at + STACK_BYTES + TLS_BYTES;
	uintptr_t self = (uintptr_t)to;

	memset(to, 0, 256);
	memcpy(to + 0x28, tp + 0x28, 16);
	memcpy(to, &self, sizeof(self));
	memcpy(to + 16, &self, sizeof(self));
	return to;
}

/*
 * How many bytes below the thread pointer are used, as seen from a variable of the shim
 * and from errno.
 */
static size_t tls_depth(void)
{
	static __thread char ours;
	char *tp = thread_pointer();
	size_t a = (size_t)(tp - &ours);
	size_t b = (size_t)(tp - (char *)&errno);

	return (a > b ? a : b) + 4096;
}

#else /* aarch64 */

/* The words of libc's own at the thread pointer; the variables follow. */
#define TCB_BYTES 16

/* The same. Of clone(2)'s arguments, the thread pointer is the fourth. */
static long clone_thread(char *stack, void *tls, void (*fn)(void))
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = CLONE_VM | CLONE_FILES | CLONE_SIGHAND |
					 CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
					 (is_valgrind() ? CLONE_FS : 0);
	register void *x1 __asm__("x1") = stack;
	register long x2 __asm__("x2") = 0;
	register void *x3 __asm__("x3") = tls;
	register long x4 __asm__("x4") = 0;
	register void (*x9)(void) __asm__("x9") = fn;

	__asm__ volatile("svc	0\n"
			 "	cbnz	x0, 1f\n"
			 "	mov	x29, xzr\n"
			 "	mov	x30, xzr\n"
			 "	blr	x9\n"
			 "1:\n"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
			 : "cc", "memory");
	return x0;
}

/*
 * The same. The variables lie above the thread pointer, and no compiled code reads fixed
 * offsets of it.
 */
static void *make_tls(char *at)
{
	char *to = at + STACK_BYTES;

	memset(to, 0, TLS_BYTES);
	return to;
}

/* The same, above the thread pointer. */
static size_t tls_depth(void)
{
	static __thread char ours;
	const char *tp = __builtin_thread_pointer();
	size_t a = (size_t)(&ours - tp);
	size_t b = (size_t)((char *)&errno - tp);

	return (a > b ? a : b) + TCB_BYTES + 4096;
}

#endif

/**
 * shim_thread_is_of_libc() - tell whether libc has the right thread id for this thread
 *
 * It has not in a child of vfork(2), or of clone(2) with CLONE_VM: such a child uses the
 * parent's thread-local memory, in which libc keeps the id of the parent's thread. In it
 * no thread may be started: the process must end with its only thread, and the parent
 * would later start no agent of its own.
 *
 * Return: true if it has, and a thread may be started.
 */
bool shim_thread_is_of_libc(void)
{
	clockid_t clock;

	return pthread_getcpuclockid(pthread_self(), &clock) == 0 &&
	       ~(clock >> 3) == (clockid_t)sys0(gettid);
}

/**
 * shim_thread_start() - start a thread of the shim
 * @at:	SHIM_THREAD_BYTES of memory for its stack and thread-local variables; must remain
 *	valid as long as the thread lives
 * @fn:	the function that the thread runs; must not return, but may end the thread
 *
 * libc does not know the thread, and the thread has all signals blocked.
 * Async-signal-safe.
 *
 * Return: the thread's id, or 0 if it cannot be started.
 */
int32_t shim_thread_start(char *at, void (*fn)(void))
{
	uint64_t all = ~UINT64_C(0);
	uint64_t before;
	long r = -ENOSYS;

	sys4(rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	if (tls_depth() <= TLS_BYTES)
		r = clone_thread(at + STACK_BYTES, make_tls(at), fn);
	sys4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return r > 0 ? (int32_t)r : 0;
}
