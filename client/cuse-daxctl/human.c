/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies for people: columns as wide as their contents. */
#include "client/cuse-daxctl/human.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libcore/size.h"

#define COLUMNS_MAX 16

struct column {
	const char *title;
	const char *key;
	bool is_size;   /* 1073741824: 1G */
	bool is_number; /* right-aligned */
	const char *missing;
};

static char *cell(struct json_object *row, const struct column *column)
{
	char buf[DAX_SIZE_STRLEN];
	struct json_object *value;

	if (!json_object_object_get_ex(row, column->key, &value))
		return g_strdup(column->missing ? column->missing : "-");
	if (column->is_size)
		return g_strdup(dax_size_format(json_object_get_uint64(value), buf));
	return g_strdup(json_object_get_string(value));
}

static size_t width(struct json_object *rows, const struct column *column)
{
	size_t max = strlen(column->title);
	size_t i;

	for (i = 0; i < json_object_array_length(rows); i++) {
		g_autofree char *text = cell(json_object_array_get_idx(rows, i), column);

		max = MAX(max, strlen(text));
	}
	return max;
}

static void print_cell(const char *text, const struct column *column, size_t wide,
		       bool is_last)
{
	if (column->is_number || column->is_size)
		printf("%*s", (int)wide, text);
	else
		printf("%-*s", is_last ? 0 : (int)wide, text);
	printf("%s", is_last ? "\n" : "  ");
}

static void print_table(struct json_object *rows, const struct column *columns, size_t nr)
{
	size_t wide[COLUMNS_MAX];
	size_t i;
	size_t c;

	g_assert(nr <= COLUMNS_MAX);
	for (c = 0; c < nr; c++) {
		wide[c] = width(rows, &columns[c]);
		print_cell(columns[c].title, &columns[c], wide[c], c == nr - 1);
	}
	for (i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		for (c = 0; c < nr; c++) {
			g_autofree char *text = cell(row, &columns[c]);

			print_cell(text, &columns[c], wide[c], c == nr - 1);
		}
	}
}

/**
 * ctl_human_list() - print the devices
 * @json:	reply to "list"
 */
void ctl_human_list(struct json_object *json)
{
	static const struct column columns[] = {
		{"DEVICE", "chardev"},
		{"SIZE", "size", .is_size = true},
		{"ALIGN", "align", .is_size = true},
		{"STATE", "state", .missing = "enabled"},
		{"TYPE", "type"},
		{"NODE", "target_node", .is_number = true},
		{"DEV", "dev"},
		{"CLIENTS", "clients", .is_number = true},
		{"BAD", "badblock_count", .is_number = true, .missing = "0"},
		{"BACKING", "backing"},
		{"PATH", "path"},
	};

	print_table(json, columns, G_N_ELEMENTS(columns));
}

/**
 * ctl_human_device() - print one device
 * @json:	reply to "create", "destroy", "enable" and "disable"
 */
void ctl_human_device(struct json_object *json)
{
	struct json_object *rows = json_object_new_array();

	json_object_array_add(rows, json_object_get(json));
	ctl_human_list(rows);
	json_object_put(rows);
}

/* Print a field of an event, unless it is always printed or not of interest. */
static void print_field(const char *key, struct json_object *value)
{
	static const char *const known[] = {"time", "event",  "chardev", "target_node",
					    "mode", "region", "type",    "backing",
					    "map",  "dev",    "path"};
	char buf[DAX_SIZE_STRLEN];
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(known); i++)
		if (!strcmp(key, known[i]))
			return;
	if (!strcmp(key, "size") || !strcmp(key, "align") || !strcmp(key, "offset") ||
	    !strcmp(key, "length"))
		printf("  %s %s", key,
		       dax_size_format(json_object_get_uint64(value), buf));
	else
		printf("  %s %s", key, json_object_get_string(value));
}

/**
 * ctl_human_event() - print an event as one line
 * @json:	an event of "watch"
 */
void ctl_human_event(struct json_object *json)
{
	struct json_object *value;
	char when[32] = "";
	struct tm tm;
	double now;
	time_t s;

	if (json_object_object_get_ex(json, "time", &value)) {
		now = json_object_get_double(value);
		s = (time_t)now;
		localtime_r(&s, &tm);
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
		printf("%s.%03d", when, (int)((now - (double)s) * 1000));
	}
	if (json_object_object_get_ex(json, "event", &value))
		printf("  %-8s", json_object_get_string(value));
	if (json_object_object_get_ex(json, "chardev", &value))
		printf("  %s", json_object_get_string(value));
	{
		json_object_object_foreach(json, key, field) print_field(key, field);
	}
	printf("\n");
}

/**
 * ctl_human_mappings() - print which process has mapped which device
 * @json:	reply to "mappings"
 */
void ctl_human_mappings(struct json_object *json)
{
	static const struct column columns[] = {
		{"PID", "pid", .is_number = true},
		{"COMMAND", "comm"},
		{"DEVICE", "chardev"},
		{"PROT", "prot"},
		{"START", "start"},
		{"SIZE", "size", .is_size = true},
		{"OFFSET", "offset", .is_size = true},
	};

	print_table(json, columns, G_N_ELEMENTS(columns));
}

/**
 * ctl_human_stats() - print the state of the daemon and the use of its devices
 * @json:	reply to "stats"
 */
void ctl_human_stats(struct json_object *json)
{
	static const struct column columns[] = {
		{"DEVICE", "chardev"},
		{"CLIENTS", "clients", .is_number = true},
		{"ATTACHES", "attaches", .is_number = true},
		{"REFUSALS", "refusals", .is_number = true},
		{"GENERATION", "generation", .is_number = true},
	};
	struct json_object *part;

	if (json_object_object_get_ex(json, "daemon", &part)) {
		json_object_object_foreach(part, key, value)
			printf("%-16s %s\n", key, json_object_get_string(value));
		printf("\n");
	}
	if (json_object_object_get_ex(json, "devices", &part))
		print_table(part, columns, G_N_ELEMENTS(columns));
}

/* Format the ranges of a device as offset and size: "0+4M 8M+2M". */
static char *ranges_text(struct json_object *ranges)
{
	GString *text = g_string_new(NULL);
	size_t i;

	for (i = 0; i < json_object_array_length(ranges); i++) {
		struct json_object *range = json_object_array_get_idx(ranges, i);
		char offset[DAX_SIZE_STRLEN];
		char size[DAX_SIZE_STRLEN];

		dax_size_format(json_object_get_uint64(
					json_object_object_get(range, "offset")),
				offset);
		dax_size_format(json_object_get_uint64(
					json_object_object_get(range, "size")),
				size);
		g_string_append_printf(text, "%s%s+%s", i ? " " : "", offset, size);
	}
	return g_string_free(text, FALSE);
}

/**
 * ctl_human_image() - print the content of a file
 * @json:	from ctl_inspect()
 */
void ctl_human_image(struct json_object *json)
{
	static const struct column columns[] = {
		{"ID", "id", .is_number = true},
		{"SIZE", "size", .is_size = true},
		{"ALIGN", "align", .is_size = true},
		{"STATE", "state"},
		{"RANGES", "text"},
	};
	struct json_object *record = json_object_object_get(json, "record");
	struct json_object *devices = json_object_object_get(record, "devices");
	char buf[DAX_SIZE_STRLEN];
	size_t i;

	json_object_object_foreach(json, key, value)
	{
		if (value == record)
			continue;
		printf("%-16s %s\n", key,
		       json_object_is_type(value, json_type_int) && strcmp(key, "npfns")
			       ? dax_size_format(json_object_get_uint64(value), buf)
			       : json_object_get_string(value));
	}
	if (record)
		printf("%-16s %s\n", "record",
		       json_object_get_string(json_object_object_get(record, "state")));
	if (!devices)
		return;
	printf("\n");
	for (i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *dev = json_object_array_get_idx(devices, i);
		g_autofree char *text =
			ranges_text(json_object_object_get(dev, "ranges"));

		json_object_object_add(dev, "text", json_object_new_string(text));
	}
	print_table(devices, columns, G_N_ELEMENTS(columns));
}

/**
 * ctl_human_faults() - print fault rules
 * @json:	reply to "fault": one rule, or a list
 */
void ctl_human_faults(struct json_object *json)
{
	static const struct column columns[] = {
		{"ID", "id", .is_number = true},
		{"INJECTED", "given", .is_number = true},
		{"RULE", "rule"},
	};
	struct json_object *rows = json_object_get(json);

	if (!json_object_is_type(json, json_type_array)) {
		rows = json_object_new_array();
		json_object_array_add(rows, json_object_get(json));
	}
	print_table(rows, columns, G_N_ELEMENTS(columns));
	json_object_put(rows);
}

#define MAP_WIDTH 64

/**
 * ctl_human_map() - print a device as a strip of units
 * @json:	reply to "map"
 */
void ctl_human_map(struct json_object *json)
{
	struct json_object *value;
	char size[DAX_SIZE_STRLEN];
	const char *map = "";
	uint64_t unit = 0;
	size_t pos;

	if (json_object_object_get_ex(json, "chardev", &value))
		printf("%s", json_object_get_string(value));
	if (json_object_object_get_ex(json, "size", &value))
		printf("  %s", dax_size_format(json_object_get_uint64(value), size));
	if (json_object_object_get_ex(json, "unit", &value)) {
		unit = json_object_get_uint64(value);
		printf("  each %s", dax_size_format(unit, size));
	}
	printf("  . free  - mapped  # touched  X bad\n");
	if (json_object_object_get_ex(json, "map", &value))
		map = json_object_get_string(value);
	for (pos = 0; pos < strlen(map); pos += MAP_WIDTH)
		printf("%10s  %.*s\n", dax_size_format(pos * unit, size), MAP_WIDTH,
		       map + pos);
}
