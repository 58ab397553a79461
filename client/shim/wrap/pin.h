/* SPDX-License-Identifier: BSD-2-Clause */
/* Refuse to pin memory without page structs. */
#ifndef SHIM_PIN_H
#define SHIM_PIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

bool shim_pin_refused(int fd, uintptr_t buf, const struct iovec *iov, uint64_t n);

#endif
