/* SPDX-License-Identifier: BSD-2-Clause */
/* Execute a copy in place of a program that loads no preload library. */
#ifndef SHIM_GRAFT_H
#define SHIM_GRAFT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "libcore/graft.h"
#include "libcore/reason.h"

/* The library that answers system calls of programs with libraries, beside the interpreter. */
#define SHIM_GRAFT_TRAP "libdaxtrap.so"

/* The part of the shim's name that every LD_PRELOAD with it contains. */
#define SHIM_GRAFT_LIBRARY "libdaxshim"

/* The interpreter, which lies beside the shim. */
#define SHIM_GRAFT_INTERPRETER "daxgraft"

/* The arguments of execveat(2). */
struct shim_graft {
	int dirfd;
	const char *path;
	char *const *argv;
	char *const *envp;
	int flags;
	/* Asked if the environment has no CUSE_DAXD_GRAFT. */
	bool (*has_daemon)(void);
	struct dax_verdict verdict; /* receives a remark on the program */
	int memory; /* descriptor of a copy without a name, for the caller to close; or -1 */
};

const char *shim_graft_value(char *const *envp, const char *name);
size_t shim_graft_room(const struct shim_graft *g);
bool shim_graft_is_on(char *const *envp);
bool shim_graft_plan(struct shim_graft *g, void *room);
const char *shim_graft_search(const char *file, const char *dirs, char buf[PATH_MAX]);

#endif
