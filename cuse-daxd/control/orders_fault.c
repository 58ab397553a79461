/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders in JSON about faults: inject, clear, fault (add, remove, list), map; and what
 * "list" and "stats" say of them.
 */
#include "cuse-daxd/control/control.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/clients/settle.h"

#include "libcore/size.h"

#include <string.h>
#include <sys/mman.h>

#define CELLS_MAX 4096

/* ---- what others tell, too ------------------------------------------------- */

/**
 * daxd_add_badblocks() - what is poisoned of a device, as ndctl list -M says it
 * @json:	receives badblock_count and badblocks, if there are any
 * @dev:	the device
 */
void daxd_add_badblocks(struct json_object *json, const struct daxd_device *dev)
{
	const struct daxd_faults *faults = dev->reg->faults;
	struct json_object *list = json_object_new_array();
	uint64_t count = 0;
	guint i;

	for (i = 0; faults && i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		struct json_object *entry;

		if (bad->life != dev->life || !daxd_bad_is_listed(bad))
			continue;
		entry = json_object_new_object();
		daxd_add_number(entry, "offset", bad->off / DAX_SECTOR);
		daxd_add_number(entry, "length", bad->len / DAX_SECTOR);
		json_object_array_add(list, entry);
		count += bad->len / DAX_SECTOR;
	}
	if (!count) {
		json_object_put(list);
		return;
	}
	daxd_add_number(json, "badblock_count", count);
	json_object_object_add(json, "badblocks", list);
}

static struct json_object *describe_rule(const struct daxd_faults *faults,
					 const struct daxd_fault *f)
{
	struct json_object *json = json_object_new_object();

	(void)faults;
	daxd_add_number(json, "id", f->rule.id);
	daxd_add_string(json, "rule", f->text);
	daxd_add_number(json, "given", f->given);
	if (f->refused)
		daxd_add_number(json, "refused", f->refused);
	return json;
}

static struct json_object *list_rules(const struct daxd_faults *faults)
{
	struct json_object *list = json_object_new_array();
	guint i;

	for (i = 0; i < faults->rules->len; i++)
		json_object_array_add(
			list, describe_rule(faults, g_ptr_array_index(faults->rules, i)));
	return list;
}

static int compare_pids(const void *a, const void *b)
{
	const struct daxd_fault_count *x = *(struct daxd_fault_count *const *)a;
	const struct daxd_fault_count *y = *(struct daxd_fault_count *const *)b;

	return x->pid - y->pid;
}

/**
 * daxd_add_fault_stats() - how many faults were given, by rule and by process
 * @json:	receives "faults"
 * @faults:	all of them
 */
void daxd_add_fault_stats(struct json_object *json, const struct daxd_faults *faults)
{
	struct json_object *part = json_object_new_object();
	struct json_object *list = json_object_new_array();
	g_autoptr(GPtrArray) pids = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;
	guint i;

	g_hash_table_iter_init(&iter, faults->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(pids, value);
	g_ptr_array_sort(pids, compare_pids);
	for (i = 0; i < pids->len; i++) {
		const struct daxd_fault_count *c = g_ptr_array_index(pids, i);
		struct json_object *entry = json_object_new_object();

		daxd_add_number(entry, "pid", (uint64_t)c->pid);
		daxd_add_string(entry, "comm", c->comm);
		daxd_add_number(entry, "given", c->given);
		json_object_array_add(list, entry);
	}
	daxd_add_number(part, "given", faults->given);
	json_object_object_add(part, "rules", list_rules(faults));
	json_object_object_add(part, "processes", list);
	json_object_object_add(json, "faults", part);
}

/**
 * daxd_add_device_faults() - how many faults a device has given
 * @json:	receives "faults"
 * @dev:	the device
 */
void daxd_add_device_faults(struct json_object *json, const struct daxd_device *dev)
{
	const struct daxd_faults *faults = dev->reg->faults;
	gpointer given = g_hash_table_lookup(faults->by_name, dev->desc.name);

	daxd_add_number(json, "faults", GPOINTER_TO_SIZE(given));
}

/* ---- inject, clear --------------------------------------------------------- */

static enum daxd_next refuse_stranger(const char *what, struct daxd_answer *ret)
{
	return daxd_refuse(ret, EACCES,
			   "%s: only root and the daemon's user may do that (EACCES)",
			   what);
}

/* What is asked for: the device, and a stretch of it. */
struct stretch {
	struct daxd_device *dev;
	uint64_t off;
	uint64_t len;
	bool has_off;
	bool has_len;
};

/* Return: false: the answer says why not. */
static bool get_stretch(struct daxd_conn *conn, struct json_object *question,
			struct stretch *ret, struct daxd_answer *answer)
{
	ret->dev = daxd_find_device(conn, question, answer);
	if (!ret->dev)
		return false;
	ret->has_off = json_object_object_get_ex(question, "offset", NULL);
	ret->has_len = json_object_object_get_ex(question, "length", NULL);
	if (!daxd_get_size(question, "offset", &ret->off)) {
		daxd_refuse(answer, EINVAL, "the offset is none (4096, 2M)");
		return false;
	}
	if (!daxd_get_size(question, "length", &ret->len) ||
	    (ret->has_len && !ret->len)) {
		daxd_refuse(answer, EINVAL, "the length is none (4096, 2M)");
		return false;
	}
	return true;
}

static void tell(struct daxd_conn *conn, const char *event, const struct stretch *s)
{
	struct json_object *json;

	if (!daxd_watch_is_on(&conn->server->watch))
		return;
	json = json_object_new_object();
	daxd_add_string(json, "chardev", s->dev->desc.name);
	daxd_add_number(json, "offset", s->off);
	daxd_add_number(json, "length",
			s->len ? s->len : dax_dev_size(s->dev->dev) - s->off);
	daxd_watch_emit(&conn->server->watch, event, json);
}

static bool is_true(struct json_object *question, const char *key)
{
	const char *text = daxd_get_string(question, key);
	struct json_object *value;

	if (text)
		return !strcmp(text, "true");
	return json_object_object_get_ex(question, key, &value) &&
	       json_object_get_boolean(value);
}

enum daxd_next daxd_verb_inject(struct daxd_conn *conn, struct json_object *question,
				struct daxd_answer *ret)
{
	uint32_t flags = DAX_BAD_POISON;
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, question, &s, ret))
		return DAXD_REPLY;
	if (!s.has_off || !s.has_len)
		return daxd_refuse(ret, EINVAL, "%s: where? (--offset and --length)",
				   s.dev->desc.name);
	if (is_true(question, "latent"))
		flags |= DAX_BAD_LATENT;
	r = daxd_faults_inject(conn->server->reg->faults, s.dev, s.off, s.len, flags,
			       &why);
	if (r < 0)
		return daxd_refuse(ret, r, "%s", why.text);
	tell(conn, "inject", &s);
	daxd_answer_json(daxd_describe_device(s.dev), 0, ret);
	return daxd_settle(conn, ret);
}

enum daxd_next daxd_verb_clear(struct daxd_conn *conn, struct json_object *question,
			       struct daxd_answer *ret)
{
	struct daxd_why why;
	struct stretch s;
	int r;

	if (!get_stretch(conn, question, &s, ret))
		return DAXD_REPLY;
	r = daxd_faults_clear(conn->server->reg->faults, s.dev, s.off, s.len, &why);
	if (r < 0)
		return daxd_refuse(ret, r, "%s", why.text);
	tell(conn, "clear", &s);
	daxd_answer_json(daxd_describe_device(s.dev), 0, ret);
	return daxd_settle(conn, ret);
}

/* ---- fault ----------------------------------------------------------------- */

static enum daxd_next fault_add(struct daxd_conn *conn, const char *text,
				struct daxd_answer *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct daxd_why why;
	uint32_t id;
	int r;

	r = daxd_faults_add(faults, text ? text : "", &id, &why);
	if (r < 0)
		return daxd_refuse(ret, r, "%s", why.text);
	daxd_answer_json(describe_rule(faults, daxd_faults_find(faults, id)), 0, ret);
	return daxd_settle(conn, ret);
}

static enum daxd_next fault_remove(struct daxd_conn *conn, const char *text,
				   struct daxd_answer *ret)
{
	struct daxd_faults *faults = conn->server->reg->faults;
	struct json_object *was;
	struct daxd_fault *f;
	struct daxd_why why;
	uint64_t id = 0;
	int r;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &id, NULL))
		return daxd_refuse(ret, EINVAL,
				   "which rule? ('fault list' tells their numbers)");
	f = daxd_faults_find(faults, (uint32_t)id);
	was = f ? describe_rule(faults, f) : NULL;
	r = daxd_faults_remove(faults, (uint32_t)id, &why);
	if (r < 0)
		return daxd_refuse(ret, r, "%s", why.text);
	daxd_answer_json(was, 0, ret);
	return daxd_settle(conn, ret);
}

enum daxd_next daxd_verb_fault(struct daxd_conn *conn, struct json_object *question,
			       struct daxd_answer *ret)
{
	const char *action = daxd_get_string(question, "action");
	const char *text = daxd_get_string(question, "rule");

	if (!action || !strcmp(action, "list"))
		return daxd_answer_json(list_rules(conn->server->reg->faults), 0, ret);
	if (!daxd_may_order(conn))
		return refuse_stranger("fault", ret);
	if (!strcmp(action, "add"))
		return fault_add(conn, text, ret);
	if (!strcmp(action, "remove"))
		return fault_remove(conn, text, ret);
	return daxd_refuse(ret, EINVAL, "fault '%s'? (add RULE, remove ID, list)",
			   action);
}

/* ---- map ------------------------------------------------------------------- */

struct strip {
	const struct daxd_device *dev;
	uint64_t unit; /* bytes of a cell */
	size_t nr;
	char *cells;
};

/* Marks the cells that a stretch is in; never over what is worse. */
static void mark(const struct strip *strip, uint64_t off, uint64_t len, char mark)
{
	static const char order[] = ".-#X";
	uint64_t end = dax_min(off + len, strip->nr * strip->unit);
	uint64_t i;

	for (i = off / strip->unit; i * strip->unit < end; i++)
		if (strchr(order, strip->cells[i]) < strchr(order, mark))
			strip->cells[i] = mark;
}

static void mark_mapping(void *ctx, const struct daxd_mapping *mapping)
{
	const struct strip *strip = ctx;

	if (mapping->dev == strip->dev)
		mark(strip, mapping->offset, mapping->size, '-');
}

static void mark_mapped(struct daxd_conn *conn, struct strip *strip)
{
	GHashTableIter iter;
	gpointer pid;

	g_hash_table_iter_init(&iter, conn->server->clients.by_pid);
	while (g_hash_table_iter_next(&iter, &pid, NULL))
		daxd_mappings_of(conn->server->reg, GPOINTER_TO_INT(pid), mark_mapping,
				 strip);
}

/* What has been touched is there: in memory, or on the disk. */
static void mark_touched(const struct strip *strip)
{
	const struct dax_device *desc = &strip->dev->desc;
	const int fd = strip->dev->store->rw;
	uint64_t base = 0;
	uint32_t i;

	/* All huge pages are reserved; which are in use, nobody tells. */
	if (strip->dev->store->backing != DAXD_MEMFD)
		return;
	for (i = 0; i < desc->nr_ranges; i++) {
		uint64_t start = desc->ranges[i].start;
		uint64_t end = start + desc->ranges[i].len;
		off_t pos = (off_t)start;

		while ((uint64_t)pos < end) {
			off_t data = lseek(fd, pos, SEEK_DATA);
			off_t hole;

			if (data < 0 || (uint64_t)data >= end)
				break;
			hole = lseek(fd, data, SEEK_HOLE);
			if (hole <= data)
				break;
			mark(strip, base + (uint64_t)data - start,
			     dax_min((uint64_t)hole, end) - (uint64_t)data, '#');
			pos = hole;
		}
		base += desc->ranges[i].len;
	}
}

static void mark_bad(const struct strip *strip)
{
	const struct daxd_faults *faults = strip->dev->reg->faults;
	guint i;

	for (i = 0; i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);

		if (bad->life == strip->dev->life)
			mark(strip, bad->off, bad->len, 'X');
	}
}

enum daxd_next daxd_verb_map(struct daxd_conn *conn, struct json_object *question,
			     struct daxd_answer *ret)
{
	struct strip strip = {.dev = daxd_find_device(conn, question, ret)};
	struct json_object *json;
	uint64_t size;

	if (!strip.dev)
		return DAXD_REPLY;
	size = dax_dev_size(strip.dev->dev);
	strip.unit = strip.dev->desc.align;
	while (size / strip.unit > CELLS_MAX)
		strip.unit *= 2;
	strip.nr = (size + strip.unit - 1) / strip.unit;
	strip.cells = g_strnfill(strip.nr, '.');
	mark_mapped(conn, &strip);
	mark_touched(&strip);
	mark_bad(&strip);
	json = json_object_new_object();
	daxd_add_string(json, "chardev", strip.dev->desc.name);
	daxd_add_number(json, "size", size);
	daxd_add_number(json, "align", strip.dev->desc.align);
	daxd_add_number(json, "unit", strip.unit);
	daxd_add_string(json, "map", strip.cells);
	daxd_add_badblocks(json, strip.dev);
	g_free(strip.cells);
	return daxd_answer_json(json, 0, ret);
}
