/* SPDX-License-Identifier: BSD-2-Clause */
/* Decide about changes of directories and of the modes of files. */
#ifndef SHIM_CHANGE_H
#define SHIM_CHANGE_H

#include <sys/types.h>

int shim_change_make(int dirfd, const char *path);
long shim_change_mode(int dirfd, const char *path, mode_t mode, unsigned int flags);

#endif
