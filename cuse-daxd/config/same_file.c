/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refuse a config in which two regions have one backing file.
 *
 * Each region would take the file for its own, and their devices would share memory. The
 * same file may have several paths: through symbolic links, "..", and hard links.
 */
#include "cuse-daxd/config/same_file.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* A file; or, if it does not exist yet, its directory and its name there. */
struct place {
	const struct daxd_region_cfg *region;
	dev_t dev;
	ino_t ino;
	char *name; /* NULL: the file exists */
};

/* Return: false if neither the file nor its directory exists; then the start fails. */
static bool find_place(const struct daxd_region_cfg *region, struct place *ret)
{
	g_autofree char *dir = g_path_get_dirname(region->path);
	g_autofree char *name = NULL;
	struct stat st;

	if (stat(region->path, &st) < 0) {
		if (stat(dir, &st) < 0)
			return false;
		name = g_path_get_basename(region->path);
	}
	*ret = (struct place){.region = region, .dev = st.st_dev, .ino = st.st_ino};
	ret->name = g_steal_pointer(&name);
	return true;
}

static void free_place(void *data)
{
	struct place *place = data;

	g_free(place->name);
}

static void check_place(const struct daxd_config *cfg, const struct place *place,
			const GArray *before, GPtrArray *problems)
{
	guint i;

	for (i = 0; i < before->len; i++) {
		const struct place *other = &g_array_index(before, struct place, i);
		const bool is_alias = strcmp(place->region->path, other->region->path);

		if (other->dev != place->dev || other->ino != place->ino ||
		    g_strcmp0(other->name, place->name))
			continue;
		daxd_config_problem(cfg, place->region->line, problems,
				    "[region %u] has the backing file of [region %u], "
				    "%s%s%s (give each region a file of its own)",
				    place->region->id, other->region->id,
				    place->region->path,
				    is_alias ? ", which is the same as " : "",
				    is_alias ? other->region->path : "");
		return;
	}
}

/**
 * daxd_same_file_check() - check that no two regions have one backing file
 * @cfg:	the configuration
 * @problems:	receives a sentence for each region that has the file of one before it
 */
void daxd_same_file_check(const struct daxd_config *cfg, GPtrArray *problems)
{
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(struct place));
	const struct daxd_region_cfg *region;

	g_array_set_clear_func(places, free_place);
	for (region = cfg->regions; region; region = region->next) {
		struct place place;

		if (!region->path || !find_place(region, &place))
			continue;
		check_place(cfg, &place, places, problems);
		g_array_append_val(places, place);
	}
}
