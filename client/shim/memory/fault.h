/* SPDX-License-Identifier: BSD-2-Clause */
/* Inject faults: make calls fail or delay them, as the fault rules demand. */
#ifndef SHIM_FAULT_H
#define SHIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/reason.h"

#include "client/shim/process/session.h"

/* The descriptor or memory that a call is on. */
struct shim_fault_place {
	int fd;           /* a descriptor that shows that the call is allowed, or -1 */
	uint64_t address; /* of the memory, if the call is about memory, else 0 */
	uint64_t off; /* the part of the device, if the call is about memory, else 0 */
	uint64_t len;
};

bool shim_fault_strikes(const struct dax_fault_rule *rule,
			const struct dax_fault_event *ev, uint64_t now_ns);
bool shim_fault_is_refused(uint32_t rule);
void shim_fault_init(struct dax_fault_event *ev, enum dax_fault_call call,
		     const char *device);
void shim_fault_tell(const struct shim_session *s, const struct dax_fault_event *ev,
		     int fd);
int shim_fault(const struct shim_session *s, enum dax_fault_call call, const char *device,
	       const struct shim_fault_place *place);
int shim_fault_slot(const struct shim_session *s, enum dax_fault_call call, uint32_t slot,
		    const struct shim_fault_place *place);
int shim_fault_range(enum dax_fault_call call, enum dax_call reported, uint64_t addr,
		     uint64_t len);

/**
 * shim_fault_at() - apply the fault rules to a call on memory
 * @call:	the call
 * @reported:	the same call, as daxrun's reports name it
 * @addr, @len:	its range, as the program passed it
 *
 * Reads one word if there are no rules for the call. Otherwise it takes the lock and may
 * sleep, so it must not be called with the lock held. Async-signal-safe.
 *
 * Return: 0, or the negative errno with which the call must fail.
 */
static inline int shim_fault_at(enum dax_fault_call call, enum dax_call reported,
				uint64_t addr, uint64_t len)
{
	if (shim_session_has_faults(shim_session_if_known(), call))
		return shim_fault_range(call, reported, addr, len);
	return 0;
}

#endif
