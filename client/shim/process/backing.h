/* SPDX-License-Identifier: BSD-2-Clause */
/* Cache of the descriptors of backing stores. */
#ifndef SHIM_BACKING_H
#define SHIM_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/device.h"

#include "client/shim/process/session.h"

int shim_backing(const struct shim_session *s, uint32_t slot,
		 const struct dax_device *dev, bool is_writable, int handle);
bool shim_backing_is_small_paged(int fd);
bool shim_backing_is_shmem(uint32_t slot);

#endif
