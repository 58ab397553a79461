/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory cgroup that daxrun and its command run in. */
#ifndef DAXRUN_CGROUP_H
#define DAXRUN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

bool run_cgroup_limit(uint64_t *ret_limit, char **ret_file);
uint64_t run_cgroup_kills(void);

#endif
