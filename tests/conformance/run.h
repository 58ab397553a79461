/* SPDX-License-Identifier: BSD-2-Clause */
/* Between main.c and harness.c; cases do not see this. */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct dax_case;

void cases_sorted(struct dax_case ***ret_list);
bool case_in_group(const struct dax_case *c, const char *group);
void case_run(const struct dax_case *c);

/* After a case of zz_unbind.*: bring the device back, whatever the case left,
 * and its node with that mode. */
int unbind_restore(mode_t mode);

#endif
