/* SPDX-License-Identifier: BSD-2-Clause */
/* Asynchronous input and output. */
#ifndef SHIM_AIO_H
#define SHIM_AIO_H

long shim_aio_submit(unsigned long ctx, long nr, void *list);

#endif
