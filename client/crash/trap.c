/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record flushes and fences that the program executes as instructions: each has a
 * breakpoint (plant.c), whose handler records and does what the instruction would do. The
 * instruction itself is not executed, so a breakpoint need never be lifted, and threads
 * do not disturb each other.
 */
#include "client/crash/trap.h"

#ifdef __x86_64__
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "client/shim/base/sys.h"
#include "client/crash/emulate.h"
#include "client/crash/plant.h"
#include "client/crash/record.h"
#include "client/crash/signals.h"

/*
 * Store with the program's own mask of signals: a handler of a fault may jump away. That
 * is SIGBUS on a page that has gone bad, for example.
 */
static void store(const struct crash_insn *insn, const ucontext_t *context)
{
	uint64_t mask;

	sys4(rt_sigprocmask, SIG_SETMASK, &context->uc_sigmask, &mask, sizeof(mask));
	crash_emulate_store(insn, context);
	sys4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/* Libraries have come or gone. Then do what the loader's function does: it returns. */
static void follow_loader(const struct crash_insn *insn, greg_t *regs)
{
	if (_r_debug.r_state == RT_CONSISTENT)
		crash_record_code(crash_plant_update());
	if (insn->len == 1) {
		regs[REG_RIP] = *(const greg_t *)regs[REG_RSP];
		regs[REG_RSP] += 8;
	}
}

static void on_trap(int sig, siginfo_t *info, void *arg)
{
	ucontext_t *context = arg;
	greg_t *regs = context->uc_mcontext.gregs;
	uint64_t at = (uint64_t)regs[REG_RIP] - 1;
	const struct crash_insn *insn =
		info->si_code == SI_KERNEL ? crash_plant_find(at) : NULL;
	int saved = errno;

	if (!insn) {
		crash_signals_pass(sig, info, context);
		return;
	}
	regs[REG_RIP] = (greg_t)(at + insn->len);
	switch ((enum crash_insn_kind)insn->kind) {
	case CRASH_INSN_FLUSH:
		crash_record_flush((void *)crash_emulate_address(insn, context), 1);
		break;
	case CRASH_INSN_FLUSH_NOW:
		crash_record_flush_now((void *)crash_emulate_address(insn, context));
		break;
	case CRASH_INSN_FENCE:
		crash_record_fence();
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		break;
	case CRASH_INSN_STORE:
	case CRASH_INSN_STORE_SOME:
	case CRASH_INSN_COPY:
		store(insn, context);
		crash_record_flush((void *)crash_emulate_address(insn, context),
				   insn->size);
		break;
	case CRASH_INSN_LOADER:
		follow_loader(insn, regs);
		break;
	case CRASH_INSN_NONE:
		break;
	}
	errno = saved;
}

/**
 * crash_trap_init() - begin to record instructions of this process
 *
 * To be called once, before the program has threads.
 *
 * Return: 0, or a negative errno: some of the code could not be changed.
 */
int crash_trap_init(void)
{
	crash_emulate_init();
	crash_signals_take(on_trap);
	return crash_plant_init();
}
#else
#include <errno.h>

int crash_trap_init(void)
{
	return -ENOSYS;
}
#endif
