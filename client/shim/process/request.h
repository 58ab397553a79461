/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to the daemon. */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/wire.h"

#include "client/shim/process/session.h"

/* Longer than a live daemon takes on a busy machine, shorter than people wait. */
#define SHIM_REQUEST_TIMEOUT_S 20

int shim_request(const struct shim_session *s, enum dax_msg_type type, uint64_t arg,
		 const void *body, size_t len, int fd, int *ret_fd, uint64_t ret_arg[4]);
bool shim_request_is_allowed(void);
void shim_request_forbid(void);
void shim_request_inside(int32_t tid);

#endif
