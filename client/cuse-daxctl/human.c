/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies for people: columns as wide as their contents. */
#include "client/cuse-daxctl/human.h"

#include <glib.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libcore/size.h"

#include "client/cuse-daxctl/table.h"
#include "client/cuse-daxctl/terminal.h"

#define FIELD_WIDTH 17 /* of a name in a list of fields, and a blank */

/**
 * ctl_human_list() - print the devices
 * @json:	reply to "list"
 */
void ctl_human_list(struct json_object *json)
{
	static const struct ctl_column columns[] = {
		{"DEVICE", "chardev"},
		{"SIZE", "size", .is_size = true},
		{"ALIGN", "align", .is_size = true, .rank = 2},
		{"STATE", "state", .missing = "enabled", .alarm = "disabled"},
		{"TYPE", "type", .rank = 4},
		{"NODE", "target_node", .is_number = true, .rank = 6},
		{"DEV", "dev", .rank = 5},
		{"CLIENTS", "clients", .is_number = true, .rank = 1},
		{"BAD", "badblock_count", .is_sectors = true, .missing = "0",
		 .alarm = "+"},
		{"KERNEL", "kernel", .rank = 7},
		{"BACKING", "backing", .rank = 3},
		{"PATH", "path", .is_long = true, .rank = 3},
	};

	ctl_table_print(json, columns, G_N_ELEMENTS(columns));
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
	static const struct ctl_column columns[] = {
		{"PID", "pid", .is_number = true},
		{"COMMAND", "comm", .is_long = true},
		{"DEVICE", "chardev"},
		{"PROT", "prot", .rank = 1},
		{"START", "start", .rank = 2},
		{"SIZE", "size", .is_size = true},
		{"OFFSET", "offset", .is_size = true},
	};

	ctl_table_print(json, columns, G_N_ELEMENTS(columns));
}

/**
 * ctl_human_stats() - print the state of the daemon and the use of its devices
 * @json:	reply to "stats"
 */
void ctl_human_stats(struct json_object *json)
{
	static const struct ctl_column columns[] = {
		{"DEVICE", "chardev"},
		{"CLIENTS", "clients", .is_number = true},
		{"ATTACHES", "attaches", .is_number = true, .rank = 1},
		{"REFUSALS", "refusals", .is_number = true},
		{"GENERATION", "generation", .is_number = true, .rank = 2},
		{"FAULTS", "faults", .is_number = true, .missing = "0", .alarm = "+"},
	};
	int width = ctl_terminal_width();
	struct json_object *part;

	if (json_object_object_get_ex(json, "daemon", &part)) {
		json_object_object_foreach(part, key, value)
			printf("%-16s %.*s\n", key,
			       width > FIELD_WIDTH ? width - FIELD_WIDTH : INT_MAX,
			       json_object_get_string(value));
		printf("\n");
	}
	if (json_object_object_get_ex(json, "devices", &part))
		ctl_table_print(part, columns, G_N_ELEMENTS(columns));
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
	static const struct ctl_column columns[] = {
		{"ID", "id", .is_number = true},     {"SIZE", "size", .is_size = true},
		{"ALIGN", "align", .is_size = true}, {"STATE", "state"},
		{"RANGES", "text", .is_long = true},
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
	ctl_table_print(devices, columns, G_N_ELEMENTS(columns));
}

/**
 * ctl_human_faults() - print fault rules
 * @json:	reply to "fault": one rule, or a list
 */
void ctl_human_faults(struct json_object *json)
{
	static const struct ctl_column columns[] = {
		{"ID", "id", .is_number = true},
		{"INJECTED", "given", .is_number = true},
		{"RULE", "rule", .is_long = true},
	};
	struct json_object *rows = json_object_get(json);

	if (!json_object_is_type(json, json_type_array)) {
		rows = json_object_new_array();
		json_object_array_add(rows, json_object_get(json));
	}
	ctl_table_print(rows, columns, G_N_ELEMENTS(columns));
	json_object_put(rows);
}

#define MAP_WIDTH  64 /* units in a line, unless the terminal is narrow */
#define MAP_MARGIN 12 /* for the offset */
#define MAP_GROUP  16 /* a line has a multiple of this, or of less if it is shorter */

#define RED   "\033[1;31m"
#define RESET "\033[0m"

static size_t map_width(void)
{
	int width = ctl_terminal_width();

	if (!width || width >= MAP_WIDTH + MAP_MARGIN)
		return MAP_WIDTH;
	if (width >= MAP_GROUP + MAP_MARGIN)
		return (size_t)(width - MAP_MARGIN) / MAP_GROUP * MAP_GROUP;
	return MAP_GROUP / 2;
}

/* Print a line of the strip; what is bad is red. */
static void print_strip(const char *map, size_t len)
{
	bool is_colored = ctl_terminal_has_colors();
	bool was_bad = false;
	size_t i;

	for (i = 0; i < len && map[i]; i++) {
		bool is_bad = map[i] == 'X';

		if (is_colored && is_bad != was_bad)
			fputs(is_bad ? RED : RESET, stdout);
		putchar(map[i]);
		was_bad = is_bad;
	}
	printf("%s\n", is_colored && was_bad ? RESET : "");
}

static uint64_t map_size_of(const char *map, char what, uint64_t unit)
{
	uint64_t size = 0;

	for (; *map; map++)
		if (*map == what)
			size += unit;
	return size;
}

/* Print the meaning of the characters, and how much of the device each stands for. */
static void print_legend(const char *map, uint64_t unit)
{
	static const struct {
		char what;
		const char *name;
	} kinds[] = {{'.', "free"}, {'-', "mapped"}, {'#', "touched"}, {'X', "bad"}};
	char size[DAX_SIZE_STRLEN];
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
		uint64_t of = map_size_of(map, kinds[i].what, unit);
		bool is_alarm = kinds[i].what == 'X' && of && ctl_terminal_has_colors();

		printf("%s%s%c %s %s%s", i ? "  " : "", is_alarm ? RED : "",
		       kinds[i].what, dax_size_format(of, size), kinds[i].name,
		       is_alarm ? RESET : "");
	}
	putchar('\n');
}

/**
 * ctl_human_map() - print a device as a strip of units
 * @json:	reply to "map"
 */
void ctl_human_map(struct json_object *json)
{
	const char *map = json_object_get_string(json_object_object_get(json, "map"));
	uint64_t unit = json_object_get_uint64(json_object_object_get(json, "unit"));
	const size_t width = map_width();
	struct json_object *value;
	char size[DAX_SIZE_STRLEN];
	size_t pos;

	if (json_object_object_get_ex(json, "chardev", &value))
		printf("%s", json_object_get_string(value));
	if (json_object_object_get_ex(json, "size", &value))
		printf("  %s", dax_size_format(json_object_get_uint64(value), size));
	printf("  each %s\n", dax_size_format(unit, size));
	if (!map)
		map = "";
	print_legend(map, unit);
	for (pos = 0; pos < strlen(map); pos += width) {
		printf("%*s  ", MAP_MARGIN - 2, dax_size_format(pos * unit, size));
		print_strip(map + pos, width);
	}
}
