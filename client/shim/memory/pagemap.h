/* SPDX-License-Identifier: BSD-2-Clause */
/* Look up which pages of the process are present. */
#ifndef SHIM_PAGEMAP_H
#define SHIM_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

int shim_pagemap_open(void);
uint64_t shim_pagemap_soft_dirty(int pagemap);
bool shim_pagemap_has_guard(uint64_t addr, uint64_t len);
uint64_t shim_pagemap_count(int pagemap, uint64_t addr, uint64_t len, uint64_t unit);
uint64_t shim_pagemap_unit(int pagemap, uint64_t unit, uint64_t align);
bool shim_pagemap_is_present(int pagemap, uint64_t addr, uint64_t len);

#endif
