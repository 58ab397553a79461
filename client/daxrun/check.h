/* SPDX-License-Identifier: BSD-2-Clause */
/* Check which mechanisms work on this machine. */
#ifndef RUN_CHECK_H
#define RUN_CHECK_H

#include <stdbool.h>

int run_check(bool is_json);
int run_check_probe(void);

#endif
