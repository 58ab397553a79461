/* SPDX-License-Identifier: BSD-2-Clause */
/* New processes and programs. */
#ifndef GRAFT_PROCESS_H
#define GRAFT_PROCESS_H

#include <stdbool.h>

#include "client/graft/call.h"

void graft_process_init(void);
bool graft_process_is_own(void);
long graft_process_fork(const struct graft_call *c);
long graft_process_exec(const struct graft_call *c);
void graft_process_at_fork(void (*before)(void), void (*parent)(void),
			   void (*child)(void));

#endif
