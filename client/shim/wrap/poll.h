/* SPDX-License-Identifier: BSD-2-Clause */
/* poll(2) of attributes. */
#ifndef SHIM_POLL_H
#define SHIM_POLL_H

#include <poll.h>
#include <stdbool.h>

bool shim_poll_has_news(const struct pollfd *fds, nfds_t n);

#endif
