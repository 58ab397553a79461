/* SPDX-License-Identifier: BSD-2-Clause */
/* Read and write the program's memory through pointers that may be bad. */
#ifndef SHIM_PEEK_H
#define SHIM_PEEK_H

#include <stddef.h>

long shim_peek(void *to, const void *from, size_t n);
long shim_poke(void *to, const void *from, size_t n);

#endif
