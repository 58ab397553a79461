/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock of everything the shim keeps for the process.
 *
 * Two ways to take it. The quick one is for a few instructions, without a system call.
 * The masked one is for work that takes longer, and keeps signals out. A handler that
 * comes over its own thread inside either is told so and passes its call through.
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
 * The lock: 0 if it is free, else the owner, with the lowest bit set if somebody waits.
 * One word says both, so that a handler can never come between the two.
 */
static uint32_t lock_word;
static __thread uint64_t me;

#define WAITED_FOR 1u

shim_hook *shim_lock_on_lost;
shim_hook *shim_lock_on_broken;

/*
 * This thread, as an owner. Threads whose memory is 8 GiB apart may look alike; then
 * the one that comes second passes its call through, as a handler's.
 */
static uint32_t my_mark(void)
{
	return (uint32_t)((uintptr_t)&me >> 3) << 1 | 0x80000000;
}

/*
 * In a child that was forked, this is 0. The handlers of fork know the list and its lock
 * well, but not every fork calls them: before the process has mapped anything they are
 * not there, and some programs make their children with syscall(2).
 */
static struct {
	uint32_t knows_this_process;
	char rest[DAX_PAGE - sizeof(uint32_t)];
} mark_page __attribute__((aligned(DAX_PAGE)));

/*
 * The first lock of a process; of a child, too, that nobody told that it is one. There,
 * who had the lock is not here; and no one of ours can have it yet, as everybody comes by
 * here before.
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
 * This thread's stack, about where it has taken the lock: what jumps out of a signal
 * handler to a place above that does not come back to give the lock back.
 */
static __thread uintptr_t lock_frame;

/* Takes the lock that somebody has. */
static SHIM_COLD bool wait_for_lock(uint32_t mine, uint32_t seen)
{
	static const struct timespec a_moment = {.tv_nsec = 20 * 1000 * 1000};

	if ((seen & ~WAITED_FOR) == mine)
		return false;
	for (;;) {
		if (!seen) {
			/* Who else waits is not known: so say that somebody does. */
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
			/* Not for ever: who wakes us may have jumped away. */
			sys6(futex, &lock_word, FUTEX_WAIT_PRIVATE, seen | WAITED_FOR,
			     &a_moment, NULL, 0);
			seen = __atomic_load_n(&lock_word, __ATOMIC_RELAXED);
		}
	}
}

/**
 * shim_lock() - take the lock, for a few instructions without a system call
 *
 * Signals are not kept out: a handler that runs on the same thread meanwhile is refused.
 * Async-signal-safe.
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
 * shim_unlock() - give the lock back that shim_lock() took
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
 * For work that takes longer than shim_lock() is for. Async-signal-safe.
 *
 * Return: true, or false if this thread holds the lock already.
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
 * shim_unlock_masked() - give the lock back that shim_lock_masked() took
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
 * shim_lock_jump() - give the lock back if a jump leaves its owner behind
 * @to:	the stack pointer at the target of the jump
 *
 * A signal handler that interrupted the owner of the lock, and jumps to a frame above it,
 * never returns to give the lock back. The list of mappings is then repaired.
 * Async-signal-safe.
 */
SHIM_COLD void shim_lock_jump(uintptr_t to)
{
	stack_t ss;

	if ((__atomic_load_n(&lock_word, __ATOMIC_RELAXED) & ~WAITED_FOR) != my_mark())
		return;
	/* Inside of the handler? Then what it interrupted goes on later. */
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
 * Return: true if one did at that moment.
 */
bool shim_lock_is_taken(void)
{
	return __atomic_load_n(&lock_word, __ATOMIC_RELAXED) != 0;
}

/**
 * shim_lock_adopt() - note that libc's handlers of fork ran in this child
 *
 * Those handlers hold the lock then, and it was not left behind.
 */
void shim_lock_adopt(void)
{
	__atomic_store_n(&mark_page.knows_this_process, 1, __ATOMIC_RELAXED);
}
