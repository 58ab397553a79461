/* SPDX-License-Identifier: BSD-2-Clause */
/* filtered.c as a static program. */
// LIBS: -static
#include "tests/progs/filtered.c"
