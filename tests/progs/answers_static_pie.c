/* SPDX-License-Identifier: BSD-2-Clause */
/* answers.c as a static-pie program. */
// LIBS: -static-pie
#include "tests/progs/answers.c"
