/* SPDX-License-Identifier: BSD-2-Clause */
/* Send requests to the daemon. */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/wire.h"

#include "client/shim/process/session.h"

/* Longer than a live daemon takes on a busy machine, shorter than users will wait. */
#define SHIM_REQUEST_TIMEOUT_S 20

/* A request, and where to store its reply. */
struct shim_request {
	enum dax_msg_type type;
	uint64_t arg;      /* sent as arg[0] of struct dax_msg */
	const void *body;  /* or NULL */
	size_t len;        /* of @body, in bytes */
	int fd;            /* a descriptor to send along, or -1 */
	int *ret_fd;       /* receives the reply's descriptor, or -1; may be NULL */
	uint64_t *ret_arg; /* receives the reply's four arguments; may be NULL */
};

int shim_request(const struct shim_session *s, const struct shim_request *req);
bool shim_request_is_allowed(void);
void shim_request_forbid(void);
void shim_request_inside(int32_t tid);

#endif
