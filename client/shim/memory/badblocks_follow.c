/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is bad: holes in mappings, made and healed while the program runs.
 *
 * What our mappings show now is noted here, so that only what differs is mapped anew
 * when the daemon says something else: no other thread may see anything of the rest.
 * All of it with the lock of the list of mappings held.
 */
#include "client/shim/base/compiler.h"

#include <string.h>
#include <sys/mman.h>

#include "client/shim/memory/ranges.h"
#include "client/shim/base/sys.h"
#include "libcore/plan.h"
#include "libcore/size.h"

#define NR_SHOWN  256
#define NR_HEALED 16
#define GRACE_NS  UINT64_C(200000000)

/* Bad stretches that our mappings show: of each device that was ever mapped. */
static struct dax_bad shown[NR_SHOWN];
static uint32_t nr_shown;
static bool is_full; /* there are more: then mappings are made anew as a whole */

/* Who touched memory just before it was healed is still told what it was. */
static struct {
	struct dax_bad bad;
	uint64_t until_ns;
} healed[NR_HEALED];
static uint32_t nr_healed;
static uint64_t release_ns; /* when SIGBUS need not come to us any more; 0: it must */

/**
 * shim_me() - who this process is, for rules that are not for all
 * @ret:	receives it
 */
void shim_me(struct dax_fault_who *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = (int32_t)sys0(getpid);
	ret->uid = shim_uid_of(ret->pid);
	shim_comm_of(ret->pid, ret->comm);
}

/* What is bad of a device now. Return: how many, or more than @max. */
static uint32_t collect(const struct shim_session *s, const struct dax_device *dev,
			struct dax_bad *ret, uint32_t max)
{
	struct dax_fault_who me;
	uint64_t off = 0;
	uint32_t nr = 0;

	if (!(dev->flags & DAX_DEVICE_BAD))
		return 0;
	shim_me(&me);
	while (nr < max &&
	       dax_state_next_bad(s->state, dev->life, &me, off, dev->align, &ret[nr])) {
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

/* Makes a stretch of a device in all mappings of it what it is now. */
static void mend(const struct dax_device *dev, const struct dax_bad *bad)
{
	uint32_t i;

	for (i = 0; i < shim_vmas.nr; i++) {
		const struct dax_vma *vma = &shim_vmas.v[i];
		uint64_t end = vma->off + (vma->end - vma->start);

		if (vma->life != dev->life || bad->off >= end ||
		    bad->off + bad->len <= vma->off)
			continue;
		shim_mend_part(vma, dax_max(bad->off, vma->off),
			  dax_min(bad->off + bad->len, end));
	}
}

static void note_healed(const struct dax_bad *bad)
{
	healed[nr_healed % NR_HEALED].bad = *bad;
	healed[nr_healed % NR_HEALED].until_ns = shim_now_ns() + GRACE_NS;
	nr_healed++;
}

/* Takes what is shown of a device out of the list. Return: how many, in @ret. */
static uint32_t take_shown(uint64_t life, struct dax_bad *ret)
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
 * shim_bad_follow() - what of a device is bad has changed
 * @s:		the session
 * @dev:	the device as it is now
 * @is_whole:	its mappings are made anew as a whole by the caller, after this
 *
 * Return: true if the caller has to do that.
 */
bool shim_bad_follow(const struct shim_session *s, const struct dax_device *dev,
		     bool is_whole)
{
	static struct dax_bad old[NR_SHOWN];
	static struct dax_bad now[NR_SHOWN];
	uint32_t nr_now = collect(s, dev, now, NR_SHOWN);
	uint32_t nr_old = take_shown(dev->life, old);
	uint32_t i;

	if (nr_now > NR_SHOWN - nr_shown) {
		is_full = true;
		nr_now = NR_SHOWN - nr_shown;
	}
	for (i = 0; i < nr_now; i++)
		shown[nr_shown++] = now[i];
	/* Before anything can be touched, and not before nothing can be any more. */
	if (nr_shown)
		shim_sigbus_catch();
	for (i = 0; i < nr_old; i++) {
		if (is_in(&old[i], now, nr_now))
			continue;
		note_healed(&old[i]);
		if (!is_whole && !is_full)
			mend(dev, &old[i]);
	}
	for (i = 0; i < nr_now && !is_whole && !is_full; i++)
		if (!is_in(&now[i], old, nr_old))
			mend(dev, &now[i]);
	if (nr_shown)
		release_ns = 0;
	else if (nr_old)
		release_ns = shim_now_ns() + GRACE_NS;
	return is_full;
}

/**
 * shim_bad_settle() - let the program have SIGBUS for itself again, when nothing is bad
 *
 * Not at once: who has touched what was bad may not have been told of it yet.
 *
 * Return: in how many ns to ask again; 0: not before something changes.
 */
uint64_t shim_bad_settle(void)
{
	uint64_t left = 0;
	uint64_t mask;
	uint64_t now;

	if (likely(!__atomic_load_n(&release_ns, __ATOMIC_RELAXED)) ||
	    !shim_maps_lock_slow(&mask))
		return 0;
	now = shim_now_ns();
	if (release_ns > now) {
		left = release_ns - now;
	} else if (release_ns) {
		release_ns = 0;
		shim_sigbus_release();
	}
	shim_maps_unlock_slow(mask);
	return left;
}

static bool covers(const struct dax_bad *bad, uint64_t life, uint64_t off)
{
	return bad->life == life && off >= bad->off && off - bad->off < bad->len;
}

/**
 * shim_bad_at() - was it bad memory that was touched there?
 * @addr:	where
 * @ret_vma:	the mapping
 * @ret:	what is bad there
 */
bool shim_bad_at(uint64_t addr, struct dax_vma *ret_vma, struct dax_bad *ret)
{
	const struct dax_vma *vma = shim_first_in(addr, 1);
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
		struct dax_fault_who me;

		shim_me(&me);
		return dax_state_next_bad(s->state, vma->life, &me, off, vma->align,
					  ret) &&
		       covers(ret, vma->life, off);
	}
	now = shim_now_ns();
	for (i = 0; i < NR_HEALED; i++) {
		if (healed[i].until_ns > now && covers(&healed[i].bad, vma->life, off)) {
			*ret = healed[i].bad;
			return true;
		}
	}
	return false;
}
