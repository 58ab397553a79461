/* SPDX-License-Identifier: BSD-2-Clause */
/* Record flushes and fences that the program executes as instructions. */
#ifndef CRASH_TRAP_H
#define CRASH_TRAP_H

int crash_trap_init(void);

#endif
