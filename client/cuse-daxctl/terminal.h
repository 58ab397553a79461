/* SPDX-License-Identifier: BSD-2-Clause */
/* Properties of the terminal that standard output is. */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include <stdbool.h>

int ctl_terminal_width(void);
bool ctl_terminal_has_colors(void);

#endif
