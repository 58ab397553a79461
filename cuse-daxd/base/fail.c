/* SPDX-License-Identifier: BSD-2-Clause */
/* Leave the reason of a failure for the caller. */
#include "cuse-daxd/base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The only remedy of an error that has nothing to do with the thing, or NULL. */
static const char *remedy_of(int error)
{
	switch (error) {
	case EMFILE:
		return " (raise the limit of open files: ulimit -n, LimitNOFILE=)";
	case ENFILE:
		return " (raise the machine's limit of open files: sysctl fs.file-max)";
	default:
		return NULL;
	}
}

/* Put another remedy in the place of that at the end of a sentence. */
static void replace_remedy(struct daxd_why *why, const char *remedy)
{
	size_t len = strlen(why->text);
	char *old = len && why->text[len - 1] == ')' ? strrchr(why->text, '(') : NULL;

	if (old && old > why->text && old[-1] == ' ')
		len = (size_t)(old - 1 - why->text);
	snprintf(why->text + len, sizeof(why->text) - len, "%s", remedy);
}

/**
 * daxd_fail() - leave the reason of a failure for the caller
 * @why:	receives the text
 * @error:	errno, positive
 * @fmt:	a sentence in the form that struct daxd_why requires
 *
 * Where descriptors are missing, the remedy is not the one of the sentence, which is
 * about the thing that could not be opened.
 *
 * Return: -@error.
 */
int daxd_fail(struct daxd_why *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	if (remedy_of(error))
		replace_remedy(why, remedy_of(error));
	return -error;
}
