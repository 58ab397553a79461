/* SPDX-License-Identifier: BSD-2-Clause */
/* Interface between main.c and harness.c, not for cases. */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct dax_case;

void cases_sorted(struct dax_case ***ret_list);
bool case_in_group(const struct dax_case *c, const char *group);
void case_run(const struct dax_case *c);

/*
 * Restore the device after a case of zz_unbind.*, whatever state the case has left, and
 * give its node that mode.
 */
int unbind_restore(mode_t mode);

#endif
