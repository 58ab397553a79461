/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of a process's mappings against a model that is an array of pages: after any
 * sequence of operations both must agree about every page.
 */
#include <sys/mman.h>

#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "tests/fuzz/fuzz.h"

enum {
	PAGES = 64,
	ALIGN = 4, /* pages */
};

struct page {
	bool is_mapped;
	uint32_t flags;
	uint32_t slot;
	uint64_t off;
};

static struct page pages[PAGES];
static struct dax_vmas_leaf leaves[PAGES];
static struct dax_vmas_key keys[PAGES];

static void compare(const struct dax_vmas *vmas)
{
	const struct dax_vma *v;
	uint64_t end = 0;
	int p;

	HOLDS(vmas->nr <= PAGES);
	for (v = dax_vmas_first(vmas); v; v = dax_vmas_next(vmas, v)) {
		HOLDS(v->start < v->end && v->start >= end && !(v->start % DAX_PAGE) &&
		      !(v->end % DAX_PAGE) && v->end <= PAGES * DAX_PAGE);
		end = v->end;
	}
	for (p = 0; p < PAGES; p++) {
		const uint64_t addr = (uint64_t)p * DAX_PAGE;

		v = dax_vmas_find(vmas, addr);
		HOLDS(pages[p].is_mapped == (v && v->start <= addr));
		if (!pages[p].is_mapped)
			continue;
		HOLDS(pages[p].slot == v->slot);
		HOLDS(pages[p].flags == v->flags);
		HOLDS(pages[p].off == v->off + (addr - v->start));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dax_vmas vmas = {.leaves = leaves, .keys = keys, .max = PAGES};

	memset(pages, 0, sizeof(pages));
	while (size >= 4) {
		const uint32_t op = (uint32_t)take(&data, &size, 1);
		const uint64_t first = take(&data, &size, 1) % PAGES;
		const uint64_t n = 1 + take(&data, &size, 1) % (PAGES - first);
		const uint32_t x = (uint32_t)take(&data, &size, 1);
		const uint64_t start = first * DAX_PAGE;
		const uint64_t end = start + n * DAX_PAGE;
		struct dax_verdict v = dax_allow();
		uint64_t p;
		uint64_t stop = end;

		if (op % 4 == 0) {
			struct dax_vma vma = {.start = start,
					      .end = end,
					      .off = (x & 4 ? 0 : first) * DAX_PAGE,
					      .align = ALIGN * DAX_PAGE,
					      .slot = x & 1,
					      .flags = DAX_VMA_READ | DAX_VMA_MAYWRITE |
						       (x & 8 ? DAX_VMA_WRITE : 0)};

			dax_vmas_insert(&vmas, &vma);
			for (p = 0; p < n; p++)
				pages[first + p] =
					(struct page){true, vma.flags, vma.slot,
						      vma.off + p * DAX_PAGE};
		} else if (op % 4 == 1) {
			v = dax_munmap_verdict(&vmas, start, end - start);
			if (v.error)
				dax_vmas_split(&vmas, start);
			else
				dax_vmas_remove(&vmas, start, end);
			for (p = first; p < first + n && !v.error; p++)
				pages[p].is_mapped = false;
		} else if (op % 4 == 2) {
			const uint32_t prot = x & DAX_VMA_PROT;

			v = dax_mprotect_verdict(&vmas, start, end - start, (int)prot,
						 &stop);
			HOLDS(stop >= start && stop <= end && (v.error || stop == end));
			if (stop > start)
				dax_vmas_set_flags(&vmas, start, stop, DAX_VMA_PROT,
						   prot);
			for (p = first; p < stop / DAX_PAGE; p++)
				pages[p].flags =
					(pages[p].flags & ~(uint32_t)DAX_VMA_PROT) | prot;
		} else {
			struct dax_mremap_request req = {.old_addr = start,
							 .old_len = end - start,
							 .new_len = (x >> 3) * DAX_PAGE,
							 .new_addr = (x & 7) * ALIGN *
								     DAX_PAGE,
							 .flags = op >> 2 & 7};
			const struct dax_vma *vma = dax_vmas_find(&vmas, start);
			const enum dax_kernel kernel =
				DAX_KERNEL_OLDEST + x / 128 % (DAX_KERNEL_NR - 1);
			const struct dax_advice advice = dax_advice(kernel, (int)x % 128);
			struct dax_mremap_answer ans;

			if (!vma || vma->start > start)
				continue;
			dax_mremap_verdict(vma, &req, &ans);
			HOLDS((ans.how == DAX_MREMAP_REFUSE) == (ans.v.error != 0));
			dax_mremap_move_verdict(vma, start, ans.old_len);
			dax_madvise_verdict(&vmas, vma, start, end, &advice);
			dax_mbind_verdict(&vmas, start, end - start, &stop);
			HOLDS(stop <= end);
		}
		compare(&vmas);
	}
	return 0;
}
