/* SPDX-License-Identifier: BSD-2-Clause */
/* The dax mappings of one process: a sorted list that merges and splits. */
#include "libcore/vmas.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/size.h"

/**
 * dax_vmas_find() - find the first mapping that ends behind an address
 * @vmas:	the list
 * @addr:	an address
 *
 * Return: its index; vmas->nr if there is none.
 */
uint32_t dax_vmas_find(const struct dax_vmas *vmas, uint64_t addr)
{
	uint32_t lo = 0;
	uint32_t hi = vmas->nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (vmas->v[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/**
 * dax_vmas_overlap() - true if any of a range is a dax mapping
 * @vmas:	the list
 * @start:	first byte
 * @end:	behind the last byte
 */
bool dax_vmas_overlap(const struct dax_vmas *vmas, uint64_t start, uint64_t end)
{
	uint32_t i = dax_vmas_find(vmas, start);

	return i < vmas->nr && vmas->v[i].start < end;
}

static void open_gap(struct dax_vmas *vmas, uint32_t i, uint32_t n)
{
	memmove(&vmas->v[i + n], &vmas->v[i], (vmas->nr - i) * sizeof(vmas->v[0]));
	vmas->nr += n;
}

static void close_gap(struct dax_vmas *vmas, uint32_t i, uint32_t n)
{
	memmove(&vmas->v[i], &vmas->v[i + n], (vmas->nr - i - n) * sizeof(vmas->v[0]));
	vmas->nr -= n;
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

/* Merge entry @i with the one before it, if they are alike. */
static void merge_at(struct dax_vmas *vmas, uint32_t i)
{
	if (!i || i >= vmas->nr || !dax_vma_may_merge(&vmas->v[i - 1], &vmas->v[i]))
		return;
	vmas->v[i - 1].end = vmas->v[i].end;
	close_gap(vmas, i, 1);
}

/* Make @addr a border between two entries, if it lies inside one. */
static void split_at(struct dax_vmas *vmas, uint64_t addr)
{
	uint32_t i = dax_vmas_find(vmas, addr);
	struct dax_vma *vma = &vmas->v[i];

	if (i == vmas->nr || vma->start >= addr)
		return;
	open_gap(vmas, i, 1);
	vma[1].start = addr;
	vma[1].off += addr - vma[0].start;
	vma[0].end = addr;
}

/**
 * dax_vmas_remove() - remove a range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more
 * @start:	first byte
 * @end:	behind the last byte
 */
void dax_vmas_remove(struct dax_vmas *vmas, uint64_t start, uint64_t end)
{
	uint32_t first;
	uint32_t last;

	if (!dax_vmas_overlap(vmas, start, end))
		return;
	split_at(vmas, start);
	split_at(vmas, end);
	first = dax_vmas_find(vmas, start);
	for (last = first; last < vmas->nr && vmas->v[last].end <= end; last++)
		;
	close_gap(vmas, first, last - first);
}

/**
 * dax_vmas_insert() - insert a new mapping, replacing those in its range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more
 * @vma:	the mapping; start < end
 */
void dax_vmas_insert(struct dax_vmas *vmas, const struct dax_vma *vma)
{
	uint32_t i;

	dax_vmas_remove(vmas, vma->start, vma->end);
	i = dax_vmas_find(vmas, vma->start);
	open_gap(vmas, i, 1);
	vmas->v[i] = *vma;
	merge_at(vmas, i + 1);
	merge_at(vmas, i);
}

/**
 * dax_vmas_set_flags() - change the flags of a range
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more
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
		uint32_t i = dax_vmas_find(vmas, start);
		uint32_t flags;

		if (i == vmas->nr || vmas->v[i].start >= end)
			break;
		start = dax_max(start, vmas->v[i].start);
		next = dax_min(end, vmas->v[i].end);
		flags = (vmas->v[i].flags & ~clear) | set;
		if (flags == vmas->v[i].flags)
			continue;
		split_at(vmas, start);
		split_at(vmas, next);
		i = dax_vmas_find(vmas, start);
		vmas->v[i].flags = flags;
		merge_at(vmas, i + 1);
		merge_at(vmas, i);
	}
}

/**
 * dax_vmas_split() - note the split that a refused call leaves
 * @vmas:	the list, with room for DAX_VMAS_GROWTH more
 * @addr:	start of the call's range
 *
 * The kernel splits at the start of a range, then finds that it may not split at the
 * end, and leaves the first split: two lines in /proc/self/maps.
 */
void dax_vmas_split(struct dax_vmas *vmas, uint64_t addr)
{
	uint32_t i = dax_vmas_find(vmas, addr);

	if (i < vmas->nr && !(addr & (vmas->v[i].align - 1)))
		split_at(vmas, addr);
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
