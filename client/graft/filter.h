/* SPDX-License-Identifier: BSD-2-Clause */
/* The seccomp filter: which system calls come to the shim. */
#ifndef GRAFT_FILTER_H
#define GRAFT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* In si_errno of the signals of this filter, to tell them from those of the program's. */
#define GRAFT_FILTER_DATA 0xda0

/* Where device mappings are made, in a part of the address space with nothing else. */
#define GRAFT_FILTER_WINDOW UINT64_C(0x680000000000)

bool graft_filter_init(void);
bool graft_filter_watch(int fd);
void graft_filter_see_address(uint64_t addr);

#endif
