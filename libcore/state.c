/* SPDX-License-Identifier: BSD-2-Clause */
/* The state pages, through which the daemon informs all clients. */
#include "libcore/state.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/fault_match.h"
#include "libcore/kernel.h"
#include "libcore/size.h"

static uint32_t load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static uint64_t load64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/*
 * Memory that clients read while the daemon writes it is copied word by word. Each load
 * is an acquire: what follows it, the second look at seq, is not done earlier. Each
 * store is a release: it is not visible before the last change of seq.
 */
typedef uint64_t __attribute__((may_alias)) word_t;

static void load_words(void *to, const void *from, size_t size)
{
	const word_t *src = from;
	word_t *dst = to;

	for (; size; size -= sizeof(*dst))
		*dst++ = __atomic_load_n(src++, __ATOMIC_ACQUIRE);
}

static void store_words(void *to, const void *from, size_t size)
{
	const word_t *src = from;
	word_t *dst = to;

	for (; size; size -= sizeof(*dst))
		__atomic_store_n(dst++, *src++, __ATOMIC_RELEASE);
}

#define ARE_WORDS(size)                                                                  \
	_Static_assert((size) % sizeof(uint64_t) == 0, "is copied word by word")
ARE_WORDS(offsetof(struct dax_device, ranges));
ARE_WORDS(sizeof(struct dax_device));
ARE_WORDS(sizeof(struct dax_range));
ARE_WORDS(sizeof(struct dax_fault_rule));
ARE_WORDS(sizeof(struct dax_bad));

static uint32_t nr_slots(const struct dax_state *state)
{
	uint32_t nr = load32(&state->nr_slots);

	return nr < DAX_STATE_SLOTS ? nr : DAX_STATE_SLOTS;
}

/**
 * dax_state_check() - check that memory holds state pages of this version
 * @state:	as mapped
 * @len:	bytes mapped
 *
 * Return: 0; -EBADMSG: not state pages, or cut short; -EPROTO: of another version.
 */
int dax_state_check(const struct dax_state *state, size_t len)
{
	if (len < sizeof(*state) || load64(&state->magic) != DAX_STATE_MAGIC)
		return -EBADMSG;
	if (state->version != DAX_STATE_VERSION || state->size != sizeof(*state))
		return -EPROTO;
	return 0;
}

/**
 * dax_state_kernel() - tell whose answers the daemon's clients give
 * @state:	the state pages
 *
 * Return: never DAX_KERNEL_HOST; a daemon that does not say it was written for 6.12.
 */
enum dax_kernel dax_state_kernel(const struct dax_state *state)
{
	uint32_t kernel = load32(&state->kernel);

	return kernel > DAX_KERNEL_HOST && kernel < DAX_KERNEL_NR
		       ? (enum dax_kernel)kernel
		       : DAX_KERNEL_6_12;
}

/**
 * dax_state_find() - find the device of a descriptor
 * @state:	the state pages
 * @dev:	st_dev of the descriptor; 0 for a character device
 * @ino:	st_ino; st_rdev for a character device
 * @nlink:	st_nlink; 0 for a character device
 *
 * The inode number of a handle may be reused after its device was deleted and its last
 * descriptor closed: for the handle of a younger device, whose slot is not GONE and is
 * the right one, or for an attribute. An attribute has a name, but the handle of a
 * device that is gone has no name left.
 *
 * Return: the slot, or -ENOENT.
 */
int dax_state_find(const struct dax_state *state, uint64_t dev, uint64_t ino,
		   uint64_t nlink)
{
	uint32_t nr = nr_slots(state);
	int found = -ENOENT;
	uint32_t i;

	if (!ino)
		return -ENOENT;
	for (i = 0; i < nr; i++) {
		const struct dax_state_slot *slot = &state->slots[i];

		if (load64(&state->handles[i].ino) != ino ||
		    load64(&state->handles[i].dev) != dev)
			continue;
		if (!(load32(&slot->copy[load32(&slot->seq) & 1].flags) &
		      DAX_DEVICE_GONE))
			return (int)i;
		if (!nlink)
			found = (int)i;
	}
	return found;
}

/**
 * dax_state_find_name() - find a device that exists now by its name
 * @state:	the state pages
 * @name:	"dax0.0", "ndctl0"
 *
 * Return: the slot, or -ENOENT.
 */
int dax_state_find_name(const struct dax_state *state, const char *name)
{
	uint32_t nr = nr_slots(state);
	struct dax_device dev;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		dax_state_read(state, i, &dev);
		if (dev.life && !(dev.flags & DAX_DEVICE_GONE) && !strcmp(dev.name, name))
			return (int)i;
	}
	return -ENOENT;
}

/**
 * dax_state_read() - copy the description of a device
 * @state:	the state pages
 * @slot:	below DAX_STATE_SLOTS
 * @ret:	receives the copy; life 0 if the slot was never used
 */
void dax_state_read(const struct dax_state *state, uint32_t slot, struct dax_device *ret)
{
	const struct dax_state_slot *s = &state->slots[slot];
	uint32_t seq;

	do {
		const struct dax_device *good;
		uint32_t nr;

		seq = load32(&s->seq);
		good = &s->copy[seq & 1];
		load_words(ret, good, offsetof(struct dax_device, ranges));
		nr = ret->nr_ranges < DAX_RANGES_MAX ? ret->nr_ranges : DAX_RANGES_MAX;
		load_words(ret->ranges, good->ranges, nr * sizeof(ret->ranges[0]));
		ret->nr_ranges = nr;
		ret->name[DAX_NAME_LEN - 1] = '\0';
	} while (load32(&s->seq) != seq);
}

/**
 * dax_state_rule() - copy a fault rule
 * @state:	the state pages
 * @i:		number of the rule, from 0 on
 * @ret:	receives the copy
 *
 * While the daemon changes the rules, a caller may see a rule twice or not at all.
 *
 * Return: false if there are no more rules.
 */
bool dax_state_rule(const struct dax_state *state, uint32_t i, struct dax_fault_rule *ret)
{
	const struct dax_state_faults *f = &state->faults;
	uint32_t seq;

	do {
		seq = load32(&f->seq);
		if (i >= load32(&f->copy[seq & 1].nr_rules) || i >= DAX_FAULT_RULES_MAX)
			return false;
		load_words(ret, &f->copy[seq & 1].rules[i], sizeof(*ret));
	} while (load32(&f->seq) != seq);
	ret->file[sizeof(ret->file) - 1] = '\0';
	return true;
}

/* Find the bad range that ends behind @off and begins first. Return: false if none. */
static bool find_bad(const struct dax_bad *bad, uint32_t nr, uint64_t life,
		     const struct dax_fault_who *me, uint64_t off, uint64_t page,
		     struct dax_bad *ret)
{
	bool is_found = false;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		struct dax_bad one;

		load_words(&one, &bad[i], sizeof(one));
		if (one.life != life || dax_round_up(one.off + one.len, page) <= off ||
		    (is_found && one.off >= ret->off) ||
		    (me && !dax_fault_is_for(&one.who, me)))
			continue;
		*ret = one;
		is_found = true;
	}
	return is_found;
}

/**
 * dax_state_next_bad() - find bad memory of a device from an offset on
 * @state:	the state pages
 * @life:	life of the device
 * @me:		the process that may touch it; NULL: any
 * @off:	offset in the device
 * @page:	dax_device_page(): a page with a bad sector is bad as a whole
 * @ret:	receives the first range of pages that ends behind @off
 *
 * Two ranges that have a page in common both have it.
 *
 * Return: false if there is none.
 */
bool dax_state_next_bad(const struct dax_state *state, uint64_t life,
			const struct dax_fault_who *me, uint64_t off, uint64_t page,
			struct dax_bad *ret)
{
	const struct dax_state_faults *f = &state->faults;
	bool is_found;
	uint32_t seq;
	uint32_t nr;

	do {
		seq = load32(&f->seq);
		nr = load32(&f->copy[seq & 1].nr_bad);
		is_found = find_bad(f->copy[seq & 1].bad,
				    nr < DAX_STATE_BAD_MAX ? nr : DAX_STATE_BAD_MAX, life,
				    me, off, page, ret);
	} while (load32(&f->seq) != seq);
	if (!is_found)
		return false;
	ret->len = dax_round_up(ret->off + ret->len, page);
	ret->off = dax_round_down(ret->off, page);
	ret->len -= ret->off;
	return true;
}

/**
 * dax_state_init() - make empty state pages
 * @state:	zeroed memory; the caller then sets flags and device numbers
 */
void dax_state_init(struct dax_state *state)
{
	state->version = DAX_STATE_VERSION;
	state->size = sizeof(*state);
	__atomic_store_n(&state->magic, DAX_STATE_MAGIC, __ATOMIC_RELEASE);
}

/**
 * dax_state_take_slot() - find room for one more device
 * @state:	the state pages
 *
 * Slots of deleted devices are reused only when no fresh one is left, and then the one
 * deleted longest ago first: so a client that still holds a descriptor of a deleted
 * device can look up its number for a long time.
 *
 * Return: a slot, or -ENOSPC.
 */
int dax_state_take_slot(struct dax_state *state)
{
	uint64_t oldest = UINT64_MAX;
	int found = -ENOSPC;
	uint32_t i;

	for (i = 0; i < DAX_STATE_SLOTS; i++) {
		const struct dax_state_slot *s = &state->slots[i];
		const struct dax_device *dev = &s->copy[s->seq & 1];

		if (!dev->life) {
			return (int)i;
		} else if (dev->flags & DAX_DEVICE_GONE && dev->life < oldest) {
			oldest = dev->life;
			found = (int)i;
		}
	}
	return found;
}

/**
 * dax_state_publish() - show a device's new description to all clients
 * @state:	the state pages
 * @slot:	from dax_state_take_slot()
 * @handle:	identifies its descriptors
 * @dev:	the description
 *
 * The caller then wakes the waiters on state->changes (futex(2), shared).
 */
void dax_state_publish(struct dax_state *state, uint32_t slot,
		       const struct dax_state_handle *handle,
		       const struct dax_device *dev)
{
	struct dax_state_slot *s = &state->slots[slot];
	struct dax_state_handle *h = &state->handles[slot];

	store_words(&s->copy[(s->seq + 1) & 1], dev, sizeof(*dev));
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
	if (h->ino != handle->ino || h->dev != handle->dev) {
		/* At no moment may a mixture of both match. */
		__atomic_store_n(&h->ino, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&h->dev, handle->dev, __ATOMIC_RELEASE);
		__atomic_store_n(&h->ino, handle->ino, __ATOMIC_RELEASE);
	}
	if (slot >= state->nr_slots)
		__atomic_store_n(&state->nr_slots, slot + 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&state->changes, 1, __ATOMIC_RELEASE);
}

/**
 * dax_state_publish_faults() - show fault rules and bad memory to all clients
 * @state:	the state pages
 * @rules:	the rules in force
 * @nr_rules:	at most DAX_FAULT_RULES_MAX
 * @bad:	the ranges of bad memory
 * @nr_bad:	at most DAX_STATE_BAD_MAX
 *
 * The caller then publishes the devices whose mappings must follow.
 */
void dax_state_publish_faults(struct dax_state *state, const struct dax_fault_rule *rules,
			      uint32_t nr_rules, const struct dax_bad *bad,
			      uint32_t nr_bad)
{
	struct dax_state_faults *f = &state->faults;
	const uint32_t next = (f->seq + 1) & 1;
	uint32_t calls = 0;
	uint32_t i;

	__atomic_store_n(&f->copy[next].nr_rules, nr_rules, __ATOMIC_RELEASE);
	__atomic_store_n(&f->copy[next].nr_bad, nr_bad, __ATOMIC_RELEASE);
	for (i = 0; i < nr_rules; i++)
		calls |= rules[i].calls;
	store_words(f->copy[next].rules, rules, nr_rules * sizeof(*rules));
	store_words(f->copy[next].bad, bad, nr_bad * sizeof(*bad));
	__atomic_store_n(&f->seq, f->seq + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&state->fault_calls, calls, __ATOMIC_RELEASE);
}
