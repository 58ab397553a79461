/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of replies, which fit the terminal. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl_column {
	const char *title;
	const char *key;
	bool is_size;      /* 1073741824: 1G */
	bool is_sectors;   /* of 512 bytes, shown as a size */
	bool is_number;    /* right-aligned */
	bool is_long;      /* cut off if the terminal is too narrow */
	unsigned int rank; /* 0: always shown; else the highest is left out first */
	const char *missing;
	const char *alarm; /* text of a cell that is shown in red; "+": every but 0 */
};

void ctl_table_print(struct json_object *rows, const struct ctl_column *columns,
		     size_t nr);

#endif
