/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of the process are present, from /proc/self/pagemap. */
#include "client/shim/base/compiler.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "client/shim/memory/ranges.h"
#include "client/shim/base/sys.h"
#include "libcore/plan.h"
#include "libcore/size.h"

bool shim_is_present(int pagemap, uint64_t addr, uint64_t len)
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
