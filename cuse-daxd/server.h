/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket, on which clients connect. */
#ifndef DAXD_SERVER_H
#define DAXD_SERVER_H

struct daxd_registry;
struct daxd_server;
struct daxd_why;

int daxd_server_start(struct daxd_server *server, struct daxd_registry *reg, int fd,
		      struct daxd_why *why);
void daxd_server_stop(struct daxd_server *server);

#endif
