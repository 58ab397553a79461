/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in /proc/PID/pagemap. */
#ifndef DAX_PAGEMAP_H
#define DAX_PAGEMAP_H

#include <stdint.h>

#include "libcore/kernel.h"

/* Bits of an entry (Documentation/admin-guide/mm/pagemap.rst). */
#define DAX_PM_FRAME      ((UINT64_C(1) << 55) - 1)
#define DAX_PM_SOFT_DIRTY (UINT64_C(1) << 55)
#define DAX_PM_EXCLUSIVE  (UINT64_C(1) << 56)
#define DAX_PM_GUARD      (UINT64_C(1) << 58) /* since 6.15 */
#define DAX_PM_FILE       (UINT64_C(1) << 61)
#define DAX_PM_PRESENT    (UINT64_C(1) << 63)

uint64_t dax_pagemap_entry(enum dax_kernel kernel, uint64_t align, uint64_t page,
			   uint64_t unit);

#endif
