/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices made with CUSE: any number of sessions, served by one thread.
 *
 * The main thread adds and removes nodes; the worker handles the requests of programs to
 * the nodes. The worker reads only the state pages and never waits for a program or for
 * the main thread, so that no device delays another one and a program that is stopped or
 * slow delays nothing. For this reason the main thread may send requests to the nodes.
 */
#ifndef DAXD_FRONTEND_CUSE_SESSION_H
#define DAXD_FRONTEND_CUSE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dax_state;
struct daxd_cuse;
struct daxd_why;

#define DAXD_CUSE_PATH "/dev/cuse"

int daxd_cuse_session_start(const struct dax_state *state,
			    void (*on_opened)(void *ctx, const char *name), void *ctx,
			    struct daxd_cuse **ret, struct daxd_why *why);
void daxd_cuse_session_stop(struct daxd_cuse *cuse);
int daxd_cuse_session_add(struct daxd_cuse *cuse, const char *name, uint32_t major,
			  uint32_t minor, struct daxd_why *why);
void daxd_cuse_session_serve(struct daxd_cuse *cuse, const char *name);
void daxd_cuse_session_remove(struct daxd_cuse *cuse, const char *name);
bool daxd_cuse_session_has(struct daxd_cuse *cuse, const char *name, dev_t rdev);
bool daxd_cuse_session_is_live(int fd);
unsigned int daxd_cuse_session_handles(struct daxd_cuse *cuse, const char *name);

#endif
