/* SPDX-License-Identifier: BSD-2-Clause */
/* Answer PROCMAP_QUERY about this process's own mappings. */
#ifndef SHIM_PROCMAP_H
#define SHIM_PROCMAP_H

#include <stdbool.h>

bool shim_procmap_is_list(int fd);
long shim_procmap_query(int fd, void *arg);

#endif
