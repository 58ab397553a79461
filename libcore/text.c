/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows in a buffer of fixed size. */
#include "libcore/text.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 0)))
add(struct dax_text *t, const char *fmt, va_list ap)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;

	t->len += (size_t)vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
}

/**
 * dax_text_add() - append to a text
 * @t:		the text; its buffer is always terminated
 * @fmt:	as for printf(3), then its arguments
 *
 * As in snprintf(3), the length includes the part that does not fit.
 */
void dax_text_add(struct dax_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(t, fmt, ap);
	va_end(ap);
}

/**
 * dax_text_add_word() - append a word to a text, behind a space unless it is the first
 * @t:		as for dax_text_add()
 * @fmt:	as for printf(3), then its arguments
 */
void dax_text_add_word(struct dax_text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->len)
		dax_text_add(t, " ");
	va_start(ap, fmt);
	add(t, fmt, ap);
	va_end(ap);
}
