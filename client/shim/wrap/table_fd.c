/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions on descriptors that wrap.def declares with FD(). */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/memory/pagemap_show.h"
#include "client/shim/memory/proc_maps.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/maps.h"
#include "client/shim/wrap/fd_call.h"
#include "client/shim/wrap/pin.h"
#include "client/shim/wrap/wrap.h"

/*
 * Functions with a buffer have parameters of these names, which hide these variables. The
 * other functions use the variables, and are thus never refused for their buffer.
 */
#pragma GCC diagnostic ignored "-Wshadow"
static const void *const buf;
static const struct iovec *const iov;
static const uint64_t n;

/* A read of /proc/self/pagemap shows the backing store. */
#define SHOW_PAGEMAP(call, n, pos)                                                       \
	do {                                                                             \
		const bool is_at = DAX_CALL_##call == DAX_CALL_PREAD;                    \
                                                                                         \
		if (buf && (is_at || DAX_CALL_##call == DAX_CALL_READ) &&                \
		    unlikely(shim_proc_maps_has_pagemap) && (n) > 0)                     \
			shim_pagemap_show(fd, (void *)(uintptr_t)buf, (long)(n),         \
					  is_at ? (int64_t)(pos) : -1);                  \
	} while (0)

#define FD(name, type, params, args, call, a, b, c)                                      \
	SHIM_EXPORT type name params                                                     \
	{                                                                                \
		if (unlikely(shim_maps_has_no_pages) &&                                  \
		    shim_pin_refused(fd, (uintptr_t)buf, iov, (uint64_t)n))              \
			return (type)shim_ret(-EFAULT);                                  \
		if (unlikely(!shim_ident_is_other(fd))) {                                \
			int r = shim_fd_call(                                            \
				fd, DAX_CALL_##call, (int64_t)(a), (int64_t)(b),         \
				iov ? shim_fd_call_vector_error(iov, (uint64_t)n)        \
				    : (int64_t)(c));                                     \
                                                                                         \
			if (r < 0)                                                       \
				return (type)shim_ret(r);                                \
		}                                                                        \
		{                                                                        \
			const type ret = REAL(name) args;                                \
                                                                                         \
			SHOW_PAGEMAP(call, ret, a);                                      \
			return ret;                                                      \
		}                                                                        \
	}
#define PATH(...)
#define PATH_ASK(...)
#define OWN(name)

#include "client/shim/wrap/wrap.def"
