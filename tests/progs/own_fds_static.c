/* SPDX-License-Identifier: BSD-2-Clause */
/* own_fds.c as a static program. */
// LIBS: -static
#include "tests/progs/own_fds.c"
