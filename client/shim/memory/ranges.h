/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what calls on ranges with dax mappings do. */
#ifndef SHIM_RANGES_H
#define SHIM_RANGES_H

#include <stdint.h>

long shim_ranges_munmap(uint64_t addr, uint64_t len);
long shim_ranges_mprotect(uint64_t addr, uint64_t len, int prot, int pkey);
long shim_ranges_mseal(uint64_t addr, uint64_t len, unsigned long flags);
long shim_ranges_msync(uint64_t addr, uint64_t len, int flags);
long shim_ranges_mlock(uint64_t addr, uint64_t len, int flags);
long shim_ranges_mbind(uint64_t addr, uint64_t len, const uint64_t args[4]);
long shim_ranges_mincore(uint64_t addr, uint64_t len, unsigned char *vec);

#endif
