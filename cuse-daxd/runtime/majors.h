/* SPDX-License-Identifier: BSD-2-Clause */
/* Choose major numbers that no driver of this host has; write /proc/devices. */
#ifndef DAXD_RUNTIME_MAJORS_H
#define DAXD_RUNTIME_MAJORS_H

#include <stdbool.h>

struct dax_model;
struct dax_state;
struct daxd_runtime;
struct daxd_why;

char *daxd_majors_read(void);
int daxd_majors_choose(const char *proc_devices, struct dax_state *state, int major,
		       bool has_cxl, struct daxd_why *why);
int daxd_majors_write(char *proc_devices, struct daxd_runtime *rt,
		      const struct dax_model *model);

#endif
