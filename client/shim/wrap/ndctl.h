/* SPDX-License-Identifier: BSD-2-Clause */
/* Do the ioctls of the nd bus's control node. */
#ifndef SHIM_NDCTL_H
#define SHIM_NDCTL_H

int shim_ndctl(int fd, unsigned long request, void *arg);

#endif
