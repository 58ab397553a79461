/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of the config file: one table for each kind of group. */
#ifndef DAXD_CONFIG_KEYS_H
#define DAXD_CONFIG_KEYS_H

#include "cuse-daxd/config/config.h"
#include "cuse-daxd/base/log.h"

struct daxd_key {
	const char *name; /* NULL: end of the table */
	size_t offset;    /* of the field in the group's struct */
	uint32_t given;   /* enum daxd_given, or 0 */
	/* What follows "KEY=: " is left in @why. */
	int (*parse)(const char *value, void *field, struct daxd_why *why);
	char *(*print)(const void *field);
};

extern const struct daxd_key daxd_daemon_keys[];
extern const struct daxd_key daxd_region_keys[];
extern const struct daxd_key daxd_device_keys[];

#endif
