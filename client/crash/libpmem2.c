/* SPDX-License-Identifier: BSD-2-Clause */
/* libpmem2's functions that flush and fence: it gives the program pointers to them. */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "client/crash/compiler.h"
#include "client/crash/record.h"

/* As in libpmem2.h, which the build does without. */
struct pmem2_map;
typedef void (*pmem2_persist_fn)(const void *addr, size_t len);
typedef void (*pmem2_flush_fn)(const void *addr, size_t len);
typedef void (*pmem2_drain_fn)(void);
typedef void *(*pmem2_memcpy_fn)(void *to, const void *from, size_t len,
				 unsigned int flags);
typedef void *(*pmem2_memset_fn)(void *to, int c, size_t len, unsigned int flags);

pmem2_persist_fn pmem2_get_persist_fn(struct pmem2_map *map);
pmem2_flush_fn pmem2_get_flush_fn(struct pmem2_map *map);
pmem2_drain_fn pmem2_get_drain_fn(struct pmem2_map *map);
pmem2_memcpy_fn pmem2_get_memcpy_fn(struct pmem2_map *map);
pmem2_memcpy_fn pmem2_get_memmove_fn(struct pmem2_map *map);
pmem2_memset_fn pmem2_get_memset_fn(struct pmem2_map *map);
int pmem2_deep_flush(struct pmem2_map *map, void *addr, size_t len);

static void persist(const void *addr, size_t len)
{
	crash_record_written(addr, len, 0);
}

static void *move(void *to, const void *from, size_t len, unsigned int flags)
{
	memmove(to, from, len);
	crash_record_written(to, len, flags);
	return to;
}

static void *set(void *to, int c, size_t len, unsigned int flags)
{
	memset(to, c, len);
	crash_record_written(to, len, flags);
	return to;
}

CRASH_EXPORT pmem2_persist_fn pmem2_get_persist_fn(struct pmem2_map *map)
{
	(void)map;
	return persist;
}

CRASH_EXPORT pmem2_flush_fn pmem2_get_flush_fn(struct pmem2_map *map)
{
	(void)map;
	return crash_record_flush;
}

CRASH_EXPORT pmem2_drain_fn pmem2_get_drain_fn(struct pmem2_map *map)
{
	(void)map;
	return crash_record_fence;
}

CRASH_EXPORT pmem2_memcpy_fn pmem2_get_memcpy_fn(struct pmem2_map *map)
{
	(void)map;
	return move;
}

CRASH_EXPORT pmem2_memcpy_fn pmem2_get_memmove_fn(struct pmem2_map *map)
{
	(void)map;
	return move;
}

CRASH_EXPORT pmem2_memset_fn pmem2_get_memset_fn(struct pmem2_map *map)
{
	(void)map;
	return set;
}

CRASH_EXPORT int pmem2_deep_flush(struct pmem2_map *map, void *addr, size_t len)
{
	__typeof__(&pmem2_deep_flush) real =
		(__typeof__(real))dlsym(RTLD_NEXT, "pmem2_deep_flush");

	persist(addr, len);
	return real ? real(map, addr, len) : 0;
}
