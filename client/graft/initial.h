/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment and the auxiliary vector of the program. */
#ifndef GRAFT_INITIAL_H
#define GRAFT_INITIAL_H

void graft_initial_find(char **envp);
void *graft_initial_take(long *stack, const char **ret_execfn);
const char *graft_initial_exe(void);
char *const *graft_initial_environment(void);
unsigned long graft_initial_value(unsigned long type);

#endif
