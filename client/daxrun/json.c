/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of JSON. */
#include "client/daxrun/json.h"

#include <stdio.h>

/**
 * run_json_put() - write a string of JSON
 * @f:		the file
 * @text:	the string; bytes that are no ASCII become '?'
 */
void run_json_put(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c < ' ')
			fprintf(f, "\\u%04x", c);
		else
			fputc(c < 0x7f ? c : '?', f);
	}
	fputc('"', f);
}
