/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Save fault rules and bad memory for the next daemon.
 *
 * The runtime directory's file `faults` has all rules and all bad memory, for the daemon
 * that follows one that was killed. The file FILE.badblocks beside a pmem: file has its
 * poison, for as long as the file exists.
 */
#include "cuse-daxd/faults/saved.h"

#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "libcore/fault.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/beside.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"

#define NOTE     "faults"
#define NOTE_MAX (1 << 20)

static void note_bad(GString *text, const struct dax_bad *bad)
{
	g_string_append_printf(text, "bad %ju %ju %ju %u %u %d %u %s\n",
			       (uintmax_t)bad->life, (uintmax_t)bad->off,
			       (uintmax_t)bad->len, bad->rule, bad->flags, bad->who.pid,
			       bad->who.uid, bad->who.comm);
}

static void write_note(const struct daxd_faults *faults)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint i;
	guint k;

	g_string_append_printf(text, "last %u\n", faults->last_id);
	for (i = 0; i < faults->rules->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		g_string_append_printf(text, "%s %u %ju %ju %s\n",
				       f->is_from_start ? "start" : "rule", f->rule.id,
				       (uintmax_t)f->rule.since_ns, (uintmax_t)f->given,
				       f->text);
		for (k = 0; k < f->done->len; k++)
			g_string_append_printf(text, "done %u %ju\n", f->rule.id,
					       (uintmax_t)g_array_index(f->done, uint64_t,
									k));
	}
	for (i = 0; i < faults->bad->len; i++)
		note_bad(text, &g_array_index(faults->bad, struct dax_bad, i));
	if (daxd_runtime_write(faults->reg->rt, NOTE, 0600, text->str, text->len) < 0)
		daxd_warning("%s/" NOTE ": can't be written, continuing without",
			     faults->reg->rt->path);
}

static void write_all_beside(const struct daxd_faults *faults)
{
	guint i;

	for (i = 0; i < faults->reg->regions->len; i++) {
		const struct daxd_region *region =
			g_ptr_array_index(faults->reg->regions, i);

		if (region->store && region->store->backing == DAXD_PMEM)
			daxd_beside_write(faults, region->store);
	}
}

static void read_bad(struct daxd_faults *faults, const char *line)
{
	struct dax_bad bad = {0};
	uintmax_t n[3];

	if (sscanf(line, "bad %ju %ju %ju %u %u %d %u %15[^\n]", &n[0], &n[1], &n[2],
		   &bad.rule, &bad.flags, &bad.who.pid, &bad.who.uid, bad.who.comm) < 7)
		return;
	bad.life = n[0];
	bad.off = n[1];
	bad.len = n[2];
	/* Memory that died with the daemon is no longer bad. */
	if (!daxd_devices_find_life(faults->reg, bad.life))
		return;
	g_array_append_val(faults->bad, bad);
	daxd_bad_changed(faults, bad.life);
}

/* Find a rule of the start with the same text that has no number yet. */
static struct daxd_fault *find_of_start(const struct daxd_faults *faults,
					const char *text)
{
	guint i;

	for (i = 0; i < faults->rules->len; i++) {
		struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (!f->rule.id && !strcmp(f->text, text))
			return f;
	}
	return NULL;
}

static void read_rule(struct daxd_faults *faults, const char *line)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;
	struct daxd_fault *f;
	uintmax_t since;
	uintmax_t given;
	uint32_t id;
	int pos = 0;

	if (sscanf(line, "%*s %u %ju %ju %n", &id, &since, &given, &pos) != 3 || !pos ||
	    dax_fault_parse(line + pos, &rule, &why) < 0)
		return;
	f = line[0] == 's' ? find_of_start(faults, line + pos)
			   : daxd_list_add(faults, &rule);
	if (!f)
		return; /* the rule is no longer in the config */
	f->rule.id = id;
	f->rule.since_ns = since;
	f->given = given;
}

static gint compare_rule_ids(gconstpointer a, gconstpointer b)
{
	const struct daxd_fault *fa = *(struct daxd_fault *const *)a;
	const struct daxd_fault *fb = *(struct daxd_fault *const *)b;

	return fa->rule.id < fb->rule.id ? -1 : fa->rule.id > fb->rule.id;
}

/*
 * Read the file `faults`. The rules of the start are in the list already, in the order of
 * the config. Those that the earlier daemon had as well get their old numbers, which
 * users may have noted.
 */
static void read_note(struct daxd_faults *faults)
{
	g_autofree char *path = g_build_filename(faults->reg->rt->path, NOTE, NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct daxd_fault *f;
	uintmax_t life;
	uint32_t id;
	gsize len;
	char **line;
	guint i;

	if (!g_file_get_contents(path, &text, &len, NULL) || len > NOTE_MAX)
		return;
	for (i = 0; i < faults->rules->len; i++) {
		f = g_ptr_array_index(faults->rules, i);
		f->rule.id = 0;
	}
	faults->last_id = 0;
	lines = g_strsplit(text, "\n", -1);
	for (line = lines; *line; line++) {
		if (sscanf(*line, "last %u", &id) == 1)
			faults->last_id = MAX(faults->last_id, id);
		else if (g_str_has_prefix(*line, "rule ") ||
			 g_str_has_prefix(*line, "start "))
			read_rule(faults, *line);
		else if (sscanf(*line, "done %u %ju", &id, &life) == 2 &&
			 (f = daxd_list_find(faults, id)) &&
			 daxd_devices_find_life(faults->reg, life))
			g_array_append_vals(f->done, &(uint64_t){life}, 1);
		else
			read_bad(faults, *line);
	}
	for (i = 0; i < faults->rules->len; i++) {
		f = g_ptr_array_index(faults->rules, i);
		if (!f->rule.id)
			f->rule.id = ++faults->last_id;
	}
	g_ptr_array_sort(faults->rules, compare_rule_ids);
}

/**
 * daxd_saved_write() - write fault rules and bad memory for the next daemon
 * @faults:	all of them
 */
void daxd_saved_write(const struct daxd_faults *faults)
{
	write_note(faults);
	write_all_beside(faults);
}

/**
 * daxd_saved_read() - read the rules and bad memory that the previous daemon has saved
 * @faults:	all of them, with the rules of the start
 *
 * FILE.badblocks is read only if the file `faults` has no bad memory, because that file
 * includes the poison of pmem: files.
 */
void daxd_saved_read(struct daxd_faults *faults)
{
	const GPtrArray *regions = faults->reg->regions;
	guint i;

	if (faults->reg->rt->is_recovered)
		read_note(faults);
	if (faults->bad->len)
		return;
	for (i = 0; i < regions->len; i++) {
		const struct daxd_region *region = g_ptr_array_index(regions, i);

		if (region->store && region->store->backing == DAXD_PMEM)
			daxd_beside_read(faults, region->store);
	}
}
