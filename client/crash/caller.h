/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the code of the program that has called a function of persistent memory. */
#ifndef CRASH_CALLER_H
#define CRASH_CALLER_H

#include <stdbool.h>
#include <stdint.h>

struct crash_caller {
	uint64_t addr;     /* in memory; 0: the place is free */
	uint64_t file_off; /* the same as its file has it */
	const char *path;  /* of the file; "" for the program's own */
	bool is_inner;   /* in a library for persistent memory: it has a caller itself */
	uint16_t number; /* in the log; 0: none yet */
};

struct crash_caller *crash_caller_find(void);
void crash_caller_in_child(void);

#endif
