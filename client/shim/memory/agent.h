/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that keeps mappings up to date with the devices. */
#ifndef SHIM_AGENT_H
#define SHIM_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/device.h"

#include "client/shim/process/session.h"

void shim_agent_start(void);
bool shim_agent_leave(void);
void shim_agent_follow_new_locked(const struct shim_session *s, uint32_t slot,
				  const struct dax_device *dev);

#endif
