/* SPDX-License-Identifier: BSD-2-Clause */
/* Print error messages. */
#ifndef CTL_ERROR_H
#define CTL_ERROR_H

void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
