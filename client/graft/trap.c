/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answer the system calls that the filter stops.
 *
 * The kernel raises SIGSYS instead of making the call. The handler hands the call to the
 * shim, which does what it does for syscall(2), and puts the result where the program
 * expects it. The handler itself has no variables of its thread, and runs on a stack that
 * may be small.
 */
#include "client/graft/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <ucontext.h>
#include <utime.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/bpf.h"
#include "client/shim/memory/sigbus.h"
#include "client/shim/process/maps.h"
#include "client/shim/wrap/poll.h"
#include "client/shim/wrap/syscall.h"
#include "client/graft/altstack.h"
#include "client/graft/call.h"
#include "client/graft/context.h"
#include "client/graft/descriptor.h"
#include "client/graft/filter.h"
#include "client/graft/process.h"
#include "client/graft/signal.h"
#include "client/graft/initial.h"

#define EXE_LINK "/proc/self/exe"

struct answer {
	const struct graft_call *c;
	long ret;
};

/* The calls for which syscall(2) of the shim has no row, as libc has functions for them. */
static long call_wrapper(const struct graft_call *c)
{
	const long *a = c->args;

	switch (c->nr) {
	case SYS_utime:
		return utime((const char *)a[0], (const struct utimbuf *)a[1]);
	case SYS_utimes:
		return utimes((const char *)a[0], (const struct timeval *)a[1]);
	case SYS_futimesat:
		return futimesat((int)a[0], (const char *)a[1],
				 (const struct timeval *)a[2]);
	case SYS_removexattr:
		return removexattr((const char *)a[0], (const char *)a[1]);
	case SYS_lremovexattr:
		return lremovexattr((const char *)a[0], (const char *)a[1]);
	case SYS_inotify_add_watch:
		return inotify_add_watch((int)a[0], (const char *)a[1], (uint32_t)a[2]);
	case SYS_ppoll:
		return ppoll((struct pollfd *)a[0], (nfds_t)a[1],
			     (const struct timespec *)a[2], NULL);
	default:
		return shim_syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

/* True if the call returns a new descriptor. */
static bool makes_descriptor(const struct graft_call *c)
{
	switch (c->nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
	case SYS_pidfd_getfd:
	case SYS_open_by_handle_at:
	case SYS_open_tree:
	case SYS_open_tree_attr:
		return true;
	case SYS_fcntl:
		return c->args[1] == F_DUPFD || c->args[1] == F_DUPFD_CLOEXEC;
	default:
		return false;
	}
}

/* Return: the seccomp filter that the call installs, or NULL. */
static const void *filter_of(const struct graft_call *c)
{
	const long *a = c->args;

	if (c->nr == SYS_seccomp && a[0] == SECCOMP_SET_MODE_FILTER)
		return (const void *)a[2];
	if (c->nr == SYS_prctl && a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_FILTER)
		return (const void *)a[2];
	return NULL;
}

/* In a context: lets the shim answer. */
static void ask_shim(void *arg)
{
	struct answer *answer = arg;
	const struct graft_call *c = answer->c;
	long r;

	errno = 0;
	shim_sigbus_mask = c->mask;
	r = call_wrapper(c);
	shim_sigbus_mask = NULL;
	if (r >= 0 && filter_of(c) &&
	    shim_bpf_kills(filter_of(c), SYS_process_vm_readv, 0))
		graft_call_trust();
	if (r == -1 && errno)
		r = -errno;
	if (makes_descriptor(c))
		r = graft_descriptor_new(r);
	if ((c->nr == SYS_mmap || c->nr == SYS_mremap) && !sys_is_error(r) &&
	    shim_maps_overlap((uint64_t)r, 1))
		graft_filter_see_address((uint64_t)r);
	answer->ret = r;
}

static long let_shim_answer(const struct graft_call *c)
{
	struct answer answer = {.c = c};

	graft_context_run(ask_shim, &answer);
	return answer.ret;
}

/* True if the program's pointer leads to a string whose beginning can be read. */
static bool is_readable(const char *path)
{
	char first;

	return graft_call_read(&first, path, sizeof(first)) == 0;
}

/* True if the path may only lead to a file of the machine, unless it is a dangling link. */
static bool is_plain(const char *path)
{
	return !dax_path_has_word(path) && strncmp(path, "/dev", 4) &&
	       strncmp(path, "/sys", 4) && strncmp(path, "/proc", 5);
}

/* The arguments of open(2), creat(2) and openat(2). */
struct opening {
	int dirfd;
	const char *path;
	long flags;
};

static struct opening opening_of(const struct graft_call *c)
{
	const long *a = c->args + (c->nr == SYS_openat);

	return (struct opening){
		.dirfd = c->nr == SYS_openat ? (int)c->args[0] : AT_FDCWD,
		.path = (const char *)a[0],
		.flags = c->nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC : a[1],
	};
}

/*
 * open(2): another file is opened with the program's signals, as it may be a FIFO. A
 * directory may have emulated entries, and a file that is made may be a device behind a
 * link.
 */
static long open_file(const struct graft_call *c)
{
	const struct opening o = opening_of(c);
	char target[2];
	long r;

	if (!is_readable(o.path))
		return graft_call_kernel(c);
	if (graft_initial_exe() && !strcmp(o.path, EXE_LINK)) {
		struct graft_call mine = *c;

		mine.args[c->nr == SYS_openat] = (long)graft_initial_exe();
		return graft_call_interruptible(&mine);
	}
	if (o.flags & O_DIRECTORY || !is_plain(o.path) ||
	    (o.flags & O_CREAT &&
	     sys4(readlinkat, o.dirfd, o.path, target, sizeof(target)) > 0))
		return let_shim_answer(c);
	r = graft_call_interruptible(c);
	return r == -ENOENT ? let_shim_answer(c) : r;
}

/* readlink(2): the program is the original, not its copy. */
static long read_link(const struct graft_call *c)
{
	const long *a = c->args + (c->nr == SYS_readlinkat);
	const char *exe = graft_initial_exe();
	size_t n;

	if (!exe || !is_readable((const char *)a[0]) ||
	    strcmp((const char *)a[0], EXE_LINK) != 0)
		return let_shim_answer(c);
	if ((int)a[2] <= 0)
		return -EINVAL;
	n = strlen(exe);
	n = n < (size_t)a[2] ? n : (size_t)a[2];
	return graft_call_write((void *)a[1], exe, n) < 0 ? -EFAULT : (long)n;
}

/* In a context. */
static void change_sigbus(void *arg)
{
	struct graft_call *c = arg;

	c->args[0] = shim_sigbus_action((const struct shim_sigaction *)c->args[1],
					(struct shim_sigaction *)c->args[2]);
}

/* rt_sigaction(SIGBUS): the shim may have a handler of its own there. */
static long sigbus_action(const struct graft_call *c)
{
	struct graft_call mine = *c;
	struct shim_sigaction act;
	struct shim_sigaction old;
	const long r = graft_signal_action(c, &act);

	if (r < 0)
		return r;
	if (c->args[1])
		mine.args[1] = (long)&act;
	mine.args[2] = (long)&old;
	graft_context_run(change_sigbus, &mine);
	if (mine.args[0] == 0 && c->args[2] &&
	    graft_call_write((void *)c->args[2], &old, sizeof(old)) < 0)
		return -EFAULT;
	return mine.args[0];
}

/* In a context: tells whether the shim has events for poll(2). */
static void look_for_news(void *arg)
{
	struct answer *answer = arg;

	answer->ret = shim_poll_has_news((const struct pollfd *)answer->c->args[0],
					 (nfds_t)answer->c->args[1]);
}

/* poll(2), ppoll(2): only the program's own call may sleep. */
static long poll_files(const struct graft_call *c)
{
	struct answer answer = {.c = c};
	long r;

	graft_context_run(look_for_news, &answer);
	if (answer.ret)
		return let_shim_answer(c);
	return graft_signal_call(c, &r) ? r : graft_call_interruptible(c);
}

/* The same lock without waiting for it. Return: false if the call does not wait. */
static bool without_waiting(const struct graft_call *c, struct graft_call *ret)
{
	*ret = *c;
	if (c->nr == SYS_flock) {
		ret->args[1] |= LOCK_NB;
		return !(c->args[1] & (LOCK_NB | LOCK_UN));
	}
	ret->args[1] = c->args[1] == F_SETLKW ? F_SETLK : F_OFD_SETLK;
	return c->args[1] == F_SETLKW || c->args[1] == F_OFD_SETLKW;
}

/*
 * flock(2), fcntl(2): only the program's own call may wait for a lock. Once it has the
 * lock, the shim gets it again, and learns of it.
 */
static long lock_file(const struct graft_call *c)
{
	struct graft_call try;
	long r;

	if (!without_waiting(c, &try))
		return let_shim_answer(c);
	r = let_shim_answer(&try);
	if (r != -EAGAIN && r != -EACCES)
		return r;
	r = graft_call_interruptible(c);
	return r < 0 ? r : let_shim_answer(c);
}

/* exec of an emulated file fails with another errno than the kernel's. */
static long exec(const struct graft_call *c)
{
	const long r = graft_process_exec(c);

	return r == -ENOENT ? let_shim_answer(c) : r;
}

static long answer_call(const struct graft_call *c)
{
	long r;

	if (c->nr == SYS_rt_sigaction && c->args[0] == SIGBUS)
		return sigbus_action(c);
	switch (c->nr) {
	case SYS_poll:
	case SYS_ppoll:
		return poll_files(c);
	case SYS_execve:
	case SYS_execveat:
		return exec(c);
	case SYS_fork:
	case SYS_clone:
		return graft_process_fork(c);
	case SYS_flock:
	case SYS_fcntl:
		return lock_file(c);
	case SYS_sigaltstack:
		return graft_altstack_call(c);
	case SYS_recvmsg:
	case SYS_recvmmsg:
		return graft_descriptor_receive(c);
	case SYS_open:
	case SYS_openat:
	case SYS_creat:
		return open_file(c);
	case SYS_readlink:
	case SYS_readlinkat:
		return read_link(c);
	default:
		return graft_signal_call(c, &r) ? r : let_shim_answer(c);
	}
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const struct graft_call c = graft_call_of(info, uc);

	/* SYS_SECCOMP, which not all headers have */
	if (unlikely(info->si_code != 1 || info->si_errno != GRAFT_FILTER_DATA))
		graft_signal_pass_on(sig, info, context);
	else
		uc->uc_mcontext.gregs[REG_RAX] = answer_call(&c);
}

/**
 * graft_trap_init() - be ready for the calls that the filter stops
 *
 * Return: false if the kernel refuses the handler.
 */
bool graft_trap_init(void)
{
	const uint64_t sigsys = GRAFT_CALL_SIGSYS;
	struct shim_sigaction act = {.handler = (void *)on_sigsys,
				     .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
				     .mask = ~UINT64_C(0)};

	act.restorer = shim_sigbus_restorer(&act.flags);
	shim_sigbus_on_own_memory = graft_context_run_masked;
	if (sys4(rt_sigaction, SIGSYS, &act, NULL, sizeof(act.mask)) < 0)
		return false;
	sys4(rt_sigprocmask, SIG_UNBLOCK, &sigsys, NULL, sizeof(sigsys));
	return true;
}
