/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting until all processes have followed a change.
 *
 * Who disables a device is answered when no process can touch it any more. Processes
 * follow by themselves (the shim's agent.c) and say so; one that cannot, because it is
 * stopped or has no agent, is not waited for longer than a second.
 */
#ifndef DAXD_CLIENTS_SETTLE_H
#define DAXD_CLIENTS_SETTLE_H

#include "cuse-daxd/clients/conn.h"

enum daxd_next daxd_settle(struct daxd_conn *conn, struct daxd_reply *reply);
void daxd_settle_check(void *server);

#endif
