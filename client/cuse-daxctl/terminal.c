/* SPDX-License-Identifier: BSD-2-Clause */
/* Properties of the terminal that standard output is. */
#include "client/cuse-daxctl/terminal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_WIDTH 80

/**
 * ctl_terminal_width() - get the width of the terminal
 *
 * Return: the number of columns; 0 if standard output is no terminal, so that no line has
 * to fit.
 */
int ctl_terminal_width(void)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return DEFAULT_WIDTH;
	return size.ws_col;
}

/**
 * ctl_terminal_has_colors() - find out whether colours are welcome
 *
 * Return: true if standard output is a terminal with colours and the user has not
 * declined them (https://no-color.org).
 */
bool ctl_terminal_has_colors(void)
{
	const char *declined = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(declined && *declined) && term && *term &&
	       strcmp(term, "dumb");
}
