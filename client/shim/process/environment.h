/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment that a program gives to its children. */
#ifndef SHIM_ENVIRONMENT_H
#define SHIM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if no child may go without the shim, whatever its parent wants: it inherits a
 * filter that only the shim can answer.
 */
extern bool shim_environment_is_forced;

bool shim_environment_is_fresh(char *const *envp);
size_t shim_environment_room(char *const *envp);
char *const *shim_environment_fill(char *const *envp, void *room);

#endif
