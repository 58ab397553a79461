/* SPDX-License-Identifier: BSD-2-Clause */
/* Begin to answer the program's system calls: before it starts, or its libraries do. */
#include "client/graft/begin.h"

#include <errno.h>

#include "client/shim/memory/map_plan.h"
#include "client/shim/process/environment.h"
#include "client/shim/process/own_fd.h"
#include "client/graft/context.h"
#include "client/graft/descriptor.h"
#include "client/graft/filter.h"
#include "client/graft/process.h"
#include "client/graft/trap.h"

static void watch_own(int fd)
{
	graft_filter_watch(fd);
}

/**
 * graft_begin() - install the handler and the filter
 * @has_libc:	true if the thread pointer is libc's; false before the program has one
 *
 * graft_initial_find() or graft_initial_take() must have been called.
 *
 * Return: true; false if it cannot be done, and the program sees no devices.
 */
bool graft_begin(bool has_libc)
{
	shim_environment_is_forced = true;
	graft_process_init();
	shim_map_plan_window = GRAFT_FILTER_WINDOW;
	shim_own_fd_on_add = watch_own;
	if (!graft_context_init(has_libc ? &errno : NULL) || !graft_trap_init() ||
	    !graft_filter_init())
		return false;
	graft_descriptor_look();
	return true;
}
