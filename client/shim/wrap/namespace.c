/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the calls that the kernel allows only to a process with one thread: a second one, the
 * shim's agent, steps aside for them (kernel/fork.c: check_unshare_flags();
 * kernel/user_namespace.c: userns_install()).
 */
#include <sched.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/memory/agent.h"
#include "client/shim/wrap/wrap.h"

#define ALONE (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

SHIM_EXPORT int unshare(int flags)
{
	const bool has_left = flags & ALONE && shim_agent_leave();
	const int r = REAL(unshare)(flags);

	if (has_left)
		shim_agent_start();
	return r;
}

SHIM_EXPORT int setns(int fd, int type)
{
	const bool has_left = shim_agent_leave();
	const int r = REAL(setns)(fd, type);

	if (has_left)
		shim_agent_start();
	return r;
}
