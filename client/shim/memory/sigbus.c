/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make the SIGBUS of bad memory look like the hardware's.
 *
 * An access to a hole raises SIGBUS with BUS_ADRERR; an access to poisoned memory must
 * raise it with BUS_MCEERR_AR and the page shift of the device. So while the process has
 * bad memory, and only then, SIGBUS goes to a handler of the shim, which corrects the
 * siginfo and calls the program's own handler: on the same stack, with the same mask and
 * flags, so that it need not return. When the program queries its handler, it sees its
 * own. If it has none, the shim restores SIG_DFL and raises the same signal again: the
 * program dies as it would have on real hardware, and its core file shows why.
 */
#include "client/shim/memory/sigbus.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/badblocks.h"
#include "client/shim/memory/fault.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

#define BIT(sig) (UINT64_C(1) << ((sig)-1))

/* The program's own action, which it sees when it asks. Protected by the lock. */
static struct shim_sigaction app;
static bool is_caught;
/* True if a seccomp filter of the program would kill it for rt_tgsigqueueinfo(2). */
static bool may_not_signal;

void (*shim_sigbus_on_own_memory)(void (*fn)(void *arg), void *arg);
__thread const uint64_t *shim_sigbus_mask;

#ifdef __x86_64__
/* The same instructions as libc's: unwinders recognize a signal frame by them. */
void shim_sigbus_restore_rt(void);
__asm__(".pushsection .text\n"
	".type shim_sigbus_restore_rt, @function\n"
	".hidden shim_sigbus_restore_rt\n"
	"	nop\n"
	"shim_sigbus_restore_rt:\n"
	"	movq	$15, %rax\n"
	"	syscall\n"
	".size shim_sigbus_restore_rt, . - shim_sigbus_restore_rt\n"
	".popsection\n");
#define RESTORER   shim_sigbus_restore_rt
#define FLAGS_MORE SA_RESTORER
#else
#define RESTORER   NULL
#define FLAGS_MORE 0
#endif

static long set_real(const struct shim_sigaction *act)
{
	return sys4(rt_sigaction, SIGBUS, act, NULL, sizeof(uint64_t));
}

static bool is_default(const struct shim_sigaction *act)
{
	return act->handler == (void *)SIG_DFL;
}

static void on_sigbus(int sig, siginfo_t *info, void *context);

/* Installs the shim's handler in place of the program's action. */
static void put_handler_locked(void)
{
	struct shim_sigaction ours = app;

	/* The kernel kills a program that ignores SIGBUS and accesses bad memory. */
	if (app.handler == (void *)SIG_IGN) {
		set_real(&app);
		return;
	}
	ours.handler = (void *)on_sigbus;
	ours.flags = (is_default(&app) ? SA_ONSTACK
				       : app.flags & ~(unsigned long)SA_RESETHAND) |
		     SA_SIGINFO | FLAGS_MORE;
	ours.restorer = (void *)RESTORER;
	set_real(&ours);
}

/**
 * shim_sigbus_catch_locked() - install the shim's SIGBUS handler
 *
 * Must be called before the first hole for bad memory is made. May be called again.
 * Async-signal-safe.
 */
void shim_sigbus_catch_locked(void)
{
	if (is_caught)
		return;
	if (sys4(rt_sigaction, SIGBUS, NULL, &app, sizeof(uint64_t)) < 0)
		return;
	is_caught = true;
	put_handler_locked();
}

/**
 * shim_sigbus_release_locked() - restore the program's SIGBUS handler
 *
 * Called when there is no longer any bad memory. Async-signal-safe.
 */
void shim_sigbus_release_locked(void)
{
	if (!is_caught)
		return;
	is_caught = false;
	set_real(&app);
}

/**
 * shim_sigbus_action() - do what sigaction(SIGBUS) of the program does
 * @act:	the new action, or NULL
 * @old:	receives the program's old action; may be NULL
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_sigbus_action(const struct shim_sigaction *act, struct shim_sigaction *old)
{
	struct shim_sigaction before = app;
	uint64_t mask;
	bool has_lock = shim_lock_masked(&mask);
	long r = 0;

	if (is_caught) {
		before = app;
		if (act) {
			app = *act;
			app.mask &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
			put_handler_locked();
		}
		if (old)
			*old = before;
	} else {
		r = sys4(rt_sigaction, SIGBUS, act, old, sizeof(uint64_t));
	}
	if (has_lock)
		shim_unlock_masked(mask);
	return r;
}

/**
 * shim_sigbus_restorer() - get the code through which a signal handler returns
 * @flags:	flags of the action; SA_RESTORER is added if the action needs a restorer
 *
 * Async-signal-safe.
 *
 * Return: the restorer; NULL if the kernel provides its own.
 */
void *shim_sigbus_restorer(unsigned long *flags)
{
	*flags |= FLAGS_MORE;
	return (void *)RESTORER;
}

static void tell_access(const struct dax_vma *vma, const struct dax_bad *bad,
			uint64_t addr)
{
	const struct shim_session *s = shim_session_if_known();
	struct dax_fault_event ev;
	struct dax_device dev;

	dax_state_read(s->state, vma->slot, &dev);
	shim_fault_init(&ev, DAX_FAULT_TOUCH, dev.name);
	ev.rule = bad->rule;
	ev.address = addr;
	ev.off = vma->off + (addr - vma->start);
	ev.len = 1;
	shim_fault_tell(s, &ev, -1);
}

/* Corrects the siginfo, and reports the access to the daemon, if the memory is bad. */
static void correct_info(siginfo_t *info)
{
	const uint64_t addr = (uintptr_t)info->si_addr;
	struct dax_vma vma;
	struct dax_bad bad;
	uint64_t mask;
	bool is_bad;

	if (!shim_maps_touch(addr, 1) || !shim_lock_masked(&mask))
		return;
	is_bad = shim_badblocks_at_locked(addr, &vma, &bad);
	shim_unlock_masked(mask);
	if (!is_bad)
		return;
	tell_access(&vma, &bad, addr);
	if (!(bad.flags & DAX_BAD_POISON))
		return;
	info->si_code = BUS_MCEERR_AR;
	info->si_addr_lsb = (short)dax_shift(vma.align);
}

/* Gets the program's action for a signal, and resets it if it has SA_RESETHAND. */
static struct shim_sigaction take_action(void)
{
	struct shim_sigaction act;
	uint64_t mask;
	bool has_lock = shim_lock_masked(&mask);

	act = app;
	if (app.flags & SA_RESETHAND && !is_default(&app)) {
		app.handler = (void *)SIG_DFL;
		if (is_caught)
			put_handler_locked();
		else
			set_real(&app);
	}
	if (has_lock)
		shim_unlock_masked(mask);
	return act;
}

/* The facts on which the handler acts. */
struct judgement {
	siginfo_t *info;
	struct shim_sigaction act;
};

static void judge(void *arg)
{
	struct judgement *j = arg;

	if (j->info->si_code == BUS_ADRERR)
		correct_info(j->info);
	j->act = take_action();
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	static const struct shim_sigaction dies = {.handler = (void *)SIG_DFL};
	struct judgement j = {.info = info};
	struct shim_sigaction act;

	if (unlikely(shim_sigbus_on_own_memory != NULL))
		shim_sigbus_on_own_memory(judge, &j);
	else
		judge(&j);
	act = j.act;
	if (!is_default(&act) && act.handler != (void *)SIG_IGN) {
		((void (*)(int, siginfo_t *, void *))(uintptr_t)act.handler)(sig, info,
									     context);
		return;
	}
	if (info->si_code <= 0 && !is_default(&act))
		return;
	/*
	 * Restore SIG_DFL and have the signal raised again: by the access itself, or for
	 * poison and signals that a process sent, by queueing it. It is delivered when
	 * this handler returns, with the faulting registers, so that the core file shows
	 * the access.
	 */
	set_real(&dies);
	if (info->si_code == BUS_MCEERR_AR && !may_not_signal)
		sys4(rt_tgsigqueueinfo, sys0(getpid), sys0(gettid), sig, info);
	else if (info->si_code <= 0)
		sys3(tgkill, sys0(getpid), sys0(gettid), sig);
}

/**
 * shim_sigbus_forbid() - queue no signal from now on
 *
 * Called when the program has installed a seccomp filter that kills it for
 * rt_tgsigqueueinfo(2). Async-signal-safe.
 */
void shim_sigbus_forbid(void)
{
	may_not_signal = true;
}

/**
 * shim_sigbus_poisoned() - send this thread the SIGBUS of memory that was just poisoned
 * @addr:	first byte of the poisoned unit
 * @align:	bytes of the unit
 *
 * As in the kernel, a thread that blocks or ignores the signal is killed
 * (kernel/signal.c: force_sig_mceerr()). Takes the lock. Async-signal-safe.
 */
void shim_sigbus_poisoned(uint64_t addr, uint64_t align)
{
	static const struct shim_sigaction dies = {.handler = (void *)SIG_DFL};
	struct shim_sigaction act;
	uint64_t bus = BIT(SIGBUS);
	uint64_t blocked = 0;
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGBUS;
	info.si_code = BUS_MCEERR_AR;
	info.si_addr = (void *)(uintptr_t)addr;
	info.si_addr_lsb = (short)dax_shift(align);
	if (shim_sigbus_mask)
		blocked = *shim_sigbus_mask;
	else
		sys4(rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof(blocked));
	if (shim_sigbus_action(NULL, &act) < 0)
		return;
	if (blocked & bus || is_default(&act) || act.handler == (void *)SIG_IGN) {
		set_real(&dies);
		sys4(rt_sigprocmask, SIG_UNBLOCK, &bus, NULL, sizeof(bus));
	}
	sys4(rt_tgsigqueueinfo, sys0(getpid), sys0(gettid), SIGBUS, &info);
}
