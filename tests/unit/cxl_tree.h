/* SPDX-License-Identifier: BSD-2-Clause */
/* Write and read the CXL part of a model's sysfs tree; for the unit tests of CXL. */
#ifndef DAX_TESTS_CXL_TREE_H
#define DAX_TESTS_CXL_TREE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libcore/model.h"
#include "libcore/size.h"
#include "libcore/sysfs.h"

#include "tests/unit/tap.h"

#define M      DAX_MIB
#define MEMORY (512 * M)
#define START  (64 * DAX_GIB)

static struct dax_model model;

/* The full path of a device or driver of the CXL bus. */
static inline const char *full(const char *path, char buf[DAX_SYSFS_PATH_MAX])
{
	const char *dir =
		strncmp(path, "cxl_", 4) ? "bus/cxl/devices/" : "bus/cxl/drivers/";

	if (!strncmp(path, "bus/", 4) || !strncmp(path, "kernel/", 7) ||
	    !strncmp(path, "dev", 3))
		dir = strncmp(path, "decoder", 7) ? "" : dir;
	snprintf(buf, DAX_SYSFS_PATH_MAX, "%s%s", dir, path);
	return buf;
}

static inline void wr(const char *path, const char *text, int want)
{
	char buf[DAX_SYSFS_PATH_MAX];

	is(dax_sysfs_store(&model, full(path, buf), text, strlen(text)), want,
	   "%s <- '%s'", path, text);
}

struct search {
	char path[DAX_SYSFS_PATH_MAX];
	char text[256];
	bool is_found;
	unsigned int nr_nodes;
};

static inline int find_text(void *ctx, const struct dax_sysfs_node *node)
{
	struct search *search = ctx;

	search->nr_nodes++;
	if (strcmp(node->path, search->path))
		return 0;
	search->is_found = true;
	snprintf(search->text, sizeof(search->text), "%s", node->text);
	return 1;
}

/* The text of a node of the tree itself; "-" if it does not exist. */
static inline const char *text_of(const char *path)
{
	static struct search search;

	search = (struct search){.text = "-"};
	snprintf(search.path, sizeof(search.path), "%s", path);
	dax_sysfs_walk(&model, find_text, &search);
	search.text[strcspn(search.text, "\n")] = '\0';
	return search.text;
}

/* Read an attribute of a device by the link of the bus. */
static inline void rd(const char *path, const char *want)
{
	const char *slash = strchr(path, '/');
	char link[DAX_SYSFS_PATH_MAX];
	char real[DAX_SYSFS_PATH_MAX];
	const char *got;

	snprintf(link, sizeof(link), "bus/cxl/devices/%.*s", (int)(slash - path), path);
	got = text_of(link);
	/* "../../../devices/..." */
	snprintf(real, sizeof(real), "%s%s", *got == '-' ? "-" : got + 9, slash);
	got = text_of(real);
	ok(!strcmp(got, want), "%s = '%s' (want '%s')", path, got, want);
}

static inline void nowhere(const char *path)
{
	ok(!strcmp(text_of(path), "-"), "%s does not exist", path);
}

#endif
