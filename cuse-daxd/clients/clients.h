/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes that use devices.
 *
 * The daemon remembers a process from its first ATTACH or ADOPT request until its pidfd
 * reports that it has ended. It does not learn of devices that a process has unmapped.
 */
#ifndef DAXD_CLIENTS_CLIENTS_H
#define DAXD_CLIENTS_CLIENTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "cuse-daxd/base/shares.h"

struct daxd_client;
struct daxd_device;
struct daxd_registry;

#define DAXD_CLIENTS_MAX 16384 /* processes; each costs the daemon a descriptor */

struct daxd_clients {
	struct daxd_registry *reg;
	GHashTable *by_pid;        /* struct daxd_client */
	struct daxd_shares shares; /* processes of each user */
	unsigned int max; /* processes; less if the daemon may have few descriptors */
	int epoll;        /* of all pidfds, so that the main loop has only this one */
	GSource *watch;
	/* Called when a process has settled, or ended. */
	void (*on_settled)(void *ctx);
	/* Called when a process begins or, by its end, ceases to use a device. */
	void (*on_use)(void *ctx, const struct daxd_client *client,
		       const struct daxd_device *dev, bool is_begin);
	void *ctx;
};

struct daxd_client {
	struct daxd_clients *clients;
	pid_t pid;
	uid_t uid;
	int pidfd;
	GArray *uses; /* struct daxd_use: the devices that it has attached or adopted */
};

/* A device that a process uses, and the last change that its mappings there follow. */
struct daxd_use {
	uint64_t life;
	uint32_t settled;
};

/* The process at the other end of a connection. */
struct daxd_peer {
	int socket;
	pid_t pid;
	uid_t uid;
};

char *daxd_clients_comm_of(pid_t pid);
int daxd_clients_open_pidfd(const struct daxd_peer *peer);
void daxd_clients_init(struct daxd_clients *clients, struct daxd_registry *reg,
		       void (*on_settled)(void *ctx),
		       void (*on_use)(void *ctx, const struct daxd_client *client,
				      const struct daxd_device *dev, bool is_begin),
		       void *ctx);
void daxd_clients_done(struct daxd_clients *clients);
int daxd_clients_attach(struct daxd_clients *clients, const struct daxd_peer *peer,
			struct daxd_device *dev);
int daxd_clients_adopt(struct daxd_clients *clients, const struct daxd_peer *peer);
void daxd_clients_found(struct daxd_clients *clients, pid_t pid, struct daxd_device *dev);
bool daxd_clients_has(const struct daxd_clients *clients, const struct daxd_peer *peer,
		      const char *name);
uid_t daxd_clients_uid_of(const struct daxd_clients *clients,
			  const struct daxd_peer *peer);
void daxd_clients_settled(struct daxd_clients *clients, const struct daxd_peer *peer,
			  uint32_t changes);
bool daxd_clients_are_settled(const struct daxd_clients *clients);

#endif
