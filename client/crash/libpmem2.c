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

/* The real function; NULL: libpmem2 was opened with dlopen(3), out of sight. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))
/* The same, if its instructions are recorded; or else NULL. */
#define PASSED(name) (crash_record_is_by_instructions() ? REAL(name) : NULL)

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
	__typeof__(&pmem2_get_persist_fn) real = PASSED(pmem2_get_persist_fn);

	return real ? real(map) : persist;
}

CRASH_EXPORT pmem2_flush_fn pmem2_get_flush_fn(struct pmem2_map *map)
{
	__typeof__(&pmem2_get_flush_fn) real = PASSED(pmem2_get_flush_fn);

	return real ? real(map) : crash_record_flush;
}

CRASH_EXPORT pmem2_drain_fn pmem2_get_drain_fn(struct pmem2_map *map)
{
	__typeof__(&pmem2_get_drain_fn) real = PASSED(pmem2_get_drain_fn);

	return real ? real(map) : crash_record_fence;
}

CRASH_EXPORT pmem2_memcpy_fn pmem2_get_memcpy_fn(struct pmem2_map *map)
{
	__typeof__(&pmem2_get_memcpy_fn) real = PASSED(pmem2_get_memcpy_fn);

	return real ? real(map) : move;
}

CRASH_EXPORT pmem2_memcpy_fn pmem2_get_memmove_fn(struct pmem2_map *map)
{
	__typeof__(&pmem2_get_memmove_fn) real = PASSED(pmem2_get_memmove_fn);

	return real ? real(map) : move;
}

CRASH_EXPORT pmem2_memset_fn pmem2_get_memset_fn(struct pmem2_map *map)
{
	__typeof__(&pmem2_get_memset_fn) real = PASSED(pmem2_get_memset_fn);

	return real ? real(map) : set;
}

CRASH_EXPORT int pmem2_deep_flush(struct pmem2_map *map, void *addr, size_t len)
{
	__typeof__(&pmem2_deep_flush) real = REAL(pmem2_deep_flush);
	int r;

	if (!real || !crash_record_is_by_instructions()) {
		persist(addr, len);
		return real ? real(map, addr, len) : 0;
	}
	r = real(map, addr, len);
	crash_record_fence(); /* the write to the device's deep_flush is one */
	return r;
}
