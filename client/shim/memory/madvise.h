/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what madvise(2) does in ranges with dax mappings. */
#ifndef SHIM_MADVISE_H
#define SHIM_MADVISE_H

#include <stdint.h>

long shim_madvise(uint64_t addr, uint64_t len, int advice);

#endif
