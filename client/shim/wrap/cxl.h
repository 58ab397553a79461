/* SPDX-License-Identifier: BSD-2-Clause */
/* Do the ioctls of CXL memory devices. */
#ifndef SHIM_CXL_H
#define SHIM_CXL_H

int shim_cxl(int fd, unsigned long request, void *arg);

#endif
