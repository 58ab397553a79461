/* SPDX-License-Identifier: BSD-2-Clause */
/* Look up in /proc/self/pagemap which pages of the process are present. */
#include "client/shim/memory/pagemap.h"

#include <fcntl.h>

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
	uint64_t entries[64];
	uint64_t page;

	for (page = addr / DAX_PAGE; page < (addr + len) / DAX_PAGE;) {
		uint64_t want = dax_min((addr + len) / DAX_PAGE - page, 64);
		long n = sys4(pread64, pagemap, entries, want * 8, page * 8);
		long i;

		if (n <= 0)
			return false;
		for (i = 0; i < n / 8; i++)
			if (entries[i] >> 63)
				return true;
		page += (uint64_t)(n / 8);
	}
	return false;
}
