/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of clients.
 *
 * One message is one request. A client sends it, waits for the reply, may send another; a
 * client that does anything else is dropped. Nothing here waits for a client.
 */
#ifndef DAXD_CLIENTS_CONN_H
#define DAXD_CLIENTS_CONN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "libcore/wire.h"

#include "cuse-daxd/base/shares.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/watch.h"

struct daxd_registry;

#define DAXD_IDLE_US (10 * G_USEC_PER_SEC)
#define DAXD_FDS_MAX 4 /* received with one message */

struct daxd_server_stats {
	uint64_t connections; /* accepted */
	uint64_t attaches;
	uint64_t adopts;
	uint64_t stores;
	uint64_t controls;
	uint64_t refused; /* requests refused */
	uint64_t dropped; /* connections, for what they did or did not do */
};

struct daxd_server {
	struct daxd_registry *reg;
	struct daxd_clients clients;
	int fd;
	GSource *source;
	GQueue conns; /* struct daxd_conn; the one silent for longest first */
	struct daxd_shares shares; /* connections of each user */
	unsigned int conns_max;
	gint64 started;  /* g_get_monotonic_time() */
	GQueue settling; /* struct daxd_settling; the oldest first */
	GQueue scans;    /* struct daxd_scan; the next to be served first */
	GSource *scan_source;
	struct daxd_watch watch;
	struct daxd_server_stats stats;
};

struct daxd_conn {
	struct daxd_server *server;
	struct daxd_peer peer;
	GSource *source;
	GList link;
	gint64 heard; /* time of the last message; g_get_monotonic_time() */
	/* The work on a pending reply, which is cancelled if the connection ends. */
	void *job;
	void (*give_up)(void *job);
};

/* One request, and what came with it. */
struct daxd_request {
	struct dax_wire_request wire; /* every field is in range */
	int error;             /* errno with which the request must be refused, or 0 */
	int fds[DAXD_FDS_MAX]; /* closed by the server */
	unsigned int nr_fds;
};

struct daxd_reply {
	int error; /* errno, or 0 */
	uint64_t arg[2];
	int fd; /* to be sent, or -1 */
	bool owns_fd;
};

enum daxd_next {
	DAXD_REPLY, /* send the reply now */
	DAXD_LATER, /* conn->job ends with daxd_conn_reply() */
	DAXD_DROP,  /* an invalid request: drop the connection */
};

void daxd_conn_free(struct daxd_conn *conn);
void daxd_conn_drop(struct daxd_conn *conn, const char *reason);
void daxd_conn_heard(struct daxd_conn *conn);
bool daxd_conn_is_silent(struct daxd_conn *conn);
void daxd_conn_reply(struct daxd_conn *conn, const struct daxd_reply *reply);
const char *daxd_conn_receive(struct daxd_conn *conn, struct daxd_request *q);
void daxd_conn_close_fds(const struct daxd_conn *conn, const struct daxd_request *q);
bool daxd_conn_is_closed(const struct daxd_conn *conn);
bool daxd_conn_may_change(const struct daxd_conn *conn);

#endif
