/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of a shell's command line. */
#ifndef RUN_QUOTE_H
#define RUN_QUOTE_H

#include <stdio.h>

void run_quote_put(FILE *f, const char *text);
void run_quote_word(FILE *f, const char *text);
void run_quote_option(FILE *f, const char *option, const char *value);
void run_quote_command(FILE *f, char **command);

#endif
