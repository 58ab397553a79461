/* SPDX-License-Identifier: BSD-2-Clause */
/* Begin to answer the program's system calls. */
#ifndef GRAFT_BEGIN_H
#define GRAFT_BEGIN_H

#include <stdbool.h>

bool graft_begin(bool has_libc);

#endif
