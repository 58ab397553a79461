/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map a part of a device that was mapped before without its descriptor.
 *
 * A descriptor of a backing store must be checked before each use, which costs a system
 * call (backing.c). Nobody closes a mapping by mistake. So for a part of a device that the
 * program maps again and again, the shim keeps one page of it mapped, the template, and
 * has mremap(2) with an old size of 0 make the next mapping: that has the template's file,
 * offset and rights, and any length. The kernel chooses the address; it is on the align
 * only in a huge tmpfs, the default store, and other stores have no templates.
 *
 * The page costs 4 KiB of addresses, and is hidden in /proc/self/maps.
 */
#include "client/shim/memory/template.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "libcore/fault.h"
#include "libcore/plan.h"
#include "libcore/size.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/dump.h"
#include "client/shim/memory/map_plan.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/session.h"

#define FEW_MAPS       3  /* for which a template is not worth while */
#define MOST_TEMPLATES 64 /* that are ever made: for programs that map many parts */

struct template
{
	uint32_t seq; /* odd while the rest changes, under the lock */
	uint32_t nr_maps;
	struct shim_template_part part; /* len 0: unused */
	uint64_t addr;                  /* 0: no template was made, or it is of no use */
};

static struct template templates[DAX_TEMPLATES_MAX];
static uint32_t nr_made;
static uint32_t next_victim;

static bool is_same(const struct shim_template_part *a,
		    const struct shim_template_part *b)
{
	return a->off == b->off && a->len == b->len && a->life == b->life &&
	       a->generation == b->generation && a->bad_generation == b->bad_generation &&
	       a->slot == b->slot && a->prot == b->prot && a->flags == b->flags &&
	       a->is_writable == b->is_writable;
}

/**
 * shim_template_may_serve() - tell whether a part may be mapped from a template
 * @part:	the part
 * @dev:	its device
 *
 * A template makes one plain shared mapping of an align of 2 MiB or more. With a smaller
 * one, the kernel might merge the template with a neighbour. Async-signal-safe.
 *
 * Return: true if it may.
 */
bool shim_template_may_serve(const struct shim_template_part *part,
			     const struct dax_device *dev)
{
	/* In a window, the kernel's choice of an address will not do. */
	return dev->align > DAX_PAGE && part->flags == MAP_SHARED &&
	       !shim_map_plan_window && dax_device_is_alive(dev) &&
	       !(dev->flags & DAX_DEVICE_BAD) && !dax_vma_flags_of(dev) &&
	       !shim_session_has_faults(shim_session_if_known(), DAX_FAULT_TOUCH);
}

/*
 * Begin and end a change that shim_template_map() must notice. A handler may interrupt a
 * change and jump away: the template is of no use then, until the next change ends.
 */
static void begin_locked(struct template *t)
{
	__atomic_store_n(&t->seq, t->seq | 1, __ATOMIC_SEQ_CST);
}

static void end_locked(struct template *t)
{
	__atomic_store_n(&t->seq, t->seq + 1, __ATOMIC_SEQ_CST);
}

/* Unmaps a template's page. Signals are blocked: no jump may leave the address behind. */
static void unmap_locked(struct template *t)
{
	if (!t->addr)
		return;
	begin_locked(t);
	sys2(munmap, t->addr, DAX_PAGE);
	t->addr = 0;
	end_locked(t);
}

static SHIM_COLD void give_up(struct template *t, uint32_t seq)
{
	uint64_t mask;

	if (!shim_lock_masked(&mask))
		return;
	if (t->seq == seq)
		unmap_locked(t);
	shim_unlock_masked(mask);
}

/**
 * shim_template_map() - map a part of a device from its template
 * @part:	the part, which shim_template_may_serve() allows
 * @align:	align of the device
 *
 * Async-signal-safe.
 *
 * Return: the address, congruent to the offset modulo the align, or a negative errno if
 * there is no template for this part.
 */
long shim_template_map(const struct shim_template_part *part, uint64_t align)
{
	struct template *t;
	uint32_t seq;
	uint64_t addr;
	long p;

	for (t = templates; t < templates + DAX_TEMPLATES_MAX; t++) {
		seq = __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE);
		addr = __atomic_load_n(&t->addr, __ATOMIC_RELAXED);
		if (seq & 1 || !addr || !is_same(&t->part, part))
			continue;
		p = sys5(mremap, addr, 0, part->len, MREMAP_MAYMOVE, 0);
		if (sys_is_error(p))
			return p;
		if (likely(__atomic_load_n(&t->seq, __ATOMIC_ACQUIRE) == seq &&
			   !(((uint64_t)p - part->off) & (align - 1))))
			return p;
		sys2(munmap, p, part->len);
		give_up(t, seq);
		return -ENOENT;
	}
	return -ENOENT;
}

/*
 * Maps the page of a template, where the kernel cannot merge it with a mapping of the
 * device: all of those are congruent to their offsets. Return: its address, or 0.
 */
static uint64_t map_page(const struct shim_template_part *part,
			 const struct dax_device *dev, int backing)
{
	struct dax_segment seg;
	struct dax_plan plan;
	uint64_t place;
	uint64_t spare;
	long p;

	dax_plan_init(&plan, dev, part->off, part->len);
	dax_plan_next(&plan, &seg);
	if (seg.is_hole || seg.len != part->len)
		return 0;
	p = sys6(mmap, NULL, 2 * DAX_PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(p))
		return 0;
	place = spare = (uint64_t)p;
	if (dax_is_template(place, DAX_PAGE, part->off, dev->align))
		spare += DAX_PAGE;
	else
		place += DAX_PAGE;
	sys2(munmap, spare, DAX_PAGE);
	p = sys6(mmap, place, DAX_PAGE, part->prot, MAP_SHARED | MAP_FIXED, backing,
		 seg.store);
	if (!sys_is_error(p)) {
		shim_dump_exclude(place, DAX_PAGE); /* and all that are made of it */
		return place;
	}
	sys2(munmap, place, DAX_PAGE);
	return 0;
}

/* Return: the template of a part, or NULL. */
static struct template *find_locked(const struct shim_template_part *part)
{
	struct template *t;

	for (t = templates; t < templates + DAX_TEMPLATES_MAX; t++)
		if (is_same(&t->part, part))
			return t;
	return NULL;
}

/* Gives a template without a page to a part that has none. */
static struct template *take_locked(struct template *t,
				    const struct shim_template_part *part)
{
	begin_locked(t);
	t->nr_maps = 0;
	t->part = *part;
	end_locked(t);
	next_victim++;
	return t;
}

/* Makes the page of a part that is mapped often, or removes one that is in its way. */
static SHIM_COLD void make(const struct shim_template_part *part,
			   const struct dax_device *dev, int backing)
{
	struct template *t;
	uint64_t mask;

	if (!shim_lock_masked(&mask))
		return;
	t = find_locked(part);
	if (!t) {
		unmap_locked(&templates[next_victim % DAX_TEMPLATES_MAX]);
	} else if (t->nr_maps >= FEW_MAPS && !t->addr && nr_made < MOST_TEMPLATES) {
		begin_locked(t);
		nr_made++;
		t->addr = map_page(&t->part, dev, backing);
		end_locked(t);
	}
	shim_unlock_masked(mask);
}

/**
 * shim_template_count() - count a mapping, and make a template of what is mapped often
 * @part:	the part, which shim_template_may_serve() allows
 * @dev:	its device
 * @backing:	the descriptor that it was mapped from
 *
 * Takes the lock. Async-signal-safe.
 */
void shim_template_count(const struct shim_template_part *part,
			 const struct dax_device *dev, int backing)
{
	struct template *victim;
	struct template *t;
	bool is_due;

	if (__atomic_load_n(&nr_made, __ATOMIC_RELAXED) >= MOST_TEMPLATES || !shim_lock())
		return;
	victim = &templates[next_victim % DAX_TEMPLATES_MAX];
	t = find_locked(part);
	if (!t && !victim->addr)
		t = take_locked(victim, part);
	is_due = !t || ++t->nr_maps == FEW_MAPS;
	shim_unlock();
	if (unlikely(is_due))
		make(part, dev, backing);
}

/**
 * shim_template_is_at() - tell whether a template begins at an address
 * @addr:	first byte of a mapping in /proc/self/maps
 *
 * Async-signal-safe.
 *
 * Return: true if the mapping is a template, which must be hidden from the program.
 */
bool shim_template_is_at(uint64_t addr)
{
	int i;

	for (i = 0; i < DAX_TEMPLATES_MAX; i++)
		if (addr && __atomic_load_n(&templates[i].addr, __ATOMIC_RELAXED) == addr)
			return true;
	return false;
}
