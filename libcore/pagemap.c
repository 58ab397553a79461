/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in /proc/PID/pagemap. */
#include "libcore/pagemap.h"

#include "libcore/size.h"

/**
 * dax_pagemap_entry() - the entry of a page of a dax mapping
 * @kernel:	whose answer
 * @align:	align of the device
 * @page:	the entry that the machine's own kernel has for the page of the backing store
 * @unit:	its entry for any present page of the unit; one that is not present if the unit
 *		was not touched
 *
 * A touched unit is present as a whole, but no kernel walks into PUD entries. Until 6.14
 * pages are not counted as mapped, so that none is exclusive, and those of PTEs are special
 * (fs/proc/task_mmu.c: pagemap_pmd_range(), pte_to_pagemap_entry()).
 *
 * Return: the entry.
 */
uint64_t dax_pagemap_entry(enum dax_kernel kernel, uint64_t align, uint64_t page,
			   uint64_t unit)
{
	const bool counts = dax_kernel_has(kernel, DAX_RULE_COUNTS_UNITS);
	const uint64_t of = page & DAX_PM_PRESENT ? page : unit;
	uint64_t entry = page & (DAX_PM_SOFT_DIRTY | DAX_PM_GUARD);

	if (!(unit & DAX_PM_PRESENT) || align >= DAX_GIB)
		return entry;
	entry |= DAX_PM_PRESENT | (of & DAX_PM_FRAME);
	if (counts || align > DAX_PAGE)
		entry |= DAX_PM_FILE;
	return counts ? entry | (of & DAX_PM_EXCLUSIVE) : entry;
}
