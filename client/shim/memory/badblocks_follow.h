/* SPDX-License-Identifier: BSD-2-Clause */
/* Make and heal the holes that mappings have where memory is bad. */
#ifndef SHIM_BADBLOCKS_FOLLOW_H
#define SHIM_BADBLOCKS_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/device.h"

#include "client/shim/process/session.h"

bool shim_badblocks_follow_locked(const struct shim_session *s,
				  const struct dax_device *dev, bool is_whole);
uint64_t shim_badblocks_follow_settle(void);

#endif
