/* SPDX-License-Identifier: BSD-2-Clause */
/* struck.c as a static program. */
// LIBS: -static
#include "tests/progs/struck.c"
