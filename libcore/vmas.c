/* SPDX-License-Identifier: BSD-2-Clause */
/* The dax mappings of one process: a sorted list that merges and splits. */
#include "libcore/vmas.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/size.h"
#include "libcore/state.h"

/* A place in the tree: mapping @i of the leaf of key @k. */
struct place {
	uint32_t k;
	uint32_t i;
};

static struct dax_vmas_leaf *leaf_of(const struct dax_vmas *vmas, uint32_t k)
{
	return &vmas->leaves[vmas->keys[k].leaf];
}

static struct dax_vma *vma_at(const struct dax_vmas *vmas, struct place at)
{
	return at.k < vmas->nr_keys ? &leaf_of(vmas, at.k)->v[at.i] : NULL;
}

/* Find the last leaf that begins at or below an address; the first one if none does. */
static uint32_t find_key(const struct dax_vmas *vmas, uint64_t addr)
{
	uint32_t lo = 0;
	uint32_t hi = vmas->nr_keys;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vmas->keys[mid].start <= addr)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Find the first mapping that ends behind an address; behind the last key if none does. */
static struct place find_place(const struct dax_vmas *vmas, uint64_t addr)
{
	struct place at = {.k = find_key(vmas, addr)};
	const struct dax_vmas_leaf *leaf;
	uint32_t hi;

	if (at.k == vmas->nr_keys)
		return at;
	leaf = leaf_of(vmas, at.k);
	for (hi = leaf->nr; at.i < hi;) {
		uint32_t mid = at.i + (hi - at.i) / 2;

		if (leaf->v[mid].end <= addr)
			at.i = mid + 1;
		else
			hi = mid;
	}
	if (at.i == leaf->nr)
		at = (struct place){.k = at.k + 1};
	return at;
}

/**
 * dax_vmas_find() - find the first mapping that ends behind an address
 * @vmas:	the list
 * @addr:	an address
 *
 * Return: the mapping, valid until the list changes; NULL if there is none.
 */
const struct dax_vma *dax_vmas_find(const struct dax_vmas *vmas, uint64_t addr)
{
	return vma_at(vmas, find_place(vmas, addr));
}

static const struct dax_vmas_leaf *leaf_around(const struct dax_vmas *vmas,
					       const struct dax_vma *vma)
{
	const size_t pos = (size_t)((const char *)vma - (const char *)vmas->leaves);

	return &vmas->leaves[pos / sizeof(struct dax_vmas_leaf)];
}

/**
 * dax_vmas_next() - find the mapping behind another one
 * @vmas:	the list
 * @vma:	a mapping in the list
 *
 * Return: the mapping, valid until the list changes; NULL if there is none.
 */
const struct dax_vma *dax_vmas_next(const struct dax_vmas *vmas,
				    const struct dax_vma *vma)
{
	const struct dax_vmas_leaf *leaf = leaf_around(vmas, vma);

	if (vma + 1 < leaf->v + leaf->nr)
		return vma + 1;
	return vma_at(vmas, (struct place){.k = find_key(vmas, vma->start) + 1});
}

/* Find the last mapping before leaf @k. */
static const struct dax_vma *last_before(const struct dax_vmas *vmas, uint32_t k)
{
	return k ? &leaf_of(vmas, k - 1)->v[leaf_of(vmas, k - 1)->nr - 1] : NULL;
}

/**
 * dax_vmas_last() - find the last mapping
 * @vmas:	the list
 *
 * Return: the mapping, valid until the list changes; NULL if there is none.
 */
const struct dax_vma *dax_vmas_last(const struct dax_vmas *vmas)
{
	return last_before(vmas, vmas->nr_keys);
}

/**
 * dax_vmas_prev() - find the mapping before another one
 * @vmas:	the list
 * @vma:	a mapping in the list
 *
 * Return: the mapping, valid until the list changes; NULL if there is none.
 */
const struct dax_vma *dax_vmas_prev(const struct dax_vmas *vmas,
				    const struct dax_vma *vma)
{
	if (vma > leaf_around(vmas, vma)->v)
		return vma - 1;
	return last_before(vmas, find_key(vmas, vma->start));
}

/**
 * dax_vmas_overlap() - true if any of a range is a dax mapping
 * @vmas:	the list
 * @start:	first byte
 * @end:	behind the last byte
 */
bool dax_vmas_overlap(const struct dax_vmas *vmas, uint64_t start, uint64_t end)
{
	const struct dax_vma *vma = dax_vmas_find(vmas, start);

	return vma && vma->start < end;
}

/**
 * dax_vmas_has_room() - true if there is room for two more changes of the list
 * @vmas:	the list
 */
bool dax_vmas_has_room(const struct dax_vmas *vmas)
{
	return vmas->nr_keys + 2 * DAX_VMAS_GROWTH <= vmas->max;
}

/* Note that @nr mappings of an open file were added. */
static void count(struct dax_vmas *vmas, uint64_t file, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < vmas->nr_counts; i++)
		if (vmas->counts[i].file == file)
			vmas->counts[i].nr += nr;
}

/* Insert a key, and with it a leaf without mappings. */
static void add_leaf(struct dax_vmas *vmas, uint32_t k)
{
	uint32_t leaf = vmas->nr_leaves;

	if (vmas->free) {
		leaf = vmas->free - 1;
		vmas->free = vmas->leaves[leaf].next_free;
	} else {
		vmas->nr_leaves++;
	}
	vmas->leaves[leaf].nr = 0;
	memmove(&vmas->keys[k + 1], &vmas->keys[k],
		(vmas->nr_keys - k) * sizeof(vmas->keys[0]));
	vmas->keys[k] = (struct dax_vmas_key){.leaf = leaf};
	vmas->nr_keys++;
}

static void drop_leaf(struct dax_vmas *vmas, uint32_t k)
{
	const uint32_t leaf = vmas->keys[k].leaf;

	vmas->nr_keys--;
	memmove(&vmas->keys[k], &vmas->keys[k + 1],
		(vmas->nr_keys - k) * sizeof(vmas->keys[0]));
	vmas->leaves[leaf].next_free = vmas->free;
	vmas->free = leaf + 1;
}

/*
 * Move mappings from @i on of a full leaf to a new leaf behind it. One of the two may be
 * left without any; the caller adds one.
 */
static void split_leaf(struct dax_vmas *vmas, uint32_t k, uint32_t i)
{
	struct dax_vmas_leaf *from = leaf_of(vmas, k);
	struct dax_vmas_leaf *to;

	add_leaf(vmas, k + 1);
	to = leaf_of(vmas, k + 1);
	memcpy(to->v, &from->v[i], (from->nr - i) * sizeof(to->v[0]));
	to->nr = from->nr - i;
	from->nr = i;
	vmas->keys[k + 1].start = to->v[0].start;
}

/* Insert a mapping at a place. */
static void insert_at(struct dax_vmas *vmas, struct place at, const struct dax_vma *vma)
{
	struct dax_vmas_leaf *leaf;

	if (!vmas->nr_keys)
		add_leaf(vmas, 0);
	if (at.k == vmas->nr_keys) { /* behind the last mapping */
		at.k--;
		at.i = leaf_of(vmas, at.k)->nr;
	}
	if (leaf_of(vmas, at.k)->nr == DAX_VMAS_LEAF) {
		/* Mappings that come at either end of the list fill their leaves. */
		const bool is_end = at.k + at.i == 0 ||
				    (at.k == vmas->nr_keys - 1 && at.i == DAX_VMAS_LEAF);
		const uint32_t half = is_end ? at.i : DAX_VMAS_LEAF / 2;

		split_leaf(vmas, at.k, half);
		if (at.i > half || half == DAX_VMAS_LEAF) {
			at.k++;
			at.i -= half;
		}
	}
	leaf = leaf_of(vmas, at.k);
	memmove(&leaf->v[at.i + 1], &leaf->v[at.i],
		(leaf->nr - at.i) * sizeof(leaf->v[0]));
	leaf->v[at.i] = *vma;
	leaf->nr++;
	vmas->keys[at.k].start = leaf->v[0].start;
	vmas->nr++;
	count(vmas, vma->file, 1);
}

/* Make one leaf of leaf @k and the one behind it, if they are half of one. */
static void join_leaves(struct dax_vmas *vmas, uint32_t k)
{
	struct dax_vmas_leaf *to;
	const struct dax_vmas_leaf *from;

	if (k + 1 >= vmas->nr_keys)
		return;
	to = leaf_of(vmas, k);
	from = leaf_of(vmas, k + 1);
	if (to->nr + from->nr > DAX_VMAS_LEAF / 2)
		return;
	memcpy(&to->v[to->nr], from->v, from->nr * sizeof(to->v[0]));
	to->nr += from->nr;
	drop_leaf(vmas, k + 1);
}

/* Remove the mapping at a place, and those behind it in its leaf that end by @end. */
static void remove_at(struct dax_vmas *vmas, struct place at, uint64_t end)
{
	struct dax_vmas_leaf *leaf = leaf_of(vmas, at.k);
	uint32_t last;

	for (last = at.i; last < leaf->nr && leaf->v[last].end <= end; last++)
		count(vmas, leaf->v[last].file, -1U);
	memmove(&leaf->v[at.i], &leaf->v[last], (leaf->nr - last) * sizeof(leaf->v[0]));
	leaf->nr -= last - at.i;
	vmas->nr -= last - at.i;
	if (leaf->nr) {
		vmas->keys[at.k].start = leaf->v[0].start;
		join_leaves(vmas, at.k);
	} else {
		drop_leaf(vmas, at.k);
	}
	if (at.k)
		join_leaves(vmas, at.k - 1);
}

/**
 * dax_vma_may_merge() - true if two mappings are one to the kernel
 * @a:	a mapping
 * @b:	a mapping; it begins where @a ends, or they cannot merge
 *
 * For two mappings of one device (mm/mmap.c: can_vma_merge_after()).
 */
bool dax_vma_may_merge(const struct dax_vma *a, const struct dax_vma *b)
{
	return a->end == b->start && a->off + (a->end - a->start) == b->off &&
	       a->slot == b->slot && a->life == b->life && a->flags == b->flags &&
	       a->file == b->file;
}

/* Merge the mappings on both sides of a border, if they are alike. */
static void merge_at(struct dax_vmas *vmas, uint64_t addr)
{
	struct place at = find_place(vmas, addr);
	const struct dax_vma *vma = vma_at(vmas, at);
	const struct dax_vma *prev = vma ? dax_vmas_prev(vmas, vma) : NULL;
	uint64_t end;

	if (!prev || !dax_vma_may_merge(prev, vma))
		return;
	end = vma->end;
	remove_at(vmas, at, end);
	vma_at(vmas, find_place(vmas, addr - 1))->end = end;
}

/* Make @addr a border between two entries, if it lies inside one. */
static void split_at(struct dax_vmas *vmas, uint64_t addr)
{
	struct place at = find_place(vmas, addr);
	struct dax_vma *vma = vma_at(vmas, at);
	struct dax_vma part;

	if (!vma || vma->start >= addr)
		return;
	part = *vma;
	part.start = addr;
	part.off += addr - vma->start;
	vma->end = addr;
	at.i++;
	insert_at(vmas, at, &part);
}

/**
 * dax_vmas_remove() - remove a range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more leaves
 * @start:	first byte
 * @end:	behind the last byte
 */
void dax_vmas_remove(struct dax_vmas *vmas, uint64_t start, uint64_t end)
{
	if (!dax_vmas_overlap(vmas, start, end))
		return;
	split_at(vmas, start);
	split_at(vmas, end);
	while (dax_vmas_overlap(vmas, start, end))
		remove_at(vmas, find_place(vmas, start), end);
}

/**
 * dax_vmas_insert() - insert a new mapping, replacing those in its range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more leaves
 * @vma:	the mapping; start < end
 */
void dax_vmas_insert(struct dax_vmas *vmas, const struct dax_vma *vma)
{
	dax_vmas_remove(vmas, vma->start, vma->end);
	insert_at(vmas, find_place(vmas, vma->start), vma);
	merge_at(vmas, vma->end);
	merge_at(vmas, vma->start);
}

/**
 * dax_vmas_map() - insert what mmap or remap_file_pages has mapped
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more leaves
 * @vma:	the mapping; start < end
 * @kernel:	whose list it is
 *
 * Where the driver sets VM_HUGEPAGE only after the kernel has looked for neighbours to
 * merge with, it finds none (Linux 6.18, mm/vma.c: __mmap_region()). A later change of
 * flags merges them.
 */
void dax_vmas_map(struct dax_vmas *vmas, const struct dax_vma *vma,
		  enum dax_kernel kernel)
{
	if (!dax_kernel_has(kernel, DAX_RULE_MMAP_STANDS_ALONE)) {
		dax_vmas_insert(vmas, vma);
		return;
	}
	dax_vmas_remove(vmas, vma->start, vma->end);
	insert_at(vmas, find_place(vmas, vma->start), vma);
}

/**
 * dax_vmas_set_flags() - change the flags of a range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more leaves
 * @start:	first byte
 * @end:	behind the last byte
 * @clear:	flags to clear
 * @set:	flags to set
 *
 * Only mappings that change are split, and merge with their neighbours (mm/vma.c:
 * vma_modify()).
 */
void dax_vmas_set_flags(struct dax_vmas *vmas, uint64_t start, uint64_t end,
			uint32_t clear, uint32_t set)
{
	uint64_t next;

	for (; start < end; start = next) {
		const struct dax_vma *vma = dax_vmas_find(vmas, start);
		uint32_t flags;

		if (!vma || vma->start >= end)
			break;
		start = dax_max(start, vma->start);
		next = dax_min(end, vma->end);
		flags = (vma->flags & ~clear) | set;
		if (flags == vma->flags)
			continue;
		split_at(vmas, start);
		split_at(vmas, next);
		vma_at(vmas, find_place(vmas, start))->flags = flags;
		merge_at(vmas, next);
		merge_at(vmas, start);
	}
}

/**
 * dax_vmas_split() - note the split that a refused call leaves
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more leaves
 * @addr:	start of the call's range
 *
 * The kernel splits at the start of a range, then finds that it may not split at the
 * end, and leaves the first split: two lines in /proc/self/maps.
 */
void dax_vmas_split(struct dax_vmas *vmas, uint64_t addr)
{
	const struct dax_vma *vma = dax_vmas_find(vmas, addr);

	if (vma && !(addr & (vma->align - 1)))
		split_at(vmas, addr);
}

/**
 * dax_vmas_copy() - copy a list to other memory
 * @to:		an empty list, with room for at least as many leaves as @from has
 * @from:	the list; a change of it may have been interrupted at any instruction
 *
 * Mappings that cannot be, or overlap those before them, are left out. The copy takes as
 * few leaves as possible.
 */
void dax_vmas_copy(struct dax_vmas *to, const struct dax_vmas *from)
{
	uint64_t end = 0;
	uint32_t k;
	uint32_t i;

	memcpy(to->counts, from->counts, sizeof(to->counts));
	to->nr_counts = from->nr_counts;
	for (i = 0; i < DAX_VMAS_COUNTS; i++)
		to->counts[i].nr = 0;
	for (k = 0; k < from->nr_keys && k < from->max; k++) {
		const struct dax_vmas_leaf *leaf =
			&from->leaves[from->keys[k].leaf % from->max];

		for (i = 0; i < leaf->nr && i < DAX_VMAS_LEAF; i++) {
			const struct dax_vma *vma = &leaf->v[i];

			if (vma->start < end || vma->end <= vma->start ||
			    vma->slot >= DAX_STATE_SLOTS || !dax_is_pow2(vma->align))
				continue;
			insert_at(to, (struct place){.k = to->nr_keys}, vma);
			end = vma->end;
		}
	}
}

/**
 * dax_vmas_count() - count the mappings of an open file from now on
 * @vmas:	the list
 * @i:		the entry of counts to use, below DAX_VMAS_COUNTS
 * @file:	the open file
 */
void dax_vmas_count(struct dax_vmas *vmas, uint32_t i, uint64_t file)
{
	const struct dax_vma *vma;

	vmas->counts[i] = (struct dax_vmas_count){.file = file};
	if (vmas->nr_counts <= i)
		vmas->nr_counts = i + 1;
	for (vma = dax_vmas_first(vmas); vma; vma = dax_vmas_next(vmas, vma))
		vmas->counts[i].nr += vma->file == file;
}

/**
 * dax_vma_flags_of() - the flags that every mapping of a device has
 * @dev:	the device
 *
 * The first device-dax refused memory without page structs that a child would inherit
 * (4.7, drivers/dax/dax.c: "dax range requires MADV_DONTFORK"), but offered no way to
 * request that in time; here every such mapping has DONTFORK.
 *
 * Return: enum dax_vma_flag bits.
 */
uint32_t dax_vma_flags_of(const struct dax_device *dev)
{
	return dev->flags & DAX_DEVICE_NO_PAGES ? DAX_VMA_NO_PAGES | DAX_VMA_DONTFORK : 0;
}

/**
 * dax_vma_flags_of_mmap() - the flags that a mapping has by mmap's flags
 * @kernel:	whose mapping
 * @flags:	MAP_*
 *
 * Return: enum dax_vma_flag bits.
 */
uint32_t dax_vma_flags_of_mmap(enum dax_kernel kernel, int flags)
{
	const bool is_small =
		flags & MAP_STACK && dax_kernel_has(kernel, DAX_RULE_STACK_IS_SMALL);

	return (flags & MAP_NORESERVE ? DAX_VMA_NORESERVE : 0) |
	       (flags & MAP_SYNC ? DAX_VMA_SYNC : 0) | (is_small ? DAX_VMA_SMALL : 0);
}
