/* SPDX-License-Identifier: BSD-2-Clause */
/* Raise the limit of open descriptors briefly. */
#ifndef SHIM_FD_LIMIT_H
#define SHIM_FD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

bool shim_fd_limit_raise(uint64_t *ret_soft);
void shim_fd_limit_set(uint64_t soft);

#endif
