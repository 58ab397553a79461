/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which processes use which devices.
 *
 * A process is remembered from its first ATTACH or ADOPT until its pidfd says that it
 * has ended; what it has unmapped meanwhile we do not learn.
 */
#ifndef DAXD_CLIENTS_H
#define DAXD_CLIENTS_H

#include "cuse-daxd/registry.h"

#define DAXD_CLIENTS_MAX 16384 /* processes; each holds a descriptor of ours */

struct daxd_clients {
	struct daxd_registry *reg;
	GHashTable *by_pid; /* struct daxd_client */
};

struct daxd_client {
	struct daxd_clients *clients;
	pid_t pid;
	uid_t uid;
	int pidfd;
	GSource *watch;
	GArray *lives; /* uint64_t: devices that it was given */
	uint64_t settled;
};

/* The process at the other end of a connection. */
struct daxd_peer {
	int socket;
	pid_t pid;
	uid_t uid;
};

void daxd_clients_init(struct daxd_clients *clients, struct daxd_registry *reg);
void daxd_clients_done(struct daxd_clients *clients);
int daxd_clients_attach(struct daxd_clients *clients, const struct daxd_peer *peer,
			struct daxd_device *dev);
int daxd_clients_adopt(struct daxd_clients *clients, const struct daxd_peer *peer);
void daxd_clients_settled(struct daxd_clients *clients, const struct daxd_peer *peer,
			  uint64_t generation);

#endif
