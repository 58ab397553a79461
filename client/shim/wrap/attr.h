/* SPDX-License-Identifier: BSD-2-Clause */
/* Carry out writes to sysfs attributes. */
#ifndef SHIM_ATTR_H
#define SHIM_ATTR_H

#include <stddef.h>
#include <sys/types.h>

ssize_t shim_attr_write(int fd, const void *buf, size_t n);

#endif
