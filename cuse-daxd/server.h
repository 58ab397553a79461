/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: connections, their limits, receiving and answering.
 *
 * One message is one question. A client asks, waits for the answer, may ask again; one
 * that does anything else is dropped. Nothing here waits for a client.
 */
#ifndef DAXD_SERVER_H
#define DAXD_SERVER_H

struct daxd_registry;
struct daxd_server;
struct daxd_why;

#define DAXD_CONNS_MAX         512
#define DAXD_CONNS_PER_UID_MAX 128

int daxd_server_start(struct daxd_server *server, struct daxd_registry *reg, int fd,
		      struct daxd_why *why);
void daxd_server_stop(struct daxd_server *server);

#endif
