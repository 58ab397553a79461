/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that open files. */
#ifndef SHIM_OPEN_H
#define SHIM_OPEN_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

int shim_open(int dirfd, const char *path, int flags, mode_t mode);
int shim_open_how(int dirfd, const char *path, const void *arg, size_t size);
int shim_open_ours(const char *path, int flags, mode_t mode);
const char *shim_open_redirect(const char *path, char buf[PATH_MAX]);

#endif
