/* SPDX-License-Identifier: BSD-2-Clause */
/* Crash states as people write them. */
#ifndef DAX_CRASH_TEXT_H
#define DAX_CRASH_TEXT_H

#include <stdint.h>

#include "libcore/crash.h"

#define DAX_CRASH_STATE_LEN 32 /* of a state's name, with its NUL */

int dax_crash_text_choice(const char *text, struct dax_crash_choice *ret);
int dax_crash_text_state(const char *text, uint64_t *ret_fence,
			 struct dax_crash_state *ret);
int dax_crash_text_fences(const char *text, uint64_t ret[2]);
const char *dax_crash_text_format(const struct dax_crash_state *state, char separator,
				  char buf[DAX_CRASH_STATE_LEN]);

#endif
