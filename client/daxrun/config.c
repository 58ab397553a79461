/* SPDX-License-Identifier: BSD-2-Clause */
/* The config file of the private daemon, from the --device options. */
#include "client/daxrun/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/nearest.h"

#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

/* The keys of --device. From KEY_FIRST_OF_REGION on they belong to the region. */
enum key {
	KEY_SIZE,
	KEY_MODE,
	KEY_ALIGN,
	KEY_BACKING,
	KEY_MAP,
	KEY_TYPE,
	KEY_MEMDEVS,
	KEY_PARTITION,
	KEY_INTERLEAVE,
	KEY_GRANULARITY,
	KEY_BRIDGES,
	KEY_WINDOW,
	KEY_START,
	KEY_NR,
};

#define KEY_FIRST_OF_REGION KEY_ALIGN

static const char *const key_name[KEY_NR] = {
	"size",      "mode",       "align",       "backing", "map",    "type", "memdevs",
	"partition", "interleave", "granularity", "bridges", "window", "start"};

struct spec {
	uint32_t region;
	uint32_t id;
	const char *text;    /* as it was written */
	char *value[KEY_NR]; /* NULL: not on the command line */
};

/* Return: the key of this name, or KEY_NR. */
static int find_key(const char *name)
{
	int key;

	for (key = 0; key < KEY_NR; key++)
		if (!strcmp(name, key_name[key]))
			break;
	return key;
}

static void refuse_key(const char *text, const char *word)
{
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	int key;

	dax_nearest_begin(&n, word);
	for (key = 0; key < KEY_NR; key++)
		dax_nearest_offer(&n, key_name[key]);
	run_die("--device '%s': '%s' is not a word of a device (%stry size=, align=, "
		"backing=, map=, mode=, type=; of type=dynamic and cxl also start=; of "
		"type=cxl also memdevs=, partition=, interleave=, granularity=, "
		"bridges=, window=)",
		text, word, dax_nearest_text(&n, "", near));
}

/* Parse "dax0.0,size=1G,align=2M". The daemon checks the values and explains mistakes. */
static void parse_spec(const char *text, struct spec *spec)
{
	char *copy = run_strdup(text);
	char *rest = copy;
	char *word = strsep(&rest, ",");

	memset(spec, 0, sizeof(*spec));
	spec->text = text;
	if (dax_name_parse(dax_name_of_node(word), &spec->region, &spec->id) < 0)
		run_die("--device '%s': '%s' is not the name of a device (try dax0.0)",
			text, word);
	while ((word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');
		int key;

		if (value)
			*value++ = '\0';
		key = find_key(word);
		if (key == KEY_NR)
			refuse_key(text, word);
		if (!value || !*value || strchr(value, '\n'))
			run_die("--device '%s': %s= has no value", text, word);
		if (spec->value[key])
			run_die("--device '%s': %s= is given twice", text, word);
		spec->value[key] = run_strdup(value);
	}
	free(copy);
}

static bool is_first_of_region(const struct spec *specs, int i)
{
	int k;

	for (k = 0; k < i; k++)
		if (specs[k].region == specs[i].region)
			return false;
	return true;
}

/* The device that has the value which all devices of a region agree on; NULL: none has. */
static const struct spec *region_value(const struct spec *specs, int nr, int first,
				       int key)
{
	const struct spec *from = NULL;
	int i;

	for (i = first; i < nr; i++) {
		const char *other = specs[i].value[key];

		if (specs[i].region != specs[first].region || !other)
			continue;
		if (from && strcmp(from->value[key], other))
			run_die("--device: region %u cannot have %s=%s and %s=%s "
				"(daxX.Y is device Y of region X)",
				specs[first].region, key_name[key], from->value[key],
				key_name[key], other);
		if (!from)
			from = &specs[i];
	}
	return from;
}

/* Let the daemon's messages quote the command line, not the file (config/config.c). */
static void write_origin(const struct spec *spec, FILE *f)
{
	fprintf(f, "#@ --device '%s'\n", spec->text);
}

static void write_region(const struct spec *specs, int nr, int first, FILE *f)
{
	int nr_devices = 0;
	int key;
	int i;

	write_origin(&specs[first], f);
	fprintf(f, "[region %u]\n", specs[first].region);
	for (key = KEY_FIRST_OF_REGION; key < KEY_NR; key++) {
		const struct spec *from = region_value(specs, nr, first, key);

		if (!from)
			continue;
		write_origin(from, f);
		fprintf(f, "%s=%s\n", key_name[key], from->value[key]);
	}
	for (i = first; i < nr; i++)
		nr_devices += specs[i].region == specs[first].region;
	for (i = first; i < nr; i++) {
		if (specs[i].region != specs[first].region)
			continue;
		write_origin(&specs[i], f);
		fprintf(f, "[device %u.%u]\n", specs[i].region, specs[i].id);
		for (key = 0; key < KEY_FIRST_OF_REGION; key++) {
			const char *value = specs[i].value[key];

			/* A single device has the region's default, or the file's. */
			if (!value && key == KEY_SIZE && nr_devices > 1)
				value = "1G";
			if (value)
				fprintf(f, "%s=%s\n", key_name[key], value);
		}
	}
}

/**
 * run_config_write() - write the command line's devices as a config file
 * @o:		the options
 * @f:		receives the config
 */
void run_config_write(const struct run_options *o, FILE *f)
{
	static const char *const default_devices[] = {"dax0.0"};
	const char *const *devices = o->nr_devices ? o->devices : default_devices;
	int nr = o->nr_devices ? o->nr_devices : 1;
	struct spec *specs = run_alloc((size_t)nr * sizeof(*specs));
	int i;
	int k;

	for (i = 0; i < nr; i++) {
		parse_spec(devices[i], &specs[i]);
		for (k = 0; k < i; k++)
			if (specs[k].region == specs[i].region &&
			    specs[k].id == specs[i].id)
				run_die("--device: dax%u.%u is given twice",
					specs[i].region, specs[i].id);
	}
	for (i = 0; i < nr; i++)
		if (is_first_of_region(specs, i))
			write_region(specs, nr, i, f);
	for (i = 0; i < nr; i++)
		for (k = 0; k < KEY_NR; k++)
			free(specs[i].value[k]);
	free(specs);
}
