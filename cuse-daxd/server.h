/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: connections, their limits, receiving and answering.
 *
 * One message is one question. A client asks, waits for the answer, may ask again; one
 * that does anything else is dropped. Nothing here waits for a client.
 */
#ifndef DAXD_SERVER_H
#define DAXD_SERVER_H

#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/watch.h"
#include "libcore/wire.h"

#define DAXD_CONNS_MAX         512
#define DAXD_CONNS_PER_UID_MAX 128
#define DAXD_IDLE_US           (10 * G_USEC_PER_SEC)
#define DAXD_FDS_MAX           4 /* received with one message */

struct daxd_server_stats {
	uint64_t connections; /* accepted */
	uint64_t attaches;
	uint64_t adopts;
	uint64_t stores;
	uint64_t controls;
	uint64_t refused; /* questions answered with an error */
	uint64_t dropped; /* connections, for what they did or did not do */
};

struct daxd_server {
	struct daxd_registry *reg;
	struct daxd_clients clients;
	int fd;
	GSource *source;
	GQueue conns;         /* struct daxd_conn; who has been silent longest first */
	gint64 started;       /* g_get_monotonic_time() */
	GQueue settling;      /* struct daxd_settling; the oldest first */
	GPtrArray *givebacks; /* struct daxd_giveback; NULL: none yet */
	struct daxd_watch watch;
	struct daxd_server_stats stats;
};

struct daxd_conn {
	struct daxd_server *server;
	struct daxd_peer peer;
	GSource *source;
	GList link;
	gint64 heard; /* when it last sent something; g_get_monotonic_time() */
	/* An answer is being worked out; to be given up if the connection goes. */
	void *job;
	void (*give_up)(void *job);
};

/* What came with one question. */
struct daxd_question {
	const struct dax_msg *msg;
	int fds[DAXD_FDS_MAX]; /* closed by the server */
	unsigned int nr_fds;
};

struct daxd_answer {
	int error; /* errno, or 0 */
	uint64_t arg[2];
	int fd; /* to be sent, or -1 */
	bool owns_fd;
};

enum daxd_next {
	DAXD_REPLY, /* send the answer */
	DAXD_LATER, /* conn->job is at it and ends in daxd_conn_reply() */
	DAXD_DROP,  /* no client of ours would ask that */
};

int daxd_server_start(struct daxd_server *server, struct daxd_registry *reg, int fd,
		      struct daxd_why *why);
void daxd_server_stop(struct daxd_server *server);
void daxd_conn_reply(struct daxd_conn *conn, const struct daxd_answer *answer);

/* -- questions.c: what is answered ---------------------------------------------- */

enum daxd_next daxd_question_answer(struct daxd_conn *conn, const struct daxd_question *q,
				    struct daxd_answer *ret);

#endif
