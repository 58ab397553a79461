/* SPDX-License-Identifier: BSD-2-Clause */
/* Apply libcore's verdicts to calls on descriptors of devices and attributes. */
#ifndef SHIM_FD_CALL_H
#define SHIM_FD_CALL_H

#include <stdint.h>
#include <sys/uio.h>

#include "libcore/reason.h"

#include "client/shim/process/ident.h"

int shim_fd_call(int fd, enum dax_call call, int64_t a, int64_t b, int64_t c);
int shim_fd_call_fadvise(int fd, int64_t off, int64_t len, int advice);
int shim_fd_call_vector_error(const struct iovec *iov, uint64_t n);
int shim_fd_call_node(const struct shim_ident *id, int fd, enum dax_call call, int64_t a,
		      int64_t b, int64_t c);

#endif
