/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the shim: they are not libc's, and keep no rights that they do not need. */
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
/* What systemd calls unused in its list of ranges. */
#define ALONE_FIRST UINT32_C(1879048192)
#define ALONE_NR    UINT32_C(268435456)

/* The stack and, above it, what thread-local variables need: below the last page. */
#define STACK_BYTES (64 * 1024)
#define TLS_BYTES   (SHIM_THREAD_BYTES - STACK_BYTES - 4096)

/*
 * Does valgrind run this program? Asked by its "client request" RUNNING_ON_VALGRIND
 * (valgrind.h): instructions that change nothing on a processor.
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
 * A user and group that nobody else is, of a range that nobody gives to anybody: who has
 * the same as a thread may look into the memory of its process, and this one's is root's.
 * Return: is this thread's such a one now?
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
 * A thread that changes its user makes the whole process one that writes no core and
 * that its own user may not look at. That is undone; but not if the program has changed
 * its user meanwhile. If it does so later, the kernel sees to it again.
 */
static void stay_dumpable(uid_t uid_before, gid_t gid_before)
{
	struct stat st;

	sys5(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	/*
	 * proc(5): this directory belongs to the effective user of the process. To read more
	 * would take a descriptor, and with it a number that the program may be about to use.
	 */
	if (sys4(newfstatat, AT_FDCWD, "/proc/self", &st, 0) < 0 ||
	    st.st_uid != uid_before || st.st_gid != gid_before)
		sys5(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Threads have rights of their own; libc only makes us forget it. */
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

/* It has little to do and should do it at once: see slice.h. */
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
 * Goes there with the rights of the program; and in no case stays where the program is.
 * Return: is it there?
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
 * shim_thread_be_small() - give up what a thread of the shim does not need
 *
 * Called first thing by a thread of the shim: it keeps no right of root's, and moves out
 * of the program's working directory.
 *
 * Return: true if its working directory is the runtime directory.
 */
bool shim_thread_be_small(void)
{
	bool is_inside = enter_dir(shim_session_if_known()->dir);

	drop_rights();
	hurry_up();
	return is_inside;
}

#ifdef __x86_64__

/* clone(2), and @run on the new stack. Return: in the parent, clone's answer. */
static long clone_thread(char *stack, void *tls, void (*fn)(void))
{
	/* A working directory of its own; valgrind ends a program that asks for that. */
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

/*
 * Thread-local memory for the agent: zero, but for what compiled code looks for at
 * fixed places (the block's own address, the stack protector's value). How far below
 * the thread pointer it has to go is seen at our own variable and at errno.
 */
static void *make_tls(char *at)
{
	char *tp = __builtin_thread_pointer();
	char *to = at + STACK_BYTES + TLS_BYTES;
	uintptr_t self = (uintptr_t)to;

	memset(to, 0, 256);
	memcpy(to + 0x28, tp + 0x28, 16);
	memcpy(to, &self, sizeof(self));
	memcpy(to + 16, &self, sizeof(self));
	return to;
}

static size_t tls_depth(void)
{
	static __thread char ours;
	char *tp = __builtin_thread_pointer();
	size_t a = (size_t)(tp - &ours);
	size_t b = (size_t)(tp - (char *)&errno);

	return (a > b ? a : b) + 4096;
}

#else

static long clone_thread(char *stack, void *tls, void (*fn)(void))
{
	(void)stack;
	(void)tls;
	(void)fn;
	return -ENOSYS;
}

static void *make_tls(char *at)
{
	(void)at;
	return NULL;
}

static size_t tls_depth(void)
{
	return 0;
}

#endif

/**
 * shim_thread_is_of_libc() - tell whether this is the thread that libc takes it for
 *
 * A child of vfork, or of clone with the parent's memory, is not: it has the parent's
 * thread-local memory, in which libc keeps the number of the thread. Such a process ends
 * when its one thread does, and must not be kept by another; and it would leave the
 * parent without an agent.
 *
 * Return: true if it is, and a thread may be started.
 */
bool shim_thread_is_of_libc(void)
{
	clockid_t clock;

	return pthread_getcpuclockid(pthread_self(), &clock) == 0 &&
	       ~(clock >> 3) == (clockid_t)sys0(gettid);
}

/**
 * shim_thread_start() - start a thread of the shim
 * @at:	SHIM_THREAD_BYTES for its stack and thread-local memory, for as long as it lives
 * @fn:	what it runs; does not return
 *
 * The thread is not libc's, and takes no signal. Async-signal-safe.
 *
 * Return: true, or false if there can be none.
 */
bool shim_thread_start(char *at, void (*fn)(void))
{
	uint64_t all = ~UINT64_C(0);
	uint64_t before;
	long r = -ENOSYS;

	sys4(rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	if (tls_depth() <= TLS_BYTES)
		r = clone_thread(at + STACK_BYTES, make_tls(at), fn);
	sys4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return r > 0;
}
