/* SPDX-License-Identifier: BSD-2-Clause */
/* The seccomp filter: which system calls come to the shim. */
#ifndef GRAFT_FILTER_H
#define GRAFT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/shim/base/sys.h"

/* In si_errno of the signals of this filter, to tell them from those of the program's. */
#define GRAFT_FILTER_DATA 0xda0

/* A number that no call has: below the filter it fails with an errno that no call has. */
#define GRAFT_FILTER_PROBE       0xda7
#define GRAFT_FILTER_PROBE_ERRNO 0xda7

/* Where device mappings are made, in a part of the address space with nothing else. */
#define GRAFT_FILTER_WINDOW UINT64_C(0x680000000000)

/**
 * graft_filter_is_inherited() - tell whether a process has the filter
 *
 * Return: true if it has. Async-signal-safe.
 */
static inline bool graft_filter_is_inherited(void)
{
	return sys_call6(GRAFT_FILTER_PROBE, 0, 0, 0, 0, 0, 0) ==
	       -GRAFT_FILTER_PROBE_ERRNO;
}

bool graft_filter_init(void);
bool graft_filter_watch(int fd);
void graft_filter_see_address(uint64_t addr);

#endif
