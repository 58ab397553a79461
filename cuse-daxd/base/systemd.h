/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integration with systemd: readiness, the control socket on which it listens,
 * descriptors that it keeps over a restart of the daemon, the journal.
 *
 * Without systemd all functions do nothing, and libsystemd is not even loaded.
 */
#ifndef DAXD_BASE_SYSTEMD_H
#define DAXD_BASE_SYSTEMD_H

#include <stdbool.h>

#include "cuse-daxd/base/util.h"

void daxd_systemd_init(void);
void daxd_systemd_done(void);
int daxd_systemd_take_socket(void);
bool daxd_systemd_has_store(void);
int daxd_systemd_take(const char *name);
int daxd_systemd_keep(const char *name, int fd);
void daxd_systemd_forget(const char *name);
void daxd_systemd_forget_rest(void);
void daxd_systemd_ready(const char *fmt, ...) DAXD_PRINTF(1, 2);
void daxd_systemd_reloading(void);
void daxd_systemd_stopping(void);

#endif
