/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of the config file: one table for each kind of group. */
#ifndef DAXD_CONFIG_KEYS_H
#define DAXD_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "cuse-daxd/config/config.h"

struct daxd_why;

struct daxd_key {
	const char *name; /* NULL: end of the table */
	size_t offset;    /* of the field in the group's struct */
	uint32_t given;   /* enum daxd_given, or 0 */
	/* Sets the field, or leaves the text that follows "KEY=: " in @why. */
	int (*parse)(const char *value, void *field, struct daxd_why *why);
	char *(*print)(const void *field);
};

extern const struct daxd_key daxd_keys_daemon[];
extern const struct daxd_key daxd_keys_region[];
extern const struct daxd_key daxd_keys_device[];

int daxd_keys_parse_frontend(const char *name, enum daxd_frontend_kind *ret);
const char *daxd_keys_backing_word(const struct daxd_region_cfg *region);
const char *daxd_keys_type_word(enum dax_region_type type);
const char *daxd_keys_backing_name(enum daxd_backing backing);

#endif
