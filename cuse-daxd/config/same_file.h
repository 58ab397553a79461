/* SPDX-License-Identifier: BSD-2-Clause */
/* Refuse a config in which two regions have one backing file. */
#ifndef DAXD_CONFIG_SAME_FILE_H
#define DAXD_CONFIG_SAME_FILE_H

#include <glib.h>

#include "cuse-daxd/config/config.h"

void daxd_same_file_check(const struct daxd_config *cfg, GPtrArray *problems);

#endif
