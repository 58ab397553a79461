/* SPDX-License-Identifier: BSD-2-Clause */
/* High numbers for descriptors, and a limit that is raised briefly. */
#ifndef SHIM_FD_LIMIT_H
#define SHIM_FD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

bool shim_fd_limit_raise(uint64_t *ret_soft);
void shim_fd_limit_set(uint64_t soft);
int shim_fd_limit_move(int fd);

#endif
