/* SPDX-License-Identifier: BSD-2-Clause */
/* Leave the reason of a failure for the caller. */
#include "cuse-daxd/base/fail.h"

#include <stdarg.h>
#include <stdio.h>

/**
 * daxd_fail() - leave the reason of a failure for the caller
 * @why:	receives the text
 * @error:	errno, positive
 * @fmt:	a sentence in the form that struct daxd_why requires
 *
 * Return: -@error.
 */
int daxd_fail(struct daxd_why *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -error;
}
