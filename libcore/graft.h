/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of programs that name an interpreter: the shim, in a program that loads none. */
#ifndef DAX_GRAFT_H
#define DAX_GRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/reason.h"

/* The part of a program's file that is looked at and changed, from its beginning. */
#define DAX_GRAFT_HEAD 4096
/* The part of a script that the kernel reads (include/uapi/linux/binfmts.h). */
#define DAX_GRAFT_LINE 256

/* The switch, in the environment: the path of the interpreter. */
#define DAX_GRAFT_ENV "CUSE_DAXD_GRAFT="
/* For the copy: the path of the file that was copied, and the name that was executed. */
#define DAX_GRAFT_EXE    "CUSE_DAXD_EXE="
#define DAX_GRAFT_EXECFN "CUSE_DAXD_EXECFN="

/* The folder of the copies, in the runtime directory. */
#define DAX_GRAFT_FOLDER "graft"

enum dax_graft_kind {
	DAX_GRAFT_OTHER,   /* loads libraries, or is no program */
	DAX_GRAFT_FOREIGN, /* for another machine than this build */
	DAX_GRAFT_GO,      /* loads libraries, but makes system calls without them */
	DAX_GRAFT_SCRIPT,  /* begins with "#!" */
	DAX_GRAFT_STATIC,  /* at fixed addresses */
	DAX_GRAFT_PIE,     /* a static-pie program or a library: dax_graft_is_program() */
};

struct dax_graft {
	enum dax_graft_kind kind;
	uint64_t dynamic; /* if PIE: offset of the dynamic section in the file */
};

struct dax_graft_script {
	const char *interpreter;
	const char *argument; /* NULL: none */
};

void dax_graft_look(const void *head, size_t len, struct dax_graft *ret);
bool dax_graft_is_program(const void *dynamic, size_t len);
bool dax_graft_name(void *head, size_t len, uint64_t off, uint64_t size);
struct dax_verdict dax_graft_verdict(enum dax_graft_kind kind, bool is_set_id);
bool dax_graft_script(char *head, size_t len, struct dax_graft_script *ret);

#endif
