/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors whose calls the filter must stop. */
#ifndef GRAFT_DESCRIPTOR_H
#define GRAFT_DESCRIPTOR_H

#include "client/graft/call.h"

void graft_descriptor_look(void);
long graft_descriptor_new(long fd);
long graft_descriptor_receive(const struct graft_call *c);

#endif
