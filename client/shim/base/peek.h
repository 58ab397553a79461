/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the program's memory where a pointer may be bad. */
#ifndef SHIM_PEEK_H
#define SHIM_PEEK_H

#include <stddef.h>

long shim_peek(void *to, const void *from, size_t n);

#endif
