/* SPDX-License-Identifier: BSD-2-Clause */
/* crowd.c as a static program. */
// LIBS: -static
#include "tests/progs/crowd.c"
