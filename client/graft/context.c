/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks and thread-local memory on which the shim's functions run.
 *
 * The shim needs more stack than an alternate signal stack has, and variables at offsets
 * from the thread pointer, where the program has its own. So for the time of a call, a
 * thread takes one of a few contexts. Signals are blocked meanwhile: a handler of the
 * program would find the wrong thread pointer.
 */
#include "client/graft/context.h"

#include <asm/prctl.h>
#include <elf.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/graft/initial.h"

#define NR_CONTEXTS   64
#define CONTEXT_BYTES (256 * 1024)

/* The words at the thread pointer that compiled code reads, as libc has them. */
struct control_block {
	uintptr_t self;
	uintptr_t unused;
	uintptr_t self_too;
	uintptr_t unused_too[2];
	uintptr_t canary;
	uintptr_t rest[10];
};

/* AT_HWCAP2: programs may use wrfsbase (arch/x86/include/uapi/asm/hwcap2.h). */
#define HAS_FSGSBASE 2

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static char *contexts;
static uint64_t taken; /* one bit for each context */
static bool has_fsgsbase;
static size_t below; /* bytes of variables below the thread pointer */

static unsigned long thread_pointer(void)
{
	unsigned long tls;

	if (likely(has_fsgsbase))
		__asm__ volatile("rdfsbase %0" : "=r"(tls));
	else
		sys2(arch_prctl, ARCH_GET_FS, &tls);
	return tls;
}

/**
 * graft_context_set_tls() - set the thread pointer
 * @tls:	the new value
 */
void graft_context_set_tls(unsigned long tls)
{
	if (likely(has_fsgsbase))
		__asm__ volatile("wrfsbase %0" : : "r"(tls) : "memory");
	else
		sys2(arch_prctl, ARCH_SET_FS, tls);
}

/* The thread pointer of a context; its thread-local variables lie below. */
static struct control_block *block_of(int i)
{
	char *end = contexts + (size_t)(i + 1) * CONTEXT_BYTES;

	return (struct control_block *)(void *)(end - sizeof(struct control_block));
}

/* Room for the thread-local variables. */
static size_t variables_size(void)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)__ehdr_start;
	const Elf64_Phdr *ph =
		(const Elf64_Phdr *)(const void *)(__ehdr_start + eh->e_phoff);
	int i;

	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_TLS)
			return (ph[i].p_memsz + 127) & ~(size_t)63;
	return 64;
}

/**
 * graft_context_init() - make the contexts
 * @variable:	a thread-local variable of the shim's, if the thread pointer is libc's; NULL:
 *		the program has no libc yet, and the shim's variables are the first
 *
 * Return: false if there is no memory.
 */
bool graft_context_init(const void *variable)
{
	/*
	 * A page more: the kernel would align a multiple of 2 MiB (mm/huge_memory.c:
	 * thp_get_unmapped_area()), and with it what the program maps next.
	 */
	long p = sys6(mmap, NULL, (size_t)NR_CONTEXTS * CONTEXT_BYTES + DAX_PAGE,
		      PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (sys_is_error(p))
		return false;
	contexts = (char *)p;
	has_fsgsbase = graft_initial_value(AT_HWCAP2) & HAS_FSGSBASE;
	below = variables_size();
	if (variable)
		below += (thread_pointer() - (uintptr_t)variable + 63) & ~(size_t)63;
	return below < CONTEXT_BYTES / 2;
}

/* Takes a context; waits if there is none. Return: its number. */
static int take(void)
{
	uint64_t seen = __atomic_load_n(&taken, __ATOMIC_RELAXED);

	for (;;) {
		int i = __builtin_ctzll(~seen);

		if (unlikely(!~seen)) {
			sys0(sched_yield);
			seen = __atomic_load_n(&taken, __ATOMIC_RELAXED);
		} else if (__atomic_compare_exchange_n(&taken, &seen,
						       seen | UINT64_C(1) << i, false,
						       __ATOMIC_ACQUIRE,
						       __ATOMIC_RELAXED)) {
			return i;
		}
	}
}

/* The context that this thread runs in; only for the child of a fork. */
static int current(void)
{
	return (int)((thread_pointer() - (uintptr_t)contexts) / CONTEXT_BYTES);
}

/**
 * graft_context_forked() - give back the contexts of threads that a child does not have
 *
 * Called in the child, in a context.
 */
void graft_context_forked(void)
{
	__atomic_store_n(&taken, UINT64_C(1) << current(), __ATOMIC_RELAXED);
}

/* void graft_context_call(void (*fn)(void *), void *arg, void *stack) */
void graft_context_call(void (*fn)(void *arg), void *arg, void *stack);
__asm__(".pushsection .text\n"
	".type graft_context_call, @function\n"
	".hidden graft_context_call\n"
	"graft_context_call:\n"
	"	.cfi_startproc\n"
	"	pushq	%rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	movq	%rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	movq	%rdx, %rsp\n"
	"	movq	%rdi, %rax\n"
	"	movq	%rsi, %rdi\n"
	"	call	*%rax\n"
	"	movq	%rbp, %rsp\n"
	"	popq	%rbp\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size graft_context_call, . - graft_context_call\n"
	".popsection\n");

/**
 * graft_context_run() - call a function in a context
 * @fn:		the function, which must return
 * @arg:	its argument
 *
 * All signals must be blocked. Sleeps while all contexts are taken.
 */
void graft_context_run(void (*fn)(void *arg), void *arg)
{
	const int i = take();
	struct control_block *block = block_of(i);
	const unsigned long tls = thread_pointer();

	block->self = (uintptr_t)block;
	block->self_too = (uintptr_t)block;
	graft_context_set_tls((unsigned long)block);
	graft_context_call(fn, arg, (char *)block - below);
	graft_context_set_tls(tls);
	__atomic_and_fetch(&taken, ~(UINT64_C(1) << i), __ATOMIC_RELEASE);
}

/**
 * graft_context_run_masked() - call a function in a context, with all signals blocked
 * @fn:		the function, which must return
 * @arg:	its argument
 */
void graft_context_run_masked(void (*fn)(void *arg), void *arg)
{
	const uint64_t all = ~UINT64_C(0);
	uint64_t before;

	sys4(rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	graft_context_run(fn, arg);
	sys4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(all));
}
