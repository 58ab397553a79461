/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read the mappings of processes, a slice per turn of the main loop.
 *
 * A process can have 65,530 mappings, and a user thousands of processes. So the daemon
 * reads some lines of one process, looks after its other clients, and goes on; it serves
 * one scan of a user at a time, and the scans of different users by turns.
 */
#ifndef DAXD_CLIENTS_SCAN_H
#define DAXD_CLIENTS_SCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "cuse-daxd/clients/conn.h"

struct daxd_mapping;

struct daxd_scan_work {
	/* Called before a process is read. Return: false to leave it out. May be NULL. */
	bool (*begin)(void *ctx, pid_t pid);
	/* Called for each mapping. Return: false to skip the rest of the process. */
	bool (*found)(void *ctx, const struct daxd_mapping *mapping);
	/* Called at the end, to make the reply. */
	void (*done)(void *ctx, struct daxd_reply *ret);
	/* Called once, after done() or when the connection has ended before. */
	void (*free)(void *ctx);
};

enum daxd_next daxd_scan_process(struct daxd_conn *conn, pid_t pid,
				 const struct daxd_scan_work *work, void *ctx);
enum daxd_next daxd_scan_clients(struct daxd_conn *conn,
				 const struct daxd_scan_work *work, void *ctx);
enum daxd_next daxd_scan_all(struct daxd_conn *conn, const struct daxd_scan_work *work,
			     void *ctx);

#endif
