/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bad memory that this process's mappings show as holes.
 *
 * The list holds the bad stretches of every device that was ever mapped, as they were
 * when the holes were last made, not as the daemon has them now. The SIGBUS handler looks
 * up here why an access failed.
 */
#include "client/shim/memory/badblocks.h"

#include "libcore/device.h"
#include "libcore/state.h"

#include "client/shim/base/self.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/session.h"

#define NR_HEALED 16

static struct dax_bad shown[SHIM_BADBLOCKS_MAX];
static uint32_t nr_shown;
static bool is_full; /* not all fit: from then on mappings are refreshed as a whole */

/* Stretches healed a moment ago: an earlier access to them may be signalled only now. */
static struct {
	struct dax_bad bad;
	uint64_t until_ns;
} healed[NR_HEALED];
static uint32_t nr_healed;

/**
 * shim_badblocks_take_locked() - remove the stretches of a device from the list
 * @life:	life of the device
 * @ret:	receives them; must have room for SHIM_BADBLOCKS_MAX
 *
 * Return: how many there were.
 */
uint32_t shim_badblocks_take_locked(uint64_t life, struct dax_bad *ret)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; i < nr_shown;) {
		if (shown[i].life != life) {
			i++;
			continue;
		}
		ret[nr++] = shown[i];
		shown[i] = shown[--nr_shown];
	}
	return nr;
}

/**
 * shim_badblocks_show_locked() - add the stretches of a device to the list
 * @bad:	the stretches. Those of this device must have been removed before
 * @nr:		how many; more than SHIM_BADBLOCKS_MAX if @bad does not hold all of them
 *
 * Return: how many were added. If that is not all of them, the list is full from now on.
 */
uint32_t shim_badblocks_show_locked(const struct dax_bad *bad, uint32_t nr)
{
	uint32_t i;

	if (nr > SHIM_BADBLOCKS_MAX - nr_shown) {
		is_full = true;
		nr = SHIM_BADBLOCKS_MAX - nr_shown;
	}
	for (i = 0; i < nr; i++)
		shown[nr_shown++] = bad[i];
	return nr;
}

/**
 * shim_badblocks_heal_locked() - remember for SHIM_BADBLOCKS_GRACE_NS that memory was bad
 * @bad:	the stretch, which is good from now on
 */
void shim_badblocks_heal_locked(const struct dax_bad *bad)
{
	healed[nr_healed % NR_HEALED].bad = *bad;
	healed[nr_healed % NR_HEALED].until_ns =
		shim_self_now_ns() + SHIM_BADBLOCKS_GRACE_NS;
	nr_healed++;
}

/**
 * shim_badblocks_is_full_locked() - tell whether the list ever had too little room
 *
 * Return: true if it ever had; then it does not say which parts of a mapping are holes.
 */
bool shim_badblocks_is_full_locked(void)
{
	return is_full;
}

/**
 * shim_badblocks_is_any_locked() - tell whether any mapping shows bad memory
 *
 * Return: true if the list is not empty.
 */
bool shim_badblocks_is_any_locked(void)
{
	return nr_shown != 0;
}

static bool covers(const struct dax_bad *bad, uint64_t life, uint64_t off)
{
	return bad->life == life && off >= bad->off && off - bad->off < bad->len;
}

/**
 * shim_badblocks_at_locked() - find the bad memory at an address
 * @addr:	the address
 * @ret_vma:	receives the mapping
 * @ret:	receives the bad stretch
 *
 * Async-signal-safe.
 *
 * Return: true if the memory is bad, or was within the last SHIM_BADBLOCKS_GRACE_NS.
 */
bool shim_badblocks_at_locked(uint64_t addr, struct dax_vma *ret_vma, struct dax_bad *ret)
{
	const struct dax_vma *vma = shim_maps_first_in_locked(addr, 1);
	uint64_t now;
	uint64_t off;
	uint32_t i;

	if (!vma)
		return false;
	*ret_vma = *vma;
	off = vma->off + (addr - vma->start);
	for (i = 0; i < nr_shown; i++) {
		if (covers(&shown[i], vma->life, off)) {
			*ret = shown[i];
			return true;
		}
	}
	if (is_full) {
		const struct shim_session *s = shim_session_if_known();
		struct dax_fault_who self;
		struct dax_device dev;

		shim_self_who(&self);
		dax_state_read(s->state, vma->slot, &dev);
		return dax_state_next_bad(s->state, vma->life, &self, off,
					  dax_device_page(&dev), ret) &&
		       covers(ret, vma->life, off);
	}
	now = shim_self_now_ns();
	for (i = 0; i < NR_HEALED; i++) {
		if (healed[i].until_ns > now && covers(&healed[i].bad, vma->life, off)) {
			*ret = healed[i].bad;
			return true;
		}
	}
	return false;
}
