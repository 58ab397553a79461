/* SPDX-License-Identifier: BSD-2-Clause */
/* Matching of fault rules: their kind, the calls they concern, the calls they strike. */
#include "libcore/fault_match.h"

#include <errno.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"

/**
 * dax_fault_is_memory() - true if a rule makes memory bad
 * @rule:	the rule
 */
bool dax_fault_is_memory(const struct dax_fault_rule *rule)
{
	return rule->what == DAX_FAULT_POISON || rule->what == DAX_FAULT_SIGBUS;
}

/**
 * dax_fault_is_range() - true if a rule makes memory bad from the moment it is added
 * @rule:	the rule
 */
bool dax_fault_is_range(const struct dax_fault_rule *rule)
{
	return dax_fault_is_memory(rule) && !rule->calls;
}

/**
 * dax_fault_is_trigger() - true if the daemon acts when the rule strikes
 * @rule:	the rule
 */
bool dax_fault_is_trigger(const struct dax_fault_rule *rule)
{
	return (dax_fault_is_memory(rule) || rule->what == DAX_FAULT_DISABLE) &&
	       rule->calls;
}

/**
 * dax_fault_is_for() - true if a rule or bad memory is meant for a process
 * @who:	the processes it is meant for
 * @me:		the process
 */
bool dax_fault_is_for(const struct dax_fault_who *who, const struct dax_fault_who *me)
{
	return (!who->pid || who->pid == me->pid) &&
	       (who->uid == UINT32_MAX || who->uid == me->uid) &&
	       (!who->comm[0] || !strncmp(who->comm, me->comm, sizeof(who->comm)));
}

static bool overlaps(const struct dax_fault_rule *rule, uint64_t off, uint64_t len)
{
	return off + len > rule->off && (!rule->len || off < rule->off + rule->len);
}

/**
 * dax_fault_concerns() - true if a rule counts a call
 * @rule:	the rule
 * @ev:		the call
 * @now_ns:	CLOCK_MONOTONIC, in ns
 *
 * The caller checks whether the rule's file exists.
 */
bool dax_fault_concerns(const struct dax_fault_rule *rule,
			const struct dax_fault_event *ev, uint64_t now_ns)
{
	struct dax_fault_who me = {.pid = ev->pid, .uid = ev->uid};

	if (!(rule->calls >> ev->call & 1))
		return false;
	if (rule->device[0] && strncmp(rule->device, ev->device, sizeof(rule->device)))
		return false;
	/* The range of a trigger is where it acts, not where the call is. */
	if (rule->given & (DAX_FAULT_G_OFFSET | DAX_FAULT_G_LENGTH) &&
	    !dax_fault_is_memory(rule) && !overlaps(rule, ev->off, ev->len))
		return false;
	if (rule->given & DAX_FAULT_G_AFTER && now_ns < rule->since_ns + rule->after_ns)
		return false;
	memcpy(me.comm, ev->comm, sizeof(me.comm));
	return dax_fault_is_for(&rule->who, &me);
}

/*
 * Mix the bits of a number (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", 2014).
 */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/**
 * dax_fault_strikes() - true if a rule strikes at this call
 * @rule:	the rule
 * @count:	calls of the process that the rule has counted, with this one: from 1
 *
 * Chance depends on the seed, the rule's words and the count, and on nothing else.
 */
bool dax_fault_strikes(const struct dax_fault_rule *rule, uint64_t count)
{
	if (rule->given & DAX_FAULT_G_NTH && count != rule->nth)
		return false;
	if (rule->given & DAX_FAULT_G_EVERY && count % rule->every)
		return false;
	if (rule->given & DAX_FAULT_G_PROBABILITY) {
		uint64_t x = mix(rule->seed);

		x = mix(x ^ ((uint64_t)rule->calls << 32 | rule->what << 16 |
			     (uint32_t)rule->error));
		x = mix(x ^ rule->off ^ rule->delay_ns);
		return mix(x ^ count) >> 32 < rule->chance;
	}
	return true;
}

static bool is_named(const struct dax_fault_rule *rule, const struct dax_dev *dev)
{
	char name[DAX_NAME_LEN];

	return !rule->device[0] || !strcmp(dax_dev_name(dev, name), rule->device);
}

/* Find the bytes that a rule's device may have in a region; 0: it has no such device. */
static uint64_t end_in_region(const struct dax_fault_rule *rule,
			      const struct dax_region *region)
{
	const struct dax_dev *dev;
	uint32_t region_id = region->id;
	uint32_t id;
	uint64_t end = 0;

	/* A device of a dynamic region can be made later, and grow. */
	if (dax_region_is_dynamic(region)) {
		if (rule->device[0] && dax_name_parse(rule->device, &region_id, &id) < 0)
			return 0;
		return region_id == region->id ? region->size : 0;
	}
	dax_for_each_device (dev, region)
		if (is_named(rule, dev))
			end = dax_max(end, dax_dev_size(dev));
	dax_for_each_absent (dev, region)
		if (is_named(rule, dev))
			end = dax_max(end, dev->ns_size);
	return end;
}

/**
 * dax_fault_reach() - check that a rule can ever strike
 * @rule:	the rule
 * @model:	the devices
 * @ret_end:	receives where the largest device ends that the rule may concern, in bytes
 *
 * Return: 0; -ENODEV: there is no such device; -ERANGE: the rule's offset is behind the
 * end of all devices that it may concern.
 */
int dax_fault_reach(const struct dax_fault_rule *rule, const struct dax_model *model,
		    uint64_t *ret_end)
{
	const struct dax_region *region;

	*ret_end = 0;
	dax_for_each_region (region, model)
		*ret_end = dax_max(*ret_end, end_in_region(rule, region));
	/* Without any device yet, a rule for every device waits for the first one. */
	if (!*ret_end)
		return rule->device[0] ? -ENODEV : 0;
	return rule->off < *ret_end ? 0 : -ERANGE;
}
