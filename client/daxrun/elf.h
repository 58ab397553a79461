/* SPDX-License-Identifier: BSD-2-Clause */
/* The kind of program of a command. */
#ifndef RUN_ELF_H
#define RUN_ELF_H

#include <stdbool.h>

struct run_program {
	bool is_static; /* an ELF file that loads no shim */
	bool is_other;  /* an ELF file for other processors, or 32-bit */
	bool is_go;     /* its system calls are its own, even if it is linked to libc */
	bool is_set_id; /* it ignores LD_PRELOAD */
	char asan[32];  /* soname of ASan's runtime, if it is linked to one */
};

void run_elf_look_at(const char *command, struct run_program *ret);

#endif
