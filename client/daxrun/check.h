/* SPDX-License-Identifier: BSD-2-Clause */
/* Check which mechanisms work on this machine. */
#ifndef RUN_CHECK_H
#define RUN_CHECK_H

int run_check(void);

#endif
