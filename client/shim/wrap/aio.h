/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap asynchronous I/O. */
#ifndef SHIM_AIO_H
#define SHIM_AIO_H

long shim_aio_submit(unsigned long ctx, long nr, void *list);

#endif
