/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send uevents to programs that have opened a socket for them.
 *
 * Each such socket is one end of a pair of the daemon's. The messages of the machine's kernel
 * and udevd go to these sockets, too, except those about devices that the emulator replaces.
 */
#ifndef DAXD_REGISTRY_UEVENTS_H
#define DAXD_REGISTRY_UEVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct daxd_registry;

int daxd_uevents_open(struct daxd_registry *reg, pid_t pid, uid_t uid, uint32_t *ret_id);
int daxd_uevents_join(struct daxd_registry *reg, uid_t uid, uint32_t id, uint32_t groups);
void daxd_uevents_publish(struct daxd_registry *reg);
void daxd_uevents_synthesize(struct daxd_registry *reg, const char *path,
			     const char *text, size_t len);
void daxd_uevents_close(struct daxd_registry *reg);

#endif
