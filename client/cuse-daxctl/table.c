/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of replies, which fit the terminal. */
#include "client/cuse-daxctl/table.h"

#include <glib.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "libcore/size.h"

#include "client/cuse-daxctl/error.h"
#include "client/cuse-daxctl/terminal.h"

#define SECTOR      512
#define SEPARATOR   "  "
#define COLUMNS_MAX 16
#define LONG_LEAST  12 /* of a cell that is cut off */

static char *cell_text(struct json_object *row, const struct ctl_column *column)
{
	char buf[DAX_SIZE_STRLEN];
	struct json_object *value;
	uint64_t size;

	if (!json_object_object_get_ex(row, column->key, &value))
		return g_strdup(column->missing ? column->missing : "-");
	if (!column->is_size && !column->is_sectors)
		return g_strdup(json_object_get_string(value));
	size = json_object_get_uint64(value);
	return g_strdup(dax_size_format(column->is_sectors ? size * SECTOR : size, buf));
}

static bool is_alarming(const struct ctl_column *column, const char *text)
{
	if (!column->alarm)
		return false;
	return strcmp(column->alarm, "+") ? !strcmp(column->alarm, text)
					  : strcmp(text, "0") != 0;
}

/* The width without which a column makes no sense. */
static size_t least_width(struct json_object *rows, const struct ctl_column *column)
{
	size_t max = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(rows); i++) {
		g_autofree char *text =
			cell_text(json_object_array_get_idx(rows, i), column);

		max = MAX(max, strlen(text));
	}
	if (column->is_long)
		max = MIN(max, LONG_LEAST);
	return MAX(max, strlen(column->title));
}

/* Leave out columns until the rest fits. Return: the lowest rank that is left out. */
static unsigned int first_hidden(struct json_object *rows,
				 const struct ctl_column *columns, size_t nr, int width)
{
	size_t need[COLUMNS_MAX];
	unsigned int hidden = 1;
	size_t sum;
	size_t i;

	g_assert(nr <= COLUMNS_MAX);
	for (i = 0; i < nr; i++) {
		need[i] = least_width(rows, &columns[i]);
		hidden = MAX(hidden, columns[i].rank + 1);
	}
	for (; hidden > 1; hidden--) {
		for (sum = 0, i = 0; i < nr; i++)
			if (columns[i].rank < hidden)
				sum += need[i] + strlen(SEPARATOR);
		if (!width || sum <= (size_t)width + strlen(SEPARATOR))
			break;
	}
	return hidden;
}

static int add_columns(struct libscols_table *table, const struct ctl_column *columns,
		       size_t nr, unsigned int hidden)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct ctl_column *c = &columns[i];
		int flags = 0;

		if (c->is_number || c->is_size || c->is_sectors)
			flags |= SCOLS_FL_RIGHT;
		if (c->is_long)
			flags |= SCOLS_FL_TRUNC;
		if (c->rank >= hidden)
			flags |= SCOLS_FL_HIDDEN;
		if (!scols_table_new_column(table, c->title, 0, flags))
			return -1;
	}
	return 0;
}

static int add_row(struct libscols_table *table, struct json_object *row,
		   const struct ctl_column *columns, size_t nr)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int r = line ? 0 : -1;
	size_t i;

	for (i = 0; r == 0 && i < nr; i++) {
		g_autofree char *text = cell_text(row, &columns[i]);

		r = scols_line_set_data(line, i, text);
		if (r == 0 && is_alarming(&columns[i], text))
			r = scols_cell_set_color(scols_line_get_cell(line, i), "red");
	}
	return r;
}

/* libsmartcols prints no titles if there are no rows. */
static void print_titles(const struct ctl_column *columns, size_t nr, int width)
{
	g_autoptr(GString) line = g_string_new(columns[0].title);
	size_t i;

	for (i = 1; i < nr; i++)
		g_string_append_printf(line, SEPARATOR "%s", columns[i].title);
	printf("%.*s\n", width ? width : (int)line->len, line->str);
}

/**
 * ctl_table_print() - print rows as a table
 * @rows:	an array of objects
 * @columns:	the columns
 * @nr:		number of columns
 *
 * On a terminal, long cells are cut off and columns left out so that lines fit.
 */
void ctl_table_print(struct json_object *rows, const struct ctl_column *columns,
		     size_t nr)
{
	struct libscols_table *table;
	int width = ctl_terminal_width();
	size_t i;
	int r;

	if (!json_object_array_length(rows)) {
		print_titles(columns, nr, width);
		return;
	}
	table = scols_new_table();
	r = table ? 0 : -1;

	if (r == 0)
		r = scols_table_set_column_separator(table, SEPARATOR);
	if (r == 0)
		r = scols_table_set_termforce(table, width ? SCOLS_TERMFORCE_ALWAYS
							   : SCOLS_TERMFORCE_NEVER);
	if (r == 0 && width)
		r = scols_table_set_termwidth(table, (size_t)width);
	if (r == 0)
		r = scols_table_enable_colors(table, ctl_terminal_has_colors());
	if (r == 0)
		r = add_columns(table, columns, nr,
				first_hidden(rows, columns, nr, width));
	for (i = 0; r == 0 && i < json_object_array_length(rows); i++)
		r = add_row(table, json_object_array_get_idx(rows, i), columns, nr);
	if (r == 0)
		r = scols_print_table(table);
	if (r)
		ctl_error("the table cannot be printed");
	scols_unref_table(table);
}
