/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delay the reply to a change until every client has followed it.
 *
 * So when a disable is complete, no process can access the device. Each client's agent
 * (the shim's agent.c) reports when its mappings match the state pages; a client that is
 * stopped, or has no agent, holds up the reply for one second at most.
 */
#ifndef DAXD_CLIENTS_SETTLE_H
#define DAXD_CLIENTS_SETTLE_H

#include "cuse-daxd/clients/conn.h"

enum daxd_next daxd_settle(struct daxd_conn *conn, struct daxd_reply *reply);
void daxd_settle_check(void *server);

#endif
