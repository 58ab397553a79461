/* SPDX-License-Identifier: BSD-2-Clause */
/* Carry out a changed config while the daemon runs. */
#ifndef DAXD_RELOAD_H
#define DAXD_RELOAD_H

struct daxd_config;
struct daxd_registry;
struct daxd_why;

int daxd_reload(struct daxd_registry *reg, struct daxd_config *cfg, struct daxd_why *why);

#endif
