/* SPDX-License-Identifier: BSD-2-Clause */
/* Answer the system calls that the filter stops. */
#ifndef GRAFT_TRAP_H
#define GRAFT_TRAP_H

#include <stdbool.h>

bool graft_trap_init(void);

#endif
