/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows in a buffer of fixed size. */
#ifndef DAX_TEXT_H
#define DAX_TEXT_H

#include <stddef.h>
#include <stdio.h>

struct dax_text {
	char *buf;
	size_t size; /* of buf, not 0 */
	size_t len;  /* of the whole text, including what does not fit */
};

void dax_text_add(struct dax_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void dax_text_add_word(struct dax_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The length of the text in the buffer. */
static inline size_t dax_text_length(const struct dax_text *t)
{
	return t->len < t->size ? t->len : t->size - 1;
}

#endif
