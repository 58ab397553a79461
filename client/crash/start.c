/* SPDX-License-Identifier: BSD-2-Clause */
/* Start with the process. */
#include <stdio.h>
#include <stdlib.h>

#include "libcore/crash_log.h"

#include "client/crash/record.h"
#include "client/crash/trap.h"

__attribute__((constructor)) static void start(void)
{
	if (!getenv(DAX_CRASH_ENV))
		return;
	/* Standard output is "said" line by line, as on a terminal, although it is a
	 * file. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (crash_record_is_by_instructions())
		crash_record_code(crash_trap_init());
}
