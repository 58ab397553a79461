/* SPDX-License-Identifier: BSD-2-Clause */
/* Delay the reply to a change until every client has followed it. */
#include "cuse-daxd/clients/settle.h"

#include <glib.h>
#include <stdbool.h>
#include <unistd.h>

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/clients/clients.h"

#define PATIENCE_MS 1000

/* A reply that waits for the clients. */
struct daxd_settling {
	struct daxd_conn *conn;
	struct daxd_reply reply;
	GSource *timer;
	GList link;
};

static void settling_free(void *job)
{
	struct daxd_settling *s = job;

	g_queue_unlink(&s->conn->server->settling, &s->link);
	g_source_destroy(s->timer);
	g_source_unref(s->timer);
	if (s->reply.owns_fd)
		close(s->reply.fd);
	g_free(s);
}

static void finish(struct daxd_settling *s)
{
	struct daxd_conn *conn = s->conn;
	struct daxd_reply reply = s->reply;

	s->reply.owns_fd = false;
	settling_free(s);
	daxd_conn_reply(conn, &reply);
}

static gboolean on_timeout(gpointer data)
{
	daxd_debug("not all processes have followed, continuing");
	finish(data);
	return G_SOURCE_REMOVE;
}

/**
 * daxd_settle_check() - send the delayed replies if all clients have followed
 * @data:	struct daxd_server
 *
 * Called when a process has followed a change, or has ended.
 */
void daxd_settle_check(void *data)
{
	struct daxd_server *server = data;

	if (!server->settling.head || !daxd_clients_are_settled(&server->clients))
		return;
	while (server->settling.head)
		finish(server->settling.head->data);
}

/**
 * daxd_settle() - delay a reply until all processes have followed the change
 * @conn:	the connection of the client
 * @reply:	the reply; with DAXD_LATER a descriptor that it owns is taken over
 *
 * Return: DAXD_REPLY if all have followed already, else DAXD_LATER.
 */
enum daxd_next daxd_settle(struct daxd_conn *conn, struct daxd_reply *reply)
{
	struct daxd_server *server = conn->server;
	struct daxd_settling *s;

	if (daxd_clients_are_settled(&server->clients))
		return DAXD_REPLY;
	s = g_new0(struct daxd_settling, 1);
	s->conn = conn;
	s->reply = *reply;
	s->link.data = s;
	s->timer = g_timeout_source_new(PATIENCE_MS);
	g_source_set_callback(s->timer, on_timeout, s, NULL);
	g_source_attach(s->timer, NULL);
	g_queue_push_tail_link(&server->settling, &s->link);
	conn->job = s;
	conn->give_up = settling_free;
	return DAXD_LATER;
}
