/* SPDX-License-Identifier: BSD-2-Clause */
/* vfork_numbers.c as a static program. */
// LIBS: -static
#include "tests/progs/vfork_numbers.c"
