/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libpmem's functions that flush and fence, by name. libpmemobj, libpmemlog and
 * libpmemblk call them, too.
 *
 * The media is the log's, so nothing has to be flushed in fact. The real functions are
 * called only where they do more, or to record their instructions: they are missing if
 * the program has opened libpmem with dlopen(3), out of sight.
 */
#include <dlfcn.h>
#include <libpmem.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "client/crash/compiler.h"
#include "client/crash/record.h"

#define PAGE 4096

/* The real function, if its instructions are recorded; or else NULL. */
#define PASSED(name)                                                                     \
	({                                                                               \
		static void *real_;                                                      \
		if (!real_ && crash_record_is_by_instructions())                         \
			real_ = dlsym(RTLD_NEXT, #name);                                 \
		(__typeof__(&(name)))real_;                                              \
	})

CRASH_EXPORT void pmem_flush(const void *addr, size_t len)
{
	__typeof__(&pmem_flush) real = PASSED(pmem_flush);

	(real ? real : crash_record_flush)(addr, len);
}

CRASH_EXPORT void pmem_drain(void)
{
	__typeof__(&pmem_drain) real = PASSED(pmem_drain);

	(real ? real : crash_record_fence)();
}

CRASH_EXPORT void pmem_persist(const void *addr, size_t len)
{
	__typeof__(&pmem_persist) real = PASSED(pmem_persist);

	if (real)
		real(addr, len);
	else
		crash_record_written(addr, len, 0);
}

CRASH_EXPORT int pmem_msync(const void *addr, size_t len)
{
	uintptr_t start = (uintptr_t)addr / PAGE * PAGE;
	int r = msync((void *)start, len + ((uintptr_t)addr - start), MS_SYNC);

	if (r == 0)
		crash_record_written(addr, len, 0);
	return r;
}

CRASH_EXPORT void pmem_deep_flush(const void *addr, size_t len)
{
	__typeof__(&pmem_deep_flush) real = PASSED(pmem_deep_flush);

	(real ? real : crash_record_flush)(addr, len);
}

CRASH_EXPORT int pmem_deep_drain(const void *addr, size_t len)
{
	__typeof__(&pmem_deep_drain) real =
		(__typeof__(real))dlsym(RTLD_NEXT, "pmem_deep_drain");

	crash_record_fence();
	return real ? real(addr, len) : 0;
}

CRASH_EXPORT int pmem_deep_persist(const void *addr, size_t len)
{
	pmem_deep_flush(addr, len);
	return pmem_deep_drain(addr, len);
}

CRASH_EXPORT void *pmem_memmove(void *to, const void *from, size_t len,
				unsigned int flags)
{
	__typeof__(&pmem_memmove) real = PASSED(pmem_memmove);

	if (real)
		return real(to, from, len, flags);
	memmove(to, from, len);
	crash_record_written(to, len, flags);
	return to;
}

CRASH_EXPORT void *pmem_memcpy(void *to, const void *from, size_t len, unsigned int flags)
{
	return pmem_memmove(to, from, len, flags);
}

CRASH_EXPORT void *pmem_memset(void *to, int c, size_t len, unsigned int flags)
{
	__typeof__(&pmem_memset) real = PASSED(pmem_memset);

	if (real)
		return real(to, c, len, flags);
	memset(to, c, len);
	crash_record_written(to, len, flags);
	return to;
}

CRASH_EXPORT void *pmem_memmove_persist(void *to, const void *from, size_t len)
{
	return pmem_memmove(to, from, len, 0);
}

CRASH_EXPORT void *pmem_memcpy_persist(void *to, const void *from, size_t len)
{
	return pmem_memmove(to, from, len, 0);
}

CRASH_EXPORT void *pmem_memset_persist(void *to, int c, size_t len)
{
	return pmem_memset(to, c, len, 0);
}

CRASH_EXPORT void *pmem_memmove_nodrain(void *to, const void *from, size_t len)
{
	return pmem_memmove(to, from, len, PMEM_F_MEM_NODRAIN);
}

CRASH_EXPORT void *pmem_memcpy_nodrain(void *to, const void *from, size_t len)
{
	return pmem_memmove(to, from, len, PMEM_F_MEM_NODRAIN);
}

CRASH_EXPORT void *pmem_memset_nodrain(void *to, int c, size_t len)
{
	return pmem_memset(to, c, len, PMEM_F_MEM_NODRAIN);
}
