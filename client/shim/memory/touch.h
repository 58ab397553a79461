/* SPDX-License-Identifier: BSD-2-Clause */
/* Delay the first touch of memory. */
#ifndef SHIM_TOUCH_H
#define SHIM_TOUCH_H

#include <stdint.h>

#include "libcore/device.h"
#include "libcore/fault.h"

#include "client/shim/process/session.h"

void shim_touch_mapped(const struct dax_device *dev, uint64_t addr, uint64_t len);
void shim_touch_follow_locked(const struct shim_session *s, const struct dax_device *dev);
void shim_touch_forked(void);
void shim_touch_forbid(void);
void shim_touch_tell_refused(const struct shim_session *s);

/**
 * shim_touch_tell() - report touch rules that cannot work here to the daemon, if any
 * @s:		the session
 *
 * Reads one word if there are no touch rules. Otherwise it takes the lock, so it must not
 * be called with the lock held. Async-signal-safe.
 */
static inline void shim_touch_tell(const struct shim_session *s)
{
	if (shim_session_has_faults(s, DAX_FAULT_TOUCH))
		shim_touch_tell_refused(s);
}

#endif
