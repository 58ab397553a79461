/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make and heal the holes that mappings have where memory is bad.
 *
 * badblocks.c holds what the mappings show now. When the daemon changes the bad memory of
 * a device, only the differing stretches are mapped again, so that other threads notice
 * nothing in the rest of the mapping.
 */
#include "client/shim/memory/badblocks_follow.h"

#include "libcore/fault.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/memory/badblocks.h"
#include "client/shim/memory/refresh.h"
#include "client/shim/memory/sigbus.h"

static uint64_t release_ns; /* when to restore the program's SIGBUS handler; 0: not yet */

/*
 * Reads the stretches of bad pages of a device that concern this process. Return: how many, or
 * more than @max if not all of them fit.
 */
static uint32_t collect_bad(const struct shim_session *s, const struct dax_device *dev,
			    struct dax_bad *ret, uint32_t max)
{
	struct dax_fault_who self;
	uint64_t off = 0;
	uint32_t nr = 0;

	if (!(dev->flags & DAX_DEVICE_BAD))
		return 0;
	shim_self_who(&self);
	while (nr < max && dax_state_next_bad(s->state, dev->life, &self, off,
					      dax_device_page(dev), &ret[nr])) {
		off = ret[nr].off + ret[nr].len;
		nr++;
	}
	return nr < max ? nr : max + 1;
}

static bool is_in(const struct dax_bad *bad, const struct dax_bad *list, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (list[i].life == bad->life && list[i].off == bad->off &&
		    list[i].len == bad->len)
			return true;
	return false;
}

/* Refreshes a stretch of a device in all mappings of the device. */
static void refresh_locked(const struct dax_device *dev, const struct dax_bad *bad)
{
	const struct dax_vma *vma;

	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {
		uint64_t end = vma->off + (vma->end - vma->start);

		if (vma->life != dev->life || bad->off >= end ||
		    bad->off + bad->len <= vma->off)
			continue;
		shim_refresh_part_locked(vma, dax_max(bad->off, vma->off),
					 dax_min(bad->off + bad->len, end));
	}
}

/**
 * shim_badblocks_follow_locked() - make the mappings show the bad memory of a device
 * @s:		the session
 * @dev:	the device as it is now
 * @is_whole:	true if the caller refreshes all mappings of the device afterwards
 *
 * Maps only the differing stretches again, so that other threads notice nothing in the
 * rest of the mapping. Async-signal-safe.
 *
 * Return: true if the caller must refresh all mappings of the device.
 */
bool shim_badblocks_follow_locked(const struct shim_session *s,
				  const struct dax_device *dev, bool is_whole)
{
	static struct dax_bad old[SHIM_BADBLOCKS_MAX];
	static struct dax_bad now[SHIM_BADBLOCKS_MAX];
	uint32_t nr_now = collect_bad(s, dev, now, SHIM_BADBLOCKS_MAX);
	uint32_t nr_old = shim_badblocks_take_locked(dev->life, old);
	bool is_full;
	uint32_t i;

	nr_now = shim_badblocks_show_locked(now, nr_now);
	is_full = shim_badblocks_is_full_locked();
	/*
	 * Install the handler before the first hole is made. It is removed some time
	 * after the last one has gone: see shim_badblocks_follow_settle().
	 */
	if (shim_badblocks_is_any_locked())
		shim_sigbus_catch_locked();
	for (i = 0; i < nr_old; i++) {
		if (is_in(&old[i], now, nr_now))
			continue;
		shim_badblocks_heal_locked(&old[i]);
		if (!is_whole && !is_full)
			refresh_locked(dev, &old[i]);
	}
	for (i = 0; i < nr_now && !is_whole && !is_full; i++)
		if (!is_in(&now[i], old, nr_old))
			refresh_locked(dev, &now[i]);
	if (shim_badblocks_is_any_locked())
		release_ns = 0;
	else if (nr_old)
		release_ns = shim_self_now_ns() + SHIM_BADBLOCKS_GRACE_NS;
	return is_full;
}

/**
 * shim_badblocks_follow_settle() - restore the program's SIGBUS handler if nothing is bad
 *
 * Waits for SHIM_BADBLOCKS_GRACE_NS after the last bad memory was healed: a thread that
 * accessed it may not have received its signal yet. Takes the lock if there is something
 * to do. Async-signal-safe.
 *
 * Return: nanoseconds after which to call again, or 0 if not before the next change.
 */
uint64_t shim_badblocks_follow_settle(void)
{
	uint64_t left = 0;
	uint64_t mask;
	uint64_t now;

	if (likely(!__atomic_load_n(&release_ns, __ATOMIC_RELAXED)) ||
	    !shim_lock_masked(&mask))
		return 0;
	now = shim_self_now_ns();
	if (release_ns > now) {
		left = release_ns - now;
	} else if (release_ns) {
		release_ns = 0;
		shim_sigbus_release_locked();
	}
	shim_unlock_masked(mask);
	return left;
}
