/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of window=: the windows of a region of type cxl. */
#ifndef DAXD_CONFIG_WINDOW_H
#define DAXD_CONFIG_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/config/config.h"

int daxd_windows_parse(const char *value, struct daxd_cxl_cfg *cxl, struct daxd_why *why);
char *daxd_windows_print(const struct daxd_cxl_cfg *cxl);
const char *daxd_windows_complete(struct daxd_cxl_cfg *cxl, uint64_t size);
bool daxd_windows_has_region(const struct daxd_cxl_cfg *cxl);

#endif
