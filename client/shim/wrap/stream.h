/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams on devices and attributes. */
#ifndef SHIM_STREAM_H
#define SHIM_STREAM_H

#include <stdio.h>

/* struct _IO_FILE's _flags, since glibc 2.0: calls that read or write fail with EBADF. */
#define SHIM_STREAM_NO_READS  4
#define SHIM_STREAM_NO_WRITES 8

FILE *shim_stream_on(int fd, const char *mode, cookie_close_function_t *close);
int shim_stream_close(void *cookie);

#endif
