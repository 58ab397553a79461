/* SPDX-License-Identifier: BSD-2-Clause */
/* madvise of ranges in which dax mappings may be. */
#ifndef SHIM_MADVISE_H
#define SHIM_MADVISE_H

#include <stdint.h>

long shim_madvise(uint64_t addr, uint64_t len, int advice);

#endif
