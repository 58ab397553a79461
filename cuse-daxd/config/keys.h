/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of the config file: one table for each kind of group. */
#ifndef DAXD_CONFIG_KEYS_H
#define DAXD_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuse-daxd/config/config.h"

struct daxd_why;

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

int daxd_frontend_parse(const char *name, enum daxd_frontend_kind *ret);
const char *daxd_backing_name(enum daxd_backing backing);
bool daxd_backing_has_path(enum daxd_backing backing);

#endif
