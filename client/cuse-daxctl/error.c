/* SPDX-License-Identifier: BSD-2-Clause */
/* Print error messages. */
#include "client/cuse-daxctl/error.h"

#include <stdarg.h>
#include <stdio.h>

/**
 * ctl_error() - print "cuse-daxctl: ", a message and a newline on stderr
 * @fmt:	as for printf(3), then its arguments
 */
void ctl_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "cuse-daxctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
