/* SPDX-License-Identifier: BSD-2-Clause */
/* New processes and programs. */
#include "client/graft/process.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/shim/base/graft.h"
#include "client/shim/base/pointer.h"
#include "client/shim/process/environment.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/graft/altstack.h"
#include "client/graft/context.h"

/* The shim's handlers of fork(2); it registers them once. */
static struct {
	void (*before)(void);
	void (*parent)(void);
	void (*child)(void);
} handlers;

/* The process whose memory this is. */
static long own;

/**
 * graft_process_init() - note that this memory is the process's own
 */
void graft_process_init(void)
{
	own = sys0(getpid);
}

/**
 * graft_process_is_own() - tell whether this memory is the process's own
 *
 * Return: false in a child of vfork(2), which uses its parent's.
 */
bool graft_process_is_own(void)
{
	return own == sys0(getpid);
}

/**
 * graft_process_at_fork() - do what pthread_atfork(3) does
 * @before, @parent, @child:	the shim's handlers, which run in a context
 */
void graft_process_at_fork(void (*before)(void), void (*parent)(void),
			   void (*child)(void))
{
	handlers.parent = parent;
	handlers.child = child;
	__atomic_store_n(&handlers.before, before, __ATOMIC_RELEASE);
}

struct fork {
	long flags;
	const struct graft_call *c;
	long ret;
};

/* Forks in a context, of which the child has a copy. */
static void run_fork(void *arg)
{
	struct fork *f = arg;
	void (*before)(void) = __atomic_load_n(&handlers.before, __ATOMIC_ACQUIRE);

	if (before)
		before();
	f->ret = sys5(clone, f->flags, 0, f->c->args[2], f->c->args[3], 0);
	if (f->ret == 0) {
		graft_context_forked();
		graft_process_init();
		graft_altstack_forked();
	}
	if (before && f->ret)
		handlers.parent();
	else if (before)
		handlers.child();
}

/**
 * graft_process_fork() - answer fork(2), and clone(2) without CLONE_VM
 * @c:	the call
 *
 * Returns in the child as well, which then leaves the handler as its parent does.
 *
 * Return: a value or a negative errno.
 */
long graft_process_fork(const struct graft_call *c)
{
	const bool is_clone = c->nr == SYS_clone;
	struct fork f = {.c = c,
			 .flags = is_clone ? c->args[0] & ~CLONE_SETTLS : SIGCHLD};

	graft_context_run(run_fork, &f);
	if (f.ret == 0 && is_clone) {
		/* The kernel would have set these; they are in force when the handler returns. */
		if (c->args[0] & CLONE_SETTLS)
			graft_context_set_tls((unsigned long)c->args[4]);
		if (c->args[1])
			*c->stack = c->args[1];
	}
	return f.ret;
}

struct exec {
	struct shim_graft g;
	size_t environment_room;
	size_t size;
	char *room;
	bool is_planned;
};

static void measure(void *arg)
{
	struct exec *e = arg;

	e->environment_room = shim_environment_is_fresh(e->g.envp)
				      ? shim_environment_room(e->g.envp)
				      : 0;
	e->environment_room = (e->environment_room + 15) & ~(size_t)15;
	/* The environment may get longer by what the first part adds. */
	e->size = 2 * e->environment_room + shim_graft_room(&e->g);
}

static void plan(void *arg)
{
	struct exec *e = arg;

	if (e->environment_room)
		e->g.envp = shim_environment_fill(e->g.envp, e->room);
	e->is_planned = shim_graft_is_on(e->g.envp) &&
			shim_graft_plan(&e->g, e->room + e->environment_room);
	if (!e->is_planned)
		shim_report_exec(e->g.path, &e->g.verdict);
}

/* Arguments whose pointers the kernel must judge. */
static bool is_bad(const void *list)
{
	return list && !shim_is_pointer(list);
}

/**
 * graft_process_exec() - answer execve(2) and execveat(2)
 * @c:	the call
 *
 * The plan lies on the program's stack, and no context is taken when the program ends: a
 * child of vfork(2) would leave it taken in its parent.
 *
 * Return: a negative errno.
 */
long graft_process_exec(const struct graft_call *c)
{
	const bool is_at = c->nr == SYS_execveat;
	const long *a = c->args + is_at;
	struct graft_call mine = *c;
	struct exec e = {.g = {.dirfd = is_at ? (int)c->args[0] : AT_FDCWD,
			       .path = (const char *)a[0],
			       .argv = (char *const *)a[1],
			       .envp = (char *const *)a[2],
			       .flags = is_at ? (int)c->args[4] : 0,
			       .has_daemon = shim_session_exists,
			       .memory = -1}};
	long r;

	if (is_bad(e.g.argv) || is_bad(e.g.envp))
		return graft_call_interruptible(c);
	graft_context_run(measure, &e);
	e.room = __builtin_alloca(e.size);
	graft_context_run(plan, &e);
	if (e.is_planned) {
		mine.nr = SYS_execveat;
		mine.args[0] = e.g.dirfd;
		mine.args[1] = (long)e.g.path;
		mine.args[2] = (long)e.g.argv;
		mine.args[3] = (long)e.g.envp;
		mine.args[4] = e.g.flags;
		r = graft_call_interruptible(&mine);
		if (e.g.memory >= 0)
			sys1(close, e.g.memory);
		if (r != -ENOENT && r != -EACCES)
			return r;
		mine = *c;
	} else {
		mine.args[is_at + 2] = (long)e.g.envp;
	}
	return graft_call_interruptible(&mine);
}
