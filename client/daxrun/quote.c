/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of a shell's command line. */
#include "client/daxrun/quote.h"

#include <string.h>

/**
 * run_quote_put() - write a text in single quotes
 * @f:		the file
 * @text:	any text
 */
void run_quote_put(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", f);
		else
			fputc(*text, f);
	}
	fputc('\'', f);
}

/**
 * run_quote_word() - write a word, in quotes if the shell needs them
 * @f:		the file
 * @text:	any text
 */
void run_quote_word(FILE *f, const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./:=,+-@%";

	if (text[0] && !text[strspn(text, safe)])
		fputs(text, f);
	else
		run_quote_put(f, text);
}

/**
 * run_quote_option() - write a space, an option, a space and its value
 * @f:		the file
 * @option:	the option, which needs no quotes
 * @value:	any text
 */
void run_quote_option(FILE *f, const char *option, const char *value)
{
	fprintf(f, " %s ", option);
	run_quote_word(f, value);
}

/**
 * run_quote_command() - write " --" and the words of a command
 * @f:		the file
 * @command:	the words, then NULL
 */
void run_quote_command(FILE *f, char **command)
{
	fputs(" --", f);
	for (; *command; command++) {
		fputc(' ', f);
		run_quote_word(f, *command);
	}
}
