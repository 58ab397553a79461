/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in the answer to PAGEMAP_SCAN, an ioctl on /proc/PID/pagemap. */
#include "libcore/pagemap_scan.h"

#include <stdbool.h>

#include "libcore/pagemap.h"
#include "libcore/size.h"

/**
 * dax_scan_categories() - the categories of a unit
 * @kernel:	whose answer
 * @align:	align of the device
 * @unit:	its entry in the pagemap, as dax_pagemap_entry() takes it
 *
 * Since some kernel after 6.18, memory without a userfaultfd is not written (seen on 7.3).
 * fs/proc/task_mmu.c: pagemap_page_category(), pagemap_thp_category(); no kernel walks into
 * PUD entries.
 *
 * Return: bits of enum dax_scan_category.
 */
uint64_t dax_scan_categories(enum dax_kernel kernel, uint64_t align, uint64_t unit)
{
	uint64_t categories = unit & DAX_PM_SOFT_DIRTY ? DAX_SCAN_SOFT_DIRTY : 0;

	if (!(unit & DAX_PM_PRESENT) || align >= DAX_GIB)
		return categories;
	categories |= DAX_SCAN_PRESENT;
	if (dax_kernel_has(kernel, DAX_RULE_SCAN_SEES_WRITTEN))
		categories |= DAX_SCAN_WRITTEN;
	if (align > DAX_PAGE)
		categories |= DAX_SCAN_HUGE;
	if (dax_kernel_has(kernel, DAX_RULE_COUNTS_UNITS))
		categories |= DAX_SCAN_FILE;
	return categories;
}

/* fs/proc/task_mmu.c: pagemap_scan_is_interesting_page() */
static bool is_wanted(const struct dax_scan *arg, uint64_t categories)
{
	categories ^= arg->inverted;
	return (categories & arg->mask) == arg->mask &&
	       (!arg->any_of || categories & arg->any_of);
}

/**
 * dax_scan_add() - add a range of pages of the same categories
 * @s:			how far the scan has come; the range follows the last one
 * @start, @end:	the range
 * @categories:		of its pages
 *
 * A range that continues the last region makes it longer (fs/proc/task_mmu.c:
 * pagemap_scan_output(), pagemap_scan_push_range()).
 *
 * Return: where the scan has come to: @end, or less if it stops there.
 */
uint64_t dax_scan_add(struct dax_scan_state *s, uint64_t start, uint64_t end,
		      uint64_t categories)
{
	const struct dax_scan *arg = s->arg;
	const uint64_t max = arg->max_pages ? arg->max_pages : UINT64_MAX;

	if (!arg->vec_len || !is_wanted(arg, categories))
		return end;
	end = start + dax_min((end - start) / DAX_PAGE, max - s->pages) * DAX_PAGE;
	if (start == end)
		return start;
	categories &= arg->returned;
	if (s->nr && s->last.end == start && s->last.categories == categories) {
		s->last.end = end;
	} else {
		if (s->nr == arg->vec_len)
			return start;
		s->last = (struct dax_scan_region){start, end, categories};
		s->nr++;
	}
	s->pages += (end - start) / DAX_PAGE;
	return end;
}
