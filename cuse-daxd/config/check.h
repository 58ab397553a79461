/* SPDX-License-Identifier: BSD-2-Clause */
/* Check that settings are compatible, and compute all sizes. */
#ifndef DAXD_CONFIG_CHECK_H
#define DAXD_CONFIG_CHECK_H

#include <glib.h>
#include <stdint.h>

struct daxd_config;
struct daxd_region_cfg;

void daxd_check_settle(const struct daxd_config *cfg, struct daxd_region_cfg *region,
		       uint64_t size, GPtrArray *problems);
void daxd_check_config(struct daxd_config *cfg, GPtrArray *problems);

#endif
