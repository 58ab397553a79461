/* SPDX-License-Identifier: BSD-2-Clause */
/* by_path.c as a static program. */
// LIBS: -static
#include "tests/progs/by_path.c"
