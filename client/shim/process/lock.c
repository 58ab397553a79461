/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock of all state that the shim keeps for the process.
 *
 * There are two ways to take it. shim_lock() is for a few instructions and needs no
 * system call. shim_lock_masked() is for longer work and blocks signals. A signal handler
 * that interrupts the owner of the lock on the same thread cannot take it: it must pass
 * its call through.
 */
#include "client/shim/process/lock.h"

#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"

/*
 * The lock: 0 if it is free, else the owner's mark, with the lowest bit set if a thread
 * waits. Both are in one word, so that no handler can interrupt between setting the two.
 */
static uint32_t lock_word;
static __thread uint64_t me;

#define WAITED_FOR 1u

shim_hook *shim_lock_on_lost;
shim_hook *shim_lock_on_broken;

/*
 * The mark of this thread as an owner. Threads whose thread-local memory is a multiple
 * of 8 GiB apart have the same mark; the second of them to come is taken for a handler
 * that has interrupted the owner, and passes its call through.
 */
static uint32_t my_mark(void)
{
	return (uint32_t)((uintptr_t)&me >> 3) << 1 | 0x80000000;
}

/*
 * Zero in a forked child (MADV_WIPEONFORK). Needed because the atfork handlers do not run
 * for every child: they are registered with the first mapping, and syscall(SYS_fork)
 * bypasses them.
 */
static struct {
	uint32_t knows_this_process;
	char rest[DAX_PAGE - sizeof(uint32_t)];
} mark_page __attribute__((aligned(DAX_PAGE)));

/*
 * Called when the lock is first taken in a process, including a child in which no atfork
 * handler has run. If the lock was held at such a fork, its owner does not exist in the
 * child; and no thread of the child can hold it yet, as each of them passes here before
 * it takes the lock.
 */
static SHIM_COLD void know_this_process(void)
{
	uint32_t seen = __atomic_load_n(&lock_word, __ATOMIC_ACQUIRE);
	uint64_t all = ~UINT64_C(0);
	uint64_t before;

	sys4(rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	sys3(madvise, &mark_page, sizeof(mark_page), MADV_WIPEONFORK);
	if (!__atomic_exchange_n(&mark_page.knows_this_process, 1, __ATOMIC_ACQ_REL)) {
		shim_hook_call(&shim_lock_on_lost);
		if (seen) {
			shim_hook_call(&shim_lock_on_broken);
			shim_unlock();
		}
	}
	sys4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}

/*
 * The frame in which this thread took the lock. A longjmp out of a signal handler to a
 * frame above it never returns to the code that would release the lock.
 */
static __thread uintptr_t lock_frame;

/*
 * Takes the lock when another thread holds it. Return: false if the owner is this thread.
 */
static SHIM_COLD bool wait_for_lock(uint32_t mine, uint32_t seen)
{
	static const struct timespec a_moment = {.tv_nsec = 20 * 1000 * 1000};

	if ((seen & ~WAITED_FOR) == mine)
		return false;
	for (;;) {
		if (!seen) {
			/* Other threads may be waiting: keep the bit set. */
			if (__atomic_compare_exchange_n(&lock_word, &seen,
							mine | WAITED_FOR, false,
							__ATOMIC_ACQUIRE,
							__ATOMIC_RELAXED))
				return true;
		} else if (seen & WAITED_FOR ||
			   __atomic_compare_exchange_n(&lock_word, &seen,
						       seen | WAITED_FOR, false,
						       __ATOMIC_RELAXED,
						       __ATOMIC_RELAXED)) {
			/* With a timeout: an owner that jumps away wakes no waiter. */
			sys6(futex, &lock_word, FUTEX_WAIT_PRIVATE, seen | WAITED_FOR,
			     &a_moment, NULL, 0);
			seen = __atomic_load_n(&lock_word, __ATOMIC_RELAXED);
		}
	}
}

/**
 * shim_lock() - take the lock for a few instructions
 *
 * Needs no system call. Signals are not blocked: in a handler that interrupts the owner,
 * this function fails. Async-signal-safe.
 *
 * Return: true, or false if this thread holds the lock already. The caller is then a
 * signal handler that interrupted the owner, and must pass its call through.
 */
bool shim_lock(void)
{
	const uintptr_t before = lock_frame;
	const uint32_t mine = my_mark();
	uint32_t seen = 0;

	if (unlikely(!__atomic_load_n(&mark_page.knows_this_process, __ATOMIC_RELAXED)))
		know_this_process();
	__atomic_store_n(&lock_frame, (uintptr_t)__builtin_frame_address(0),
			 __ATOMIC_RELAXED);
	if (likely(__atomic_compare_exchange_n(&lock_word, &seen, mine, false,
					       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		return true;
	if (wait_for_lock(mine, seen))
		return true;
	__atomic_store_n(&lock_frame, before, __ATOMIC_RELAXED);
	return false;
}

/**
 * shim_unlock() - release the lock that shim_lock() took
 *
 * Async-signal-safe.
 */
void shim_unlock(void)
{
	if (unlikely(__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) & WAITED_FOR))
		sys6(futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/**
 * shim_lock_masked() - take the lock, with all signals blocked
 * @ret_mask:	receives the mask for shim_unlock_masked()
 *
 * For work that makes system calls. Async-signal-safe.
 *
 * Return: true, or false if this thread holds the lock already; signals are then not
 * blocked, and the caller must pass its call through.
 */
bool shim_lock_masked(uint64_t *ret_mask)
{
	uint64_t all = ~UINT64_C(0);

	sys4(rt_sigprocmask, SIG_BLOCK, &all, ret_mask, sizeof(all));
	if (shim_lock())
		return true;
	sys4(rt_sigprocmask, SIG_SETMASK, ret_mask, NULL, sizeof(all));
	return false;
}

/**
 * shim_unlock_masked() - release the lock that shim_lock_masked() took
 * @mask:	the signal mask to restore
 *
 * Async-signal-safe.
 */
void shim_unlock_masked(uint64_t mask)
{
	shim_unlock();
	sys4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/**
 * shim_lock_jump() - release the lock if a jump skips its owner
 * @to:	the stack pointer at the target of the jump
 *
 * When a signal handler has interrupted the owner of the lock and jumps to a frame above
 * it, the owner never resumes to release the lock. This function then calls
 * shim_lock_on_broken, which corrects the list of mappings, and releases the lock.
 * Async-signal-safe.
 */
SHIM_COLD void shim_lock_jump(uintptr_t to)
{
	stack_t ss;

	if ((__atomic_load_n(&lock_word, __ATOMIC_RELAXED) & ~WAITED_FOR) != my_mark())
		return;
	/* If the target is inside the handler, the interrupted owner resumes later. */
	if (sys2(sigaltstack, NULL, &ss) == 0 && ss.ss_flags & SS_ONSTACK) {
		if (to - (uintptr_t)ss.ss_sp < ss.ss_size)
			return;
	} else if (to < __atomic_load_n(&lock_frame, __ATOMIC_RELAXED)) {
		return;
	}
	shim_hook_call(&shim_lock_on_broken);
	shim_unlock();
}

/**
 * shim_lock_is_taken() - tell whether any thread holds the lock
 *
 * Async-signal-safe.
 *
 * Return: true if one held it at that moment.
 */
bool shim_lock_is_taken(void)
{
	return __atomic_load_n(&lock_word, __ATOMIC_RELAXED) != 0;
}

/**
 * shim_lock_adopt() - note that the atfork handlers have run in this child
 *
 * The handler in the parent took the lock before the fork, so the lock is this child's
 * own, and no other thread's that the fork left behind.
 */
void shim_lock_adopt(void)
{
	__atomic_store_n(&mark_page.knows_this_process, 1, __ATOMIC_RELAXED);
}
