/* SPDX-License-Identifier: BSD-2-Clause */
/* raw_calls.c as a static program. */
// LIBS: -static
#include "tests/progs/raw_calls.c"
