/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Under systemd: readiness, the socket it listens on for us, descriptors that it keeps
 * for us over a restart, the journal.
 *
 * Without systemd nothing here does anything, and libsystemd is not even loaded.
 */
#ifndef DAXD_BASE_SYSTEMD_H
#define DAXD_BASE_SYSTEMD_H

#include <stdbool.h>

#include "cuse-daxd/base/util.h"

struct daxd_subject;

void daxd_sd_init(void);
void daxd_sd_done(void);
int daxd_sd_take_socket(void);
bool daxd_sd_has_store(void);
int daxd_sd_take(const char *name);
int daxd_sd_keep(const char *name, int fd);
void daxd_sd_forget(const char *name);
void daxd_sd_forget_rest(void);
void daxd_sd_ready(const char *fmt, ...) DAXD_PRINTF(1, 2);
void daxd_sd_reloading(void);
void daxd_sd_stopping(void);

bool daxd_sd_journal(int priority, const struct daxd_subject *subject, const char *text);

#endif
