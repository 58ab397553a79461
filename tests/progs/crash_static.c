// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -l:libpmem.a -lndctl -ldaxctl
/* crash_pmem with libpmem linked into it: its functions are not to be seen by name. */
#include "tests/progs/crash_pmem.c"
