/* SPDX-License-Identifier: BSD-2-Clause */
/* Mistakes in options, and the version, in the same words for all programs. */
#ifndef DAX_OPTION_TEXT_H
#define DAX_OPTION_TEXT_H

#include <getopt.h>

#define DAX_OPTION_TEXT_LEN 256

/* Exit status of a wrong command line; daxrun's own failures are 125. */
#define DAX_EXIT_USAGE 2

#define DAX_VERSION_TEXT(program) program " " DAXD_VERSION "\n"

const char *dax_option_text(const struct option *longs, const char *arg, int letter,
			    char buf[DAX_OPTION_TEXT_LEN]);

#endif
