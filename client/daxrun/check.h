/* SPDX-License-Identifier: BSD-2-Clause */
/* Check which mechanisms work on this machine. */
#ifndef RUN_CHECK_H
#define RUN_CHECK_H

struct run_options;

int run_check(const struct run_options *o);
int run_check_probe(void);

#endif
