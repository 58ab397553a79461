/* SPDX-License-Identifier: BSD-2-Clause */
/* The start of a grafted program. */
#ifndef GRAFT_START_H
#define GRAFT_START_H

void *graft_start(long *stack);
/**
 * graft_start_here() - where the kernel starts this file, as a program's interpreter
 */
void graft_start_here(void);

#endif
