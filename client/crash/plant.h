/* SPDX-License-Identifier: BSD-2-Clause */
/* Plant breakpoints on the instructions of interest of this process. */
#ifndef CRASH_PLANT_H
#define CRASH_PLANT_H

#include <stdint.h>

#include "client/crash/insn.h"

int crash_plant_init(void);
int crash_plant_update(void);
const struct crash_insn *crash_plant_find(uint64_t at);

#endif
