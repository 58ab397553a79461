/* SPDX-License-Identifier: BSD-2-Clause */
/* shm_remap.c as a static program. */
// LIBS: -static
#include "tests/progs/shm_remap.c"
