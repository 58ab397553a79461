/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a backing store that make up a mapping of a device. */
#include "libcore/plan.h"

#include <stddef.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/size.h"
#include "libcore/state.h"

/**
 * dax_plan_init() - begin a plan
 * @plan:	receives it
 * @dev:	the device; must outlive the plan
 * @off:	device offset of the mapping's first byte; page-aligned
 * @len:	length of the mapping in bytes: a multiple of the device's align
 *
 * Units are counted from @off on; see dax_plan_set_unit().
 */
void dax_plan_init(struct dax_plan *plan, const struct dax_device *dev, uint64_t off,
		   uint64_t len)
{
	*plan = (struct dax_plan){.dev = dev, .off = off, .unit = off, .len = len};
}

/**
 * dax_plan_set_unit() - let a plan begin inside a unit
 * @plan:	from dax_plan_init(), for a part of a mapping
 * @off:	device offset at which any unit of the mapping begins
 *
 * The plan's length need then not be a multiple of the align.
 */
void dax_plan_set_unit(struct dax_plan *plan, uint64_t off)
{
	plan->unit = off;
}

/**
 * dax_plan_mind_bad() - make bad memory holes in a plan
 * @plan:	from dax_plan_init()
 * @state:	the state pages
 * @me:		the process that maps the device
 *
 * For devices with DAX_DEVICE_BAD.
 */
void dax_plan_mind_bad(struct dax_plan *plan, const struct dax_state *state,
		       const struct dax_fault_who *me)
{
	plan->state = state;
	plan->me = me;
}

/* How many of @len served bytes at @off are alike: all bad, or all good. */
static uint64_t cut_at_bad(const struct dax_plan *plan, uint64_t off, uint64_t len,
			   bool *ret_is_bad)
{
	struct dax_bad bad;

	*ret_is_bad = false;
	if (!plan->state || !dax_state_next_bad(plan->state, plan->dev->life, plan->me,
						off, dax_device_page(plan->dev), &bad))
		return len;
	*ret_is_bad = bad.off <= off;
	return dax_min(len, *ret_is_bad ? bad.off + bad.len - off : bad.off - off);
}

/* How many bytes lie before @off in its unit. */
static uint64_t pos_in_unit(const struct dax_plan *plan, uint64_t off)
{
	return (off - plan->unit) & (plan->dev->align - 1);
}

/*
 * How many bytes from device offset @off to the end of a unit are in one range, and where
 * in the store. Return: bytes, 0 if no range holds the whole unit at @off.
 */
static uint64_t served_at(const struct dax_plan *plan, uint64_t off, uint64_t *ret_store)
{
	const struct dax_device *dev = plan->dev;
	const uint64_t unit = off - pos_in_unit(plan, off);
	uint64_t base = 0;
	uint32_t i;

	for (i = 0; i < dev->nr_ranges; i++) {
		const struct dax_range *r = &dev->ranges[i];
		uint64_t len;

		if (unit < base + r->len) {
			len = dax_round_down(base + r->len - unit, dev->align);
			*ret_store = r->start + (off - base);
			return len ? len - (off - unit) : 0;
		}
		base += r->len;
	}
	return 0;
}

/* How many bytes from device offset @off on belong to units that are not served. */
static uint64_t hole_at(const struct dax_plan *plan, uint64_t off, uint64_t len)
{
	const struct dax_device *dev = plan->dev;
	uint64_t store;
	uint64_t n = 0;

	/* At most one unit per range border, then everything behind the end. */
	while (n < len) {
		if (off + n >= dev->size)
			return len;
		if (served_at(plan, off + n, &store))
			break;
		n += dev->align - pos_in_unit(plan, off + n);
	}
	return dax_min(n, len);
}

/**
 * dax_plan_next() - compute the next segment of a plan
 * @plan:	from dax_plan_init()
 * @ret:	receives the segment; segments come in order and cover the mapping without
 *		a gap
 *
 * A device that is not alive is one hole.
 *
 * Return: false if there is no further segment.
 */
bool dax_plan_next(struct dax_plan *plan, struct dax_segment *ret)
{
	uint64_t left = plan->len - plan->pos;
	uint64_t off = plan->off + plan->pos;
	uint64_t store = 0;
	uint64_t len = 0;

	if (!left)
		return false;
	/* An offset near 2^64 is beyond any device, and must not wrap around. */
	if (dax_device_is_alive(plan->dev) && off < plan->dev->size)
		len = dax_min(served_at(plan, off, &store), left);
	ret->pos = plan->pos;
	ret->is_hole = !len;
	if (len) {
		ret->len = cut_at_bad(plan, off, len, &ret->is_hole);
		ret->store = ret->is_hole ? off : store;
	} else if (dax_device_is_alive(plan->dev)) {
		ret->len = hole_at(plan, off, left);
		ret->store = off;
	} else {
		ret->len = left;
		ret->store = off;
	}
	plan->pos += ret->len;
	return true;
}
