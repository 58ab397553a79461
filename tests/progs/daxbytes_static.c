/* SPDX-License-Identifier: BSD-2-Clause */
/* daxbytes.c as a static program. */
// LIBS: -static
#include "tests/progs/daxbytes.c"
