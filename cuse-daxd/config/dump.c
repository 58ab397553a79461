/* SPDX-License-Identifier: BSD-2-Clause */
/* Print the configuration as a config file. */
#include "cuse-daxd/config/dump.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cuse-daxd/config/config.h"
#include "cuse-daxd/config/keys.h"

/*
 * GKeyFile escapes values. In addition, the blank of " #" is written as an escape,
 * because config.c would read the rest as a comment.
 */
static void print_value(GString *out, const char *name, const char *value)
{
	g_autoptr(GKeyFile) kf = g_key_file_new();
	g_autofree char *escaped = NULL;
	const char *p;

	g_key_file_set_string(kf, "g", name, value);
	escaped = g_key_file_get_value(kf, "g", name, NULL);
	g_string_append_printf(out, "%s=", name);
	for (p = escaped; *p; p++) {
		if (*p == ' ' && p[1] == '#')
			g_string_append(out, "\\s");
		else
			g_string_append_c(out, *p);
	}
	g_string_append_c(out, '\n');
}

static void print_keys(GString *out, const struct daxd_key *keys, const void *object,
		       uint32_t skip)
{
	const struct daxd_key *key;

	for (key = keys; key->name; key++) {
		g_autofree char *value = NULL;

		if (key->given & skip)
			continue;
		value = key->print((const char *)object + key->offset);
		if (value)
			print_value(out, key->name, value);
	}
}

/* The keys that a file's info block or length decides, unless the config sets them. */
static uint32_t left_open(const struct daxd_region_cfg *region)
{
	uint32_t open = 0;

	if (!region->size)
		open |= DAXD_GIVEN_SIZE;
	if (region->backing == DAXD_PMEM)
		open |= (DAXD_GIVEN_ALIGN | DAXD_GIVEN_MAP) & ~region->given;
	return open;
}

static void print_region(GString *out, const struct daxd_region_cfg *region)
{
	uint32_t open = left_open(region);
	const struct daxd_device_cfg *dev;

	g_string_append_printf(out, "\n[region %u]\n", region->id);
	print_keys(out, daxd_keys_region, region, open);
	if (open & DAXD_GIVEN_SIZE)
		g_string_append(out, "# size: the file's; 1G if it has to be made\n");
	if (open & DAXD_GIVEN_ALIGN)
		g_string_append(out, "# align: the file's; 2M if it has to be made\n");
	if (open & DAXD_GIVEN_MAP)
		g_string_append(out, "# map: the file's; mem if it has to be made\n");
	for (dev = region->devices; dev; dev = dev->next) {
		bool is_rest = !region->size && !(dev->given & DAXD_GIVEN_SIZE);

		g_string_append_printf(out, "\n[device %u.%u]\n", region->id, dev->id);
		print_keys(out, daxd_keys_device, dev, is_rest ? DAXD_GIVEN_SIZE : 0);
		if (is_rest)
			g_string_append(out, "# size: what is left of the region\n");
	}
}

static void print_faults(GString *out, const GPtrArray *faults)
{
	guint i;

	for (i = 0; i < faults->len; i++) {
		g_string_append_printf(out, "\n[fault %u]\n", i + 1);
		print_value(out, "rule", g_ptr_array_index(faults, i));
	}
}

/**
 * daxd_dump_config() - print the configuration as a config file
 * @cfg:	checked; runtime_dir is printed if it is set
 *
 * Reading the text back gives the same configuration.
 *
 * Return: the text, to be freed by g_free().
 */
char *daxd_dump_config(const struct daxd_config *cfg)
{
	GString *out = g_string_new("[daemon]\n");
	const struct daxd_region_cfg *region;

	print_keys(out, daxd_keys_daemon, cfg, 0);
	for (region = cfg->regions; region; region = region->next)
		print_region(out, region);
	print_faults(out, cfg->faults);
	return g_string_free(out, FALSE);
}
