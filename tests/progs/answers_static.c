/* SPDX-License-Identifier: BSD-2-Clause */
/* answers.c as a static program. */
// LIBS: -static
#include "tests/progs/answers.c"
