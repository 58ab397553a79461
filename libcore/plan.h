/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of a backing store that make up a mapping of a device.
 *
 * Device-dax maps in units of its align. A unit is served if it lies wholly in one
 * range of the device (drivers/dax/device.c: dax_pgoff_to_phys()). Touching any other
 * unit, or a page of the backing store that holds bad memory, is SIGBUS: it is a hole in
 * the plan, where the caller maps something that raises the signal.
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
	uint64_t off;  /* device offset of pos 0 */
	uint64_t unit; /* device offset at which a unit of the mapping begins */
	/* To find bad memory; NULL if there is none, or the caller does not care. */
	const struct dax_state *state;
	const struct dax_fault_who *me;
};

struct dax_segment {
	uint64_t pos; /* from the start of the mapping */
	uint64_t len;
	uint64_t store; /* offset in the backing store; of a hole: in the device */
	bool is_hole;
};

void dax_plan_init(struct dax_plan *plan, const struct dax_device *dev, uint64_t off,
		   uint64_t len);
void dax_plan_set_unit(struct dax_plan *plan, uint64_t off);
void dax_plan_mind_bad(struct dax_plan *plan, const struct dax_state *state,
		       const struct dax_fault_who *me);
bool dax_plan_next(struct dax_plan *plan, struct dax_segment *ret);

#endif
