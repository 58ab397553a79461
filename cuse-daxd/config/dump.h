/* SPDX-License-Identifier: BSD-2-Clause */
/* Print the configuration as a config file. */
#ifndef DAXD_CONFIG_DUMP_H
#define DAXD_CONFIG_DUMP_H

struct daxd_config;

char *daxd_dump_config(const struct daxd_config *cfg);

#endif
