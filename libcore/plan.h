/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a stretch of a device to the pieces of its backing store.
 *
 * Device-dax maps in units of its align. A unit is served if it lies wholly in one
 * range of the device (drivers/dax/device.c: dax_pgoff_to_phys()); any other faults,
 * and is a hole in the plan: the caller maps something there whose touch is SIGBUS. So
 * is a unit that is bad.
 */
#ifndef DAX_PLAN_H
#define DAX_PLAN_H

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/state.h"

struct dax_plan {
	const struct dax_device *dev;
	uint64_t pos; /* bytes done, from the start of the mapping */
	uint64_t len;
	uint64_t off; /* device offset of pos 0 */
	/* To know what is bad: NULL if nothing is, or nobody cares. */
	const struct dax_state *state;
	const struct dax_fault_who *me;
};

struct dax_segment {
	uint64_t pos; /* from the start of the mapping */
	uint64_t len;
	uint64_t store; /* offset in the backing store; holes: in the device */
	bool is_hole;
};

void dax_plan_init(struct dax_plan *plan, const struct dax_device *dev, uint64_t off,
		   uint64_t len);
void dax_plan_mind_bad(struct dax_plan *plan, const struct dax_state *state,
		       const struct dax_fault_who *me);
bool dax_plan_next(struct dax_plan *plan, struct dax_segment *ret);

#endif
