/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of JSON. */
#ifndef RUN_JSON_H
#define RUN_JSON_H

#include <stdio.h>

void run_json_put(FILE *f, const char *text);

#endif
