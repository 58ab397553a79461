/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep the memory of devices out of core files.
 *
 * The kernel writes shared dax mappings to a core file only if bit 8 of
 * /proc/self/coredump_filter is set, whatever madvise(2) says of them (fs/coredump.c:
 * vma_dump_size(), core(5)). To it, the memory of a backing store is shared memory like
 * any other, of which it writes all. So each mapping is excluded, unless the bit is set
 * when the program maps its first device. A new program inherits the filter.
 */
#include "client/shim/memory/dump.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/hex.h"
#include "client/shim/base/sys.h"

#define FILTER_DAX_SHARED (1u << 8)

static enum {
	UNKNOWN,
	EXCLUDED,
	WANTED
} filter;

/**
 * shim_dump_prepare() - read the process's filter of core files
 *
 * Must be called before the program gives up rights. Async-signal-safe.
 */
SHIM_COLD void shim_dump_prepare(void)
{
	char text[20] = "";
	const char *p = text;
	uint64_t bits = 0;
	long fd = sys3(openat, AT_FDCWD, "/proc/self/coredump_filter",
		       O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		sys3(read, fd, text, sizeof(text) - 1);
		sys1(close, fd);
		shim_read_hex(&p, &bits);
	}
	__atomic_store_n(&filter, bits & FILTER_DAX_SHARED ? WANTED : EXCLUDED,
			 __ATOMIC_RELAXED);
}

/**
 * shim_dump_exclude() - keep a new mapping of a device out of core files
 * @addr:	its first byte
 * @len:	bytes
 *
 * Async-signal-safe.
 */
void shim_dump_exclude(uint64_t addr, uint64_t len)
{
	if (unlikely(__atomic_load_n(&filter, __ATOMIC_RELAXED) == UNKNOWN))
		shim_dump_prepare();
	if (likely(__atomic_load_n(&filter, __ATOMIC_RELAXED) == EXCLUDED))
		sys3(madvise, addr, len, MADV_DONTDUMP);
}
