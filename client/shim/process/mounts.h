/* SPDX-License-Identifier: BSD-2-Clause */
/* Show the program a mounted debugfs, if there is CXL in it. */
#ifndef SHIM_MOUNTS_H
#define SHIM_MOUNTS_H

int shim_mounts_open(const char *path, int flags);

#endif
