/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory whose first touch is slow. */
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
 * shim_touch_tell() - report the touch rules that this process can't have, if any
 * @s:		the session
 *
 * One look at a word if there are no such rules. Not with the lock held.
 */
static inline void shim_touch_tell(const struct shim_session *s)
{
	if (shim_session_has_faults(s, DAX_FAULT_TOUCH))
		shim_touch_tell_refused(s);
}

#endif
