/* SPDX-License-Identifier: BSD-2-Clause */
/* Know the descriptors from which a program maps often by one system call. */
#ifndef SHIM_MARK_H
#define SHIM_MARK_H

#include <stdbool.h>

#include "client/shim/process/ident.h"

bool shim_mark_find(int fd, struct shim_ident *ret_id, int *ret_accmode);
void shim_mark_count(int fd, const struct shim_ident *id, int accmode);
void shim_mark_remove(int fd);

#endif
