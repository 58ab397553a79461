/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit of open descriptors, raised for a moment. */
#ifndef SHIM_FD_LIMIT_H
#define SHIM_FD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

bool shim_fd_limit_raise(uint64_t *ret_soft);
void shim_fd_limit_set(uint64_t soft);

#endif
