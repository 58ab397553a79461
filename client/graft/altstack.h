/* SPDX-License-Identifier: BSD-2-Clause */
/* Alternate signal stacks that are large enough for the handler. */
#ifndef GRAFT_ALTSTACK_H
#define GRAFT_ALTSTACK_H

#include "client/graft/call.h"

long graft_altstack_call(const struct graft_call *c);
void graft_altstack_forked(void);

#endif
