/* SPDX-License-Identifier: BSD-2-Clause */
/* Look up in /proc/self/pagemap which pages of the process are present. */
#include "client/shim/memory/pagemap.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "libcore/pagemap.h"
#include "libcore/size.h"

#include "client/shim/base/sys.h"

/**
 * shim_pagemap_open() - open /proc/self/pagemap
 *
 * Async-signal-safe.
 *
 * Return: a descriptor, which the caller must close, or a negative errno.
 */
int shim_pagemap_open(void)
{
	return (int)sys3(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

/*
 * Finds a page that was touched. Return: the first entry in a range that is present; 0 if none
 * is, or if the pagemap cannot be read.
 */
static uint64_t find_present(int pagemap, uint64_t addr, uint64_t len)
{
	uint64_t entries[64];
	uint64_t page;

	for (page = addr / DAX_PAGE; page < (addr + len) / DAX_PAGE;) {
		uint64_t want = dax_min((addr + len) / DAX_PAGE - page, 64);
		long n = sys4(pread64, pagemap, entries, want * 8, page * 8);
		long i;

		if (n <= 0)
			return 0;
		for (i = 0; i < n / 8; i++)
			if (entries[i] & DAX_PM_PRESENT)
				return entries[i];
		page += (uint64_t)(n / 8);
	}
	return 0;
}

/**
 * shim_pagemap_is_present() - tell whether any page of a range was touched
 * @pagemap:	from shim_pagemap_open()
 * @addr, @len:	the range, page-aligned
 *
 * Async-signal-safe.
 *
 * Return: true if a page is present; false if none is, or if the pagemap cannot be read.
 */
bool shim_pagemap_is_present(int pagemap, uint64_t addr, uint64_t len)
{
	return find_present(pagemap, addr, len) != 0;
}

/**
 * shim_pagemap_has_guard() - tell whether there is a guard page in a range
 * @addr, @len:	the range, page-aligned
 *
 * Async-signal-safe.
 *
 * Return: true if there is one; false also where the kernel does not tell (before 6.15).
 */
bool shim_pagemap_has_guard(uint64_t addr, uint64_t len)
{
	int pagemap = shim_pagemap_open();
	bool is_found = false;
	uint64_t entry;
	uint64_t page;

	if (pagemap < 0)
		return false;
	for (page = addr / DAX_PAGE; page < (addr + len) / DAX_PAGE && !is_found; page++)
		is_found = sys4(pread64, pagemap, &entry, 8, page * 8) == 8 &&
			   entry & DAX_PM_GUARD;
	sys1(close, pagemap);
	return is_found;
}

/**
 * shim_pagemap_count() - count the units of a range that were touched
 * @pagemap:	from shim_pagemap_open()
 * @addr, @len:	the range, page-aligned
 * @unit:	bytes of a unit, a multiple of the page size; units begin at multiples of it
 *
 * Async-signal-safe.
 *
 * Return: the units of which any page is present.
 */
uint64_t shim_pagemap_count(int pagemap, uint64_t addr, uint64_t len, uint64_t unit)
{
	const uint64_t end = (addr + len) / DAX_PAGE;
	uint64_t page = addr / DAX_PAGE;
	uint64_t last = UINT64_MAX; /* the unit that was counted last */
	uint64_t entries[512];
	uint64_t nr = 0;

	while (page < end) {
		uint64_t want = dax_min(end - page, 512);
		long n = sys4(pread64, pagemap, entries, want * 8, page * 8);
		long i;

		if (n < 8)
			break;
		for (i = 0; i < n / 8; i++) {
			const uint64_t at = (page + (uint64_t)i) * DAX_PAGE / unit;

			if (!(entries[i] >> 63) || at == last)
				continue;
			last = at;
			nr++;
		}
		page += (uint64_t)(n / 8);
	}
	return nr;
}

/**
 * shim_pagemap_soft_dirty() - look up what all entries must have
 * @pagemap:	from shim_pagemap_open()
 *
 * A new mapping is soft-dirty as a whole, unless the machine's own kernel does not track that
 * (CONFIG_MEM_SOFT_DIRTY). Async-signal-safe.
 *
 * Return: DAX_PM_SOFT_DIRTY, or 0 if entries have the bit where they should.
 */
uint64_t shim_pagemap_soft_dirty(int pagemap)
{
	static int8_t has; /* 0: not known yet, -1: it does not track */
	uint64_t entry = 0;
	uintptr_t fresh;

	if (!has) {
		fresh = (uintptr_t)sys6(mmap, 0, DAX_PAGE, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (sys_is_error((long)fresh))
			return 0;
		sys4(pread64, pagemap, &entry, 8, fresh / DAX_PAGE * 8);
		sys2(munmap, fresh, DAX_PAGE);
		has = entry & DAX_PM_SOFT_DIRTY ? 1 : -1;
	}
	return has > 0 ? 0 : DAX_PM_SOFT_DIRTY;
}

/**
 * shim_pagemap_unit() - look a unit of a device up
 * @pagemap:	from shim_pagemap_open()
 * @unit:	where it begins
 * @align:	its length; units of 1G are never shown as present
 *
 * Async-signal-safe.
 *
 * Return: the entry of a page that is present, or of the first one.
 */
uint64_t shim_pagemap_unit(int pagemap, uint64_t unit, uint64_t align)
{
	uint64_t entry = align < DAX_GIB ? find_present(pagemap, unit, align) : 0;

	if (!entry)
		sys4(pread64, pagemap, &entry, 8, unit / DAX_PAGE * 8);
	return entry | shim_pagemap_soft_dirty(pagemap);
}
