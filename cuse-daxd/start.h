/* SPDX-License-Identifier: BSD-2-Clause */
/* Start all devices and stop them. */
#ifndef DAXD_START_H
#define DAXD_START_H

struct daxd_frontend;
struct daxd_registry;
struct daxd_runtime;
struct daxd_why;

int daxd_start_devices(struct daxd_registry *reg, struct daxd_runtime *rt,
		       struct daxd_frontend *fe, struct daxd_why *why);
void daxd_start_undo(struct daxd_registry *reg);

#endif
