/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep the memory of devices out of core files. */
#ifndef SHIM_DUMP_H
#define SHIM_DUMP_H

#include <stdint.h>

void shim_dump_prepare(void);
void shim_dump_exclude(uint64_t addr, uint64_t len);

#endif
