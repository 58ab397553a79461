/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Alternate signal stacks that are large enough for the handler.
 *
 * The handler of SIGSYS runs on the alternate stack of a thread: on its own one, a Go
 * program would have no room. But a program may have made the alternate stack just as
 * large as its own handlers need. So in the place of a small one, the kernel has one of the
 * shim's, on which the program's handlers run as well; the program is told of its own.
 *
 * The frame of the handler has the thread's alternate stack as well, which the kernel sets
 * when the handler returns. So it must be changed in both places.
 */
#include "client/graft/altstack.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/graft/context.h"

/* Enough for two frames of signals, with all registers of AVX-512, and an exec. */
#define ENOUGH        (32 * 1024)
#define SLOT_BYTES    (64 * 1024)
#define NR_SLOTS      1024
#define KERNELS_LEAST 2048 /* MINSIGSTKSZ of the kernel */

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static char *slots;
/* The thread of each slot, which keeps it for its life; 0: none. */
static long owners[NR_SLOTS];
/* The stack that the program has asked for, in place of which the slot is. */
static stack_t theirs[NR_SLOTS];
/* The process whose memory this is. */
static long own;

/* Return: the slot that the kernel has as the stack of a thread, or -1. */
static int slot_of(const stack_t *kernels)
{
	const char *sp = kernels->ss_sp;
	const char *first = __atomic_load_n(&slots, __ATOMIC_ACQUIRE);

	if (!first || sp < first || sp >= first + (size_t)NR_SLOTS * SLOT_BYTES)
		return -1;
	return (int)((size_t)(sp - first) / SLOT_BYTES);
}

static bool make_slots(void)
{
	char *expected = NULL;
	/* Not a multiple of 2 MiB, which the kernel would align (context.c). */
	const size_t size = (size_t)NR_SLOTS * SLOT_BYTES + DAX_PAGE;
	long p;

	if (likely(__atomic_load_n(&slots, __ATOMIC_ACQUIRE)))
		return true;
	p = sys6(mmap, NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(p))
		return false;
	own = sys0(getpid);
	if (!__atomic_compare_exchange_n(&slots, &expected, (char *)p, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		sys2(munmap, p, size);
	return true;
}

/*
 * Finds the slot of this thread, or takes one that is free or whose thread has ended.
 * Return: its number, or -1.
 */
static int take_slot(void)
{
	const long me = sys0(gettid);
	int i;

	/* A child of vfork(2) cannot tell whose threads have ended. */
	if (!make_slots() || own != sys0(getpid))
		return -1;
	for (i = 0; i < NR_SLOTS; i++)
		if (__atomic_load_n(&owners[i], __ATOMIC_RELAXED) == me)
			return i;
	for (i = 0; i < NR_SLOTS; i++) {
		long owner = __atomic_load_n(&owners[i], __ATOMIC_RELAXED);

		if (owner && sys3(tgkill, own, owner, 0) != -ESRCH)
			continue;
		if (__atomic_compare_exchange_n(&owners[i], &owner, me, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return i;
	}
	return -1;
}

/**
 * graft_altstack_forked() - keep the slot of the thread that a child has
 *
 * Called in the child, whose thread has another number than in the parent.
 */
void graft_altstack_forked(void)
{
	stack_t kernels;
	int slot;

	if (!slots || sys2(sigaltstack, NULL, &kernels) < 0)
		return;
	own = sys0(getpid);
	memset(owners, 0, sizeof(owners));
	slot = slot_of(&kernels);
	if (slot >= 0)
		owners[slot] = sys0(gettid);
}

/* Return: 0, or the negative errno with which the kernel refuses the stack. */
static long refusal(const stack_t *new, bool is_in_use)
{
	const unsigned int mode = (unsigned int)new->ss_flags & ~SS_AUTODISARM;

	if (is_in_use)
		return -EPERM;
	if (mode && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	return mode != SS_DISABLE && new->ss_size < KERNELS_LEAST ? -ENOMEM : 0;
}

/* Return: the stack that the kernel gets for the one that the program wants. */
static stack_t replacement(const stack_t *new)
{
	stack_t ret = *new;
	int slot;

	if (new->ss_flags & SS_DISABLE)
		return (stack_t){.ss_flags = SS_DISABLE};
	if (new->ss_size >= ENOUGH || (slot = take_slot()) < 0)
		return ret;
	theirs[slot] = *new;
	ret.ss_sp = slots + (size_t)slot * SLOT_BYTES;
	ret.ss_size = SLOT_BYTES;
	return ret;
}

/* On the stack of a context, so that no alternate stack is in use. */
static void set_stack(void *arg)
{
	sys2(sigaltstack, arg, NULL);
}

/**
 * graft_altstack_call() - answer sigaltstack(2)
 * @c:	the call
 *
 * Return: 0 or a negative errno.
 */
long graft_altstack_call(const struct graft_call *c)
{
	const stack_t kernels = *c->altstack;
	const size_t depth = (size_t)*c->stack - (uintptr_t)kernels.ss_sp;
	const bool is_in_use = depth < kernels.ss_size;
	const int slot = slot_of(&kernels);
	stack_t old = slot >= 0 ? theirs[slot] : kernels;
	stack_t new;
	long r;

	old.ss_flags &= (int)SS_AUTODISARM;
	old.ss_flags |= !old.ss_size ? SS_DISABLE : is_in_use ? SS_ONSTACK : 0;
	if (c->args[0]) {
		if (graft_call_read(&new, (const void *)c->args[0], sizeof(new)) < 0)
			return -EFAULT;
		r = refusal(&new, is_in_use);
		if (r < 0)
			return r;
		*c->altstack = replacement(&new);
		graft_context_run(set_stack, c->altstack);
	}
	if (c->args[1] && graft_call_write((void *)c->args[1], &old, sizeof(old)) < 0)
		return -EFAULT;
	return 0;
}
