/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault rules in force, and which memory is bad. */
#include "cuse-daxd/faults_keep.h"

#include "libcore/event.h"
#include "libcore/size.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define POLL_MS      10   /* how late a rule with while:FILE may be */
#define PIDS_MAX     4096 /* processes that are counted */
#define WARNINGS_MAX 8    /* of each rule */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- bad memory ------------------------------------------------------------ */

bool daxd_bad_is_listed(const struct dax_bad *bad)
{
	return bad->flags & DAX_BAD_POISON && !(bad->flags & DAX_BAD_LATENT) &&
	       !bad->who.pid && bad->who.uid == UINT32_MAX && !bad->who.comm[0];
}

/**
 * daxd_faults_is_bad() - is anything of a device bad?
 * @faults:	NULL: no
 * @life:	of the device
 */
bool daxd_faults_is_bad(const struct daxd_faults *faults, uint64_t life)
{
	guint i;

	for (i = 0; faults && i < faults->bad->len; i++)
		if (g_array_index(faults->bad, struct dax_bad, i).life == life)
			return true;
	return false;
}

static int compare_bad(const void *a, const void *b)
{
	const struct dax_bad *x = a;
	const struct dax_bad *y = b;

	if (x->life != y->life)
		return x->life < y->life ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

static bool is_same_who(const struct dax_fault_who *a, const struct dax_fault_who *b)
{
	return a->pid == b->pid && a->uid == b->uid && !strcmp(a->comm, b->comm);
}

/* Neighbours that are alike become one. */
static void tidy(struct daxd_faults *faults)
{
	guint i;

	g_array_sort(faults->bad, compare_bad);
	for (i = 1; i < faults->bad->len;) {
		struct dax_bad *a = &g_array_index(faults->bad, struct dax_bad, i - 1);
		const struct dax_bad *b = &g_array_index(faults->bad, struct dax_bad, i);

		if (a->life == b->life && a->off + a->len == b->off &&
		    a->rule == b->rule && a->flags == b->flags &&
		    is_same_who(&a->who, &b->who)) {
			a->len += b->len;
			g_array_remove_index(faults->bad, i);
		} else {
			i++;
		}
	}
}

/*
 * Takes a stretch out of what is bad. @filter: only what it says yes to. Return: was
 * there any?
 */
static bool cut_bad(struct daxd_faults *faults, uint64_t life, uint64_t off, uint64_t len,
		    bool (*filter)(const struct dax_bad *bad, const void *ctx),
		    const void *ctx)
{
	uint64_t end = off + len;
	bool is_any = false;
	guint i;

	for (i = 0; i < faults->bad->len;) {
		struct dax_bad bad = g_array_index(faults->bad, struct dax_bad, i);
		uint64_t bad_end = bad.off + bad.len;

		if (bad.life != life || bad_end <= off || bad.off >= end ||
		    (filter && !filter(&bad, ctx))) {
			i++;
			continue;
		}
		is_any = true;
		g_array_remove_index(faults->bad, i);
		if (bad_end > end) {
			struct dax_bad tail = bad;

			tail.off = end;
			tail.len = bad_end - end;
			g_array_append_val(faults->bad, tail);
		}
		if (bad.off < off) {
			bad.len = off - bad.off;
			g_array_append_val(faults->bad, bad);
		}
	}
	return is_any;
}

/* The processes that map it are to look again. */
void daxd_faults_touch(struct daxd_faults *faults, uint64_t life)
{
	struct daxd_device *dev = daxd_registry_find_life(faults->reg, life);

	if (dev)
		dev->bad_generation++;
}

/* ---- telling --------------------------------------------------------------- */

/* As block/badblocks.c: badblocks_show(), sectors from the start of the region. */
static char *list_region(const struct daxd_faults *faults,
			 const struct dax_region *region)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct dax_dev *dev;
	guint i;

	dax_for_each_device (dev, region) {
		for (i = 0; i < faults->bad->len; i++) {
			const struct dax_bad *bad =
				&g_array_index(faults->bad, struct dax_bad, i);

			if (bad->life == dev->life && daxd_bad_is_listed(bad) &&
			    dev->nr_ranges)
				g_string_append_printf(text, "%ju %ju\n",
						       (uintmax_t)(dev->ranges[0].start -
								   region->start +
								   bad->off) /
							       DAX_SECTOR,
						       (uintmax_t)bad->len / DAX_SECTOR);
		}
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static void list_all(const struct daxd_faults *faults)
{
	struct dax_region *region;

	dax_for_each_region (region, &faults->reg->model) {
		char *text = region->type == DAX_REGION_STATIC
				     ? list_region(faults, region)
				     : NULL;

		g_free((char *)(uintptr_t)region->badblocks);
		region->badblocks = text;
	}
}

static void publish(struct daxd_faults *faults)
{
	g_autofree struct dax_fault_rule *rules =
		g_new(struct dax_fault_rule, faults->rules->len + 1);
	uint32_t nr = 0;
	guint i;
	int r;

	for (i = 0; i < faults->rules->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (f->rule.calls)
			rules[nr++] = f->rule;
	}
	if (!nr && !faults->bad->len && !faults->has_published)
		return;
	r = daxd_runtime_reserve_faults(faults->reg->rt);
	if (r < 0) {
		daxd_error("%s/state: no room for fault rules: %s, continuing without",
			   faults->reg->rt->path, strerror(-r));
		return;
	}
	faults->has_published = true;
	dax_state_publish_faults(faults->reg->rt->state, rules, nr,
				 (const struct dax_bad *)(void *)faults->bad->data,
				 MIN(faults->bad->len, DAX_STATE_BAD_MAX));
}

/* NULL: there is none of this number. */
struct daxd_fault *daxd_faults_find(const struct daxd_faults *faults, uint32_t id)
{
	guint i;

	for (i = 0; i < faults->rules->len; i++) {
		struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (f->rule.id == id)
			return f;
	}
	return NULL;
}

/* ---- carrying out ---------------------------------------------------------- */

/* Everything that follows from a change of rules or of bad memory. */
static void carry_out(struct daxd_faults *faults)
{
	struct daxd_why why;

	tidy(faults);
	list_all(faults);
	publish(faults);
	if (daxd_registry_sync(faults->reg, &why) < 0)
		daxd_warning("%s, continuing without", why.text);
	daxd_faults_keep(faults);
}

/* Makes memory bad. Return: 0, -ERANGE: it has none there; -ENOSPC: too much is. */
static int make_bad(struct daxd_faults *faults, const struct daxd_device *dev,
		    uint64_t off, uint64_t len, const struct dax_bad *like)
{
	uint64_t size = dax_dev_size(dev->dev);
	uint64_t align = dev->dev->align;
	struct dax_bad bad = *like;

	if (off >= size)
		return -ERANGE;
	len = len ? MIN(len, size - off) : size - off;
	bad.life = dev->life;
	bad.off = dax_round_down(off, align);
	bad.len = MIN(dax_round_up(off + len, align), size) - bad.off;
	if (faults->bad->len + 2 > DAX_STATE_BAD_MAX)
		return -ENOSPC;
	cut_bad(faults, bad.life, bad.off, bad.len, NULL, NULL);
	g_array_append_val(faults->bad, bad);
	daxd_faults_touch(faults, dev->life);
	return 0;
}

static struct dax_bad bad_of(const struct daxd_fault *f)
{
	return (struct dax_bad){
		.rule = f->rule.id,
		.flags = f->rule.what != DAX_FAULT_POISON ? 0
			 : f->rule.given & DAX_FAULT_G_LATENT
				 ? DAX_BAD_POISON | DAX_BAD_LATENT
				 : DAX_BAD_POISON,
		.who = f->rule.who,
	};
}

static bool is_device_of(const struct daxd_fault *f, const struct daxd_device *dev)
{
	char name[DAX_NAME_LEN];

	return dev->dev && (!f->rule.device[0] ||
			    !strcmp(dax_dev_name(dev->dev, name), f->rule.device));
}

static bool is_done(const struct daxd_fault *f, uint64_t life)
{
	guint i;

	for (i = 0; i < f->done->len; i++)
		if (g_array_index(f->done, uint64_t, i) == life)
			return true;
	return false;
}

/* Makes the memory of a rule bad, where that was not done yet. Return: was it? */
static bool apply_range(struct daxd_faults *faults, struct daxd_fault *f)
{
	struct dax_bad like = bad_of(f);
	bool is_any = false;
	guint i;

	/* In a trigger, who is the one that sets it off: all see what comes of it. */
	if (f->rule.calls)
		like.who = (struct dax_fault_who){.uid = UINT32_MAX};
	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);

		if (!is_device_of(f, dev) || is_done(f, dev->life) ||
		    make_bad(faults, dev, f->rule.off, f->rule.len, &like) < 0)
			continue;
		g_array_append_val(f->done, dev->life);
		is_any = true;
	}
	return is_any;
}

static bool switch_devices(struct daxd_faults *faults, const struct daxd_fault *f,
			   bool is_on)
{
	struct daxd_registry *reg = faults->reg;
	bool is_any = false;
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!is_device_of(f, dev) || dev->dev->is_bound == is_on)
			continue;
		if (is_on)
			is_any |= dax_dev_bind(&reg->model, dev->dev) == 0;
		else
			is_any |= dax_dev_unbind(&reg->model, dev->dev) == 0;
	}
	return is_any;
}

static bool is_of_rule(const struct dax_bad *bad, const void *ctx)
{
	return bad->rule == *(const uint32_t *)ctx;
}

/* What is no more poisoned is lost. Where the device has gone, nobody asks for it. */
static void lose(const struct daxd_faults *faults, const struct dax_bad *bad)
{
	struct daxd_device *dev = daxd_registry_find_life(faults->reg, bad->life);
	uint64_t base = 0;
	uint32_t i;

	if (!dev || !dev->dev || !daxd_bad_is_listed(bad))
		return;
	for (i = 0; i < dev->dev->nr_ranges; i++) {
		const struct dax_range *range = &dev->dev->ranges[i];
		uint64_t from = dax_max(bad->off, base);
		uint64_t to = dax_min(bad->off + bad->len, base + range->len);
		int r = 0;

		if (from < to)
			r = daxd_store_zero(dev->store,
					    range->start - dev->base + (from - base),
					    to - from);
		if (r < 0)
			daxd_warning("%s: what was poisoned can't be zeroed: %s, "
				     "continuing with what is there",
				     dev->desc.name, strerror(-r));
		base += range->len;
	}
}

static bool heal(struct daxd_faults *faults, uint64_t life, uint64_t off, uint64_t len,
		 bool (*filter)(const struct dax_bad *bad, const void *ctx),
		 const void *ctx)
{
	guint i;

	for (i = 0; i < faults->bad->len; i++) {
		struct dax_bad bad = g_array_index(faults->bad, struct dax_bad, i);
		uint64_t end = dax_min(bad.off + bad.len, off + len);

		if (bad.life != life || (filter && !filter(&bad, ctx)))
			continue;
		bad.off = dax_max(bad.off, off);
		bad.len = end - bad.off;
		/* A latent one that was never touched keeps what it has. */
		if (bad.off < end)
			lose(faults, &bad);
	}
	if (!cut_bad(faults, life, off, len, filter, ctx))
		return false;
	daxd_faults_touch(faults, life);
	return true;
}

static bool heal_rule(struct daxd_faults *faults, const struct daxd_fault *f)
{
	bool is_any = false;
	guint i;

	for (i = 0; i < f->done->len; i++)
		is_any |= heal(faults, g_array_index(f->done, uint64_t, i), 0,
			       UINT64_MAX / 2, is_of_rule, &f->rule.id);
	g_array_set_size(f->done, 0);
	return is_any;
}

/* ---- when ------------------------------------------------------------------ */

/* The daemon's own rules: what no call sets off. */
static bool is_ours(const struct daxd_fault *f)
{
	return !f->rule.calls;
}

static bool is_time(const struct daxd_fault *f, uint64_t now)
{
	return now >= f->rule.since_ns + f->rule.after_ns &&
	       (!f->rule.file[0] || access(f->rule.file, F_OK) == 0);
}

/* Return: did anything change? */
static bool look_at_rule(struct daxd_faults *faults, struct daxd_fault *f, uint64_t now)
{
	bool is_on = is_ours(f) && is_time(f, now);
	bool was_on = f->is_on;

	f->is_on = is_on;
	if (f->rule.what == DAX_FAULT_DISABLE)
		return is_on != was_on && switch_devices(faults, f, !is_on);
	if (is_on)
		return apply_range(faults, f);
	return was_on && heal_rule(faults, f);
}

static void set_timer(struct daxd_faults *faults);

static gboolean on_timer(gpointer data)
{
	struct daxd_faults *faults = data;
	uint64_t now = now_ns();
	bool is_any = false;
	guint i;

	for (i = 0; i < faults->rules->len; i++)
		is_any |= look_at_rule(faults, g_ptr_array_index(faults->rules, i), now);
	if (is_any)
		carry_out(faults);
	set_timer(faults);
	return G_SOURCE_REMOVE;
}

static void set_timer(struct daxd_faults *faults)
{
	uint64_t now = now_ns();
	uint64_t next = UINT64_MAX;
	guint i;

	if (faults->timer) {
		g_source_destroy(faults->timer);
		g_clear_pointer(&faults->timer, g_source_unref);
	}
	for (i = 0; i < faults->rules->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(faults->rules, i);
		uint64_t start = f->rule.since_ns + f->rule.after_ns;
		uint64_t left = start > now ? start - now : 0;

		if (!is_ours(f))
			continue;
		if (f->rule.file[0])
			next = MIN(next, MAX(left, (uint64_t)POLL_MS * 1000000));
		else if (!f->is_on) /* also if its time came since it was looked at */
			next = MIN(next, left);
	}
	if (next == UINT64_MAX)
		return;
	faults->timer = g_timeout_source_new((guint)((next + 999999) / 1000000));
	g_source_set_callback(faults->timer, on_timer, faults, NULL);
	g_source_attach(faults->timer, NULL);
}

/**
 * daxd_faults_sync() - devices may have come or gone
 * @faults:	NULL: there are none
 *
 * Called by daxd_registry_sync(), before it shows anything.
 */
void daxd_faults_sync(struct daxd_faults *faults)
{
	bool is_any = false;
	guint i;

	if (!faults || faults->is_syncing)
		return;
	for (i = 0; i < faults->bad->len;) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		const struct daxd_device *dev =
			daxd_registry_find_life(faults->reg, bad->life);

		if (dev && dev->dev) {
			i++;
			continue;
		}
		g_array_remove_index(faults->bad, i);
		is_any = true;
	}
	for (i = 0; i < faults->rules->len; i++) {
		struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (f->is_on && f->rule.what != DAX_FAULT_DISABLE)
			is_any |= apply_range(faults, f);
	}
	if (!is_any)
		return;
	faults->is_syncing = true;
	carry_out(faults);
	faults->is_syncing = false;
}

/* ---- rules come and go ----------------------------------------------------- */

/**
 * daxd_faults_check() - read a rule
 * @text:	the rule
 * @ret:	it
 * @why:	where the mistake is, and what was expected
 */
int daxd_faults_check(const char *text, struct dax_fault_rule *ret, struct daxd_why *why)
{
	struct dax_fault_mistake mistake;

	if (dax_fault_parse(text, ret, &mistake) < 0)
		return daxd_fail(why, EINVAL, "rule '%s': at character %zu: %s", text,
				 mistake.pos + 1, mistake.text);
	return 0;
}

static bool is_touch(const struct dax_fault_rule *rule)
{
	return rule->calls >> DAX_FAULT_TOUCH & 1;
}

static int try_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What can't be had here is refused, not ignored. */
static int check_touch(const struct daxd_faults *faults,
		       const struct dax_fault_rule *rule, struct daxd_why *why)
{
	guint i;
	int r;

	if (!is_touch(rule))
		return 0;
	r = try_userfaultfd();
	if (r < 0)
		return daxd_fail(why, -r,
				 "rule: touches can't be delayed here, userfaultfd(2) "
				 "answers %s (a seccomp profile, or a kernel without it; "
				 "see daxrun --check)",
				 dax_errno_name(-r));
	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);
		char name[DAX_NAME_LEN];

		if (!dev->dev || dev->store->backing != DAXD_PMEM)
			continue;
		dax_dev_name(dev->dev, name);
		if (!rule->device[0] || !strcmp(rule->device, name))
			return daxd_fail(why, EOPNOTSUPP,
					 "rule: touches of %s can't be delayed, it is in "
					 "a file (only memfd, hugetlb and hugetlbfs)",
					 name);
	}
	return 0;
}

/* All processes have to look at their mappings. */
static void touch_all(struct daxd_faults *faults, const struct daxd_fault *f)
{
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);

		if (is_device_of(f, dev))
			daxd_faults_touch(faults, dev->life);
	}
}

struct daxd_fault *daxd_faults_make_rule(struct daxd_faults *faults,
					 const struct dax_fault_rule *rule)
{
	struct daxd_fault *f = g_new0(struct daxd_fault, 1);
	char text[DAX_FAULT_TEXT_MAX];

	f->rule = *rule;
	dax_fault_format(rule, text, sizeof(text));
	f->text = g_strdup(text);
	f->done = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_ptr_array_add(faults->rules, f);
	return f;
}

static void free_rule(void *rule)
{
	struct daxd_fault *f = rule;

	g_array_unref(f->done);
	g_free(f->text);
	g_free(f);
}

static int add_rule(struct daxd_faults *faults, const char *text, bool is_from_start,
		    struct daxd_fault **ret, struct daxd_why *why)
{
	struct dax_fault_rule rule;
	int r;

	r = daxd_faults_check(text, &rule, why);
	if (r == 0)
		r = check_touch(faults, &rule, why);
	if (r < 0)
		return r;
	if (faults->rules->len >= DAX_FAULT_RULES_MAX)
		return daxd_fail(why, ENOSPC, "rule: there are %d already (remove some)",
				 DAX_FAULT_RULES_MAX);
	rule.id = ++faults->last_id;
	rule.since_ns = now_ns();
	*ret = daxd_faults_make_rule(faults, &rule);
	(*ret)->is_from_start = is_from_start;
	return 0;
}

/**
 * daxd_faults_add() - a rule comes
 * @faults:	all of them
 * @text:	the rule
 * @ret_id:	its number
 * @why:	why not
 */
int daxd_faults_add(struct daxd_faults *faults, const char *text, uint32_t *ret_id,
		    struct daxd_why *why)
{
	struct daxd_fault *f;
	int r;

	r = add_rule(faults, text, false, &f, why);
	if (r < 0)
		return r;
	look_at_rule(faults, f, now_ns());
	if (is_touch(&f->rule))
		touch_all(faults, f);
	carry_out(faults);
	set_timer(faults);
	*ret_id = f->rule.id;
	return 0;
}

/**
 * daxd_faults_remove() - a rule goes, and what it has made bad is healed
 * @faults:	all of them
 * @id:		of the rule
 * @why:	why not
 */
int daxd_faults_remove(struct daxd_faults *faults, uint32_t id, struct daxd_why *why)
{
	struct daxd_fault *f = daxd_faults_find(faults, id);

	if (!f)
		return daxd_fail(why, ENOENT, "there is no fault rule %u", id);
	heal_rule(faults, f);
	if (f->rule.what == DAX_FAULT_DISABLE && (f->is_on || f->rule.calls))
		switch_devices(faults, f, true);
	if (is_touch(&f->rule))
		touch_all(faults, f);
	g_ptr_array_remove(faults->rules, f);
	carry_out(faults);
	set_timer(faults);
	return 0;
}

/* ---- what is given --------------------------------------------------------- */

static void write_log(const struct daxd_faults *faults, const struct dax_fault_event *ev,
		      const struct daxd_fault *f)
{
	g_autofree char *line = NULL;
	struct json_object *json;
	struct timespec ts;
	char text[64];

	if (faults->log_fd < 0)
		return;
	json = json_object_new_object();
	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(text, sizeof(text), "%jd.%06ld", (intmax_t)ts.tv_sec, ts.tv_nsec / 1000);
	json_object_object_add(
		json, "time", json_object_new_double_s(g_ascii_strtod(text, NULL), text));
	json_object_object_add(json, "rule", json_object_new_int64(ev->rule));
	json_object_object_add(json, "pid", json_object_new_int(ev->pid));
	json_object_object_add(json, "thread", json_object_new_int(ev->tid));
	json_object_object_add(json, "comm", json_object_new_string(ev->comm));
	json_object_object_add(json, "call",
			       json_object_new_string(dax_fault_call_name(
				       (enum dax_fault_call)ev->call)));
	json_object_object_add(json, "device", json_object_new_string(ev->device));
	snprintf(text, sizeof(text), "0x%jx", (uintmax_t)ev->address);
	json_object_object_add(json, "address", json_object_new_string(text));
	json_object_object_add(json, "offset", json_object_new_uint64(ev->off));
	if (f)
		json_object_object_add(json, "fault", json_object_new_string(f->text));
	if (ev->error)
		json_object_object_add(json, "refused",
				       json_object_new_string(
					       dax_errno_name((int)ev->error)));
	line = g_strconcat(json_object_to_json_string_ext(
				   json, JSON_C_TO_STRING_SPACED |
						 JSON_C_TO_STRING_NOSLASHESCAPE),
			   "\n", NULL);
	json_object_put(json);
	/* One write: lines of several daemons in one file stay whole. */
	if (write(faults->log_fd, line, strlen(line)) < 0)
		daxd_debug("fault log: %s", strerror(errno));
}

static void count(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	struct daxd_fault_count *c =
		g_hash_table_lookup(faults->by_pid, GINT_TO_POINTER(ev->pid));
	gpointer old;

	faults->given++;
	faults->last = *ev;
	old = g_hash_table_lookup(faults->by_name, ev->device);
	g_hash_table_insert(faults->by_name, g_strdup(ev->device),
			    GSIZE_TO_POINTER(GPOINTER_TO_SIZE(old) + 1));
	if (!c && g_hash_table_size(faults->by_pid) < PIDS_MAX) {
		c = g_new0(struct daxd_fault_count, 1);
		c->pid = ev->pid;
		g_hash_table_insert(faults->by_pid, GINT_TO_POINTER(ev->pid), c);
	}
	if (c) {
		memcpy(c->comm, ev->comm, sizeof(c->comm));
		c->given++;
	}
}

/* Latent poison was touched: now it is known. Return: was there any? */
static bool reveal(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	const struct daxd_device *dev = NULL;
	bool is_any = false;
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *d = g_ptr_array_index(faults->reg->devices, i);

		if (d->dev && !strcmp(d->desc.name, ev->device))
			dev = d;
	}
	for (i = 0; dev && i < faults->bad->len; i++) {
		struct dax_bad *bad = &g_array_index(faults->bad, struct dax_bad, i);
		uint64_t align = dev->dev->align;
		struct dax_bad unit = *bad;

		if (bad->life != dev->life || !(bad->flags & DAX_BAD_LATENT) ||
		    ev->off < bad->off || ev->off >= bad->off + bad->len)
			continue;
		/* Only the unit that was touched. */
		unit.off = dax_round_down(ev->off, align);
		unit.len = align;
		unit.flags &= ~(uint32_t)DAX_BAD_LATENT;
		cut_bad(faults, dev->life, unit.off, unit.len, NULL, NULL);
		g_array_append_val(faults->bad, unit);
		is_any = true;
		break;
	}
	return is_any;
}

/* What a process can't have is said, not ignored. */
static void refuse(struct daxd_faults *faults, const struct dax_fault_event *ev,
		   struct daxd_fault *f)
{
	f->refused++;
	write_log(faults, ev, f);
	if (faults->on_event)
		faults->on_event(faults->ctx, ev);
	if (f->refused <= WARNINGS_MAX)
		daxd_warning("fault rule %u (%s): %s: %s[%d]: touches can't be delayed "
			     "there, userfaultfd(2) answers %s, continuing without%s",
			     f->rule.id, f->text, ev->device, ev->comm, ev->pid,
			     dax_errno_name((int)ev->error),
			     f->refused == WARNINGS_MAX ? " (others are only counted)"
							: "");
}

/**
 * daxd_faults_struck() - a rule has struck in a process, or can't be had there
 * @faults:	all of them
 * @ev:		where and when; of whom is checked
 *
 * Return: 1 if others have to follow what was done of it, 0, or -ENOENT: no such rule.
 */
int daxd_faults_struck(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	struct daxd_fault *f = daxd_faults_find(faults, ev->rule);
	bool is_any = false;

	if (ev->rule && !f)
		return -ENOENT;
	if (ev->error) {
		if (f)
			refuse(faults, ev, f);
		return 0;
	}
	count(faults, ev);
	if (f)
		f->given++;
	write_log(faults, ev, f);
	if (faults->on_event)
		faults->on_event(faults->ctx, ev);
	if (ev->call == DAX_FAULT_TOUCH)
		is_any = reveal(faults, ev);
	else if (f && dax_fault_is_trigger(&f->rule) && f->rule.what == DAX_FAULT_DISABLE)
		is_any = switch_devices(faults, f, false);
	else if (f && dax_fault_is_trigger(&f->rule))
		is_any = apply_range(faults, f);
	if (is_any)
		carry_out(faults);
	return is_any;
}

/* ---- orders ---------------------------------------------------------------- */

/**
 * daxd_faults_inject() - memory becomes bad by order
 * @faults:	all of them
 * @dev:	the device, which exists
 * @off:	in the device
 * @len:	bytes; 0: to the end
 * @flags:	enum dax_bad_flag
 * @why:	why not
 */
int daxd_faults_inject(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		       uint64_t len, uint32_t flags, struct daxd_why *why)
{
	const struct dax_bad like = {.flags = flags, .who = {.uid = UINT32_MAX}};
	uint64_t size = dax_dev_size(dev->dev);
	uint64_t end;
	int r;

	if (__builtin_add_overflow(off, len, &end) || off >= size || end > size)
		return daxd_fail(why, ERANGE,
				 "%s: offset %ju and length %ju are beyond its end (it "
				 "has %ju bytes)",
				 dev->desc.name, (uintmax_t)off, (uintmax_t)len,
				 (uintmax_t)size);
	r = make_bad(faults, dev, off, len, &like);
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s: too many places are bad already (clear "
				 "some)",
				 dev->desc.name);
	carry_out(faults);
	return 0;
}

/**
 * daxd_faults_clear() - bad memory becomes good again, and zero
 * @faults:	all of them
 * @dev:	the device, which exists
 * @off:	in the device
 * @len:	bytes; 0: to the end
 * @why:	why not
 */
int daxd_faults_clear(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		      uint64_t len, struct daxd_why *why)
{
	uint64_t size = dax_dev_size(dev->dev);
	uint64_t align = dev->dev->align;
	uint64_t end;

	if (__builtin_add_overflow(off, len, &end) || off > size || end > size)
		return daxd_fail(why, ERANGE,
				 "%s: offset %ju and length %ju are beyond "
				 "its end (it has %ju bytes)",
				 dev->desc.name, (uintmax_t)off, (uintmax_t)len,
				 (uintmax_t)size);
	end = len ? dax_round_up(end, align) : dax_round_up(size, align);
	off = dax_round_down(off, align);
	if (heal(faults, dev->life, off, end - off, NULL, NULL))
		carry_out(faults);
	return 0;
}

/**
 * daxd_faults_clear_physical() - the same, by the address that sysfs tells
 * @faults:	all of them
 * @start, @len: a stretch, which may be of several devices or none
 */
void daxd_faults_clear_physical(struct daxd_faults *faults, uint64_t start, uint64_t len)
{
	bool is_any = false;
	guint i;
	uint32_t k;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);
		uint64_t base = 0;

		for (k = 0; dev->dev && k < dev->dev->nr_ranges; k++) {
			const struct dax_range *range = &dev->dev->ranges[k];
			uint64_t from = dax_max(start, range->start);
			uint64_t to = dax_min(start + len, range->start + range->len);
			uint64_t align = dev->dev->align;

			if (from < to) {
				from = dax_round_down(base + from - range->start, align);
				to = dax_round_up(base + to - range->start, align);
				is_any |= heal(faults, dev->life, from, to - from, NULL,
					       NULL);
			}
			base += range->len;
		}
	}
	if (is_any)
		carry_out(faults);
}

/* ---- start and end --------------------------------------------------------- */

/* A file, or the number of a descriptor that we were given. */
static int open_log(struct daxd_faults *faults, const char *where, struct daxd_why *why)
{
	uint64_t fd;

	if (!where)
		return 0;
	if (g_ascii_string_to_unsigned(where, 10, 0, INT_MAX, &fd, NULL))
		faults->log_fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	else
		faults->log_fd =
			open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
			     0644);
	if (faults->log_fd < 0)
		return daxd_fail(why, errno,
				 "fault-log: '%s' can't be opened: %s (give a file or an "
				 "open descriptor)",
				 where, strerror(errno));
	return 0;
}

/**
 * daxd_faults_start() - the rules of the config, and what a daemon before has left
 * @reg:	with all its devices, none shown yet; reg->faults is set
 * @why:	why not
 */
int daxd_faults_start(struct daxd_registry *reg, struct daxd_why *why)
{
	struct daxd_faults *faults = g_new0(struct daxd_faults, 1);
	struct daxd_fault *f;
	guint i;
	int r;

	faults->reg = reg;
	faults->log_fd = -1;
	faults->rules = g_ptr_array_new_with_free_func(free_rule);
	faults->bad = g_array_new(FALSE, FALSE, sizeof(struct dax_bad));
	faults->by_pid =
		g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	faults->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	faults->has_published = reg->rt->is_recovered;
	reg->faults = faults;
	r = open_log(faults, reg->cfg->fault_log, why);
	for (i = 0; r == 0 && i < reg->cfg->faults->len; i++)
		r = add_rule(faults, g_ptr_array_index(reg->cfg->faults, i), true, &f,
			     why);
	if (r < 0)
		return r;
	daxd_faults_recall(faults);
	for (i = 0; i < faults->rules->len; i++)
		look_at_rule(faults, g_ptr_array_index(faults->rules, i), now_ns());
	set_timer(faults);
	tidy(faults);
	list_all(faults);
	publish(faults);
	if (faults->rules->len || faults->bad->len)
		daxd_faults_keep(faults);
	return 0;
}

/**
 * daxd_faults_report() - what was given, for daxrun to say in words
 * @faults:	may be NULL
 * @fd:		where to; -1: nobody asks
 *
 * Lines "given N", "rule ID N WORDS", "refused ID PROCESSES", "process PID N COMM",
 * "last PID CALL DEVICE OFFSET".
 */
void daxd_faults_report(const struct daxd_faults *faults, int fd)
{
	const struct daxd_fault_count *c;
	GHashTableIter iter;
	gpointer value;
	guint i;

	if (!faults || fd < 0)
		return;
	dprintf(fd, "given %ju\n", (uintmax_t)faults->given);
	for (i = 0; i < faults->rules->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		dprintf(fd, "rule %u %ju %s\n", f->rule.id, (uintmax_t)f->given, f->text);
		if (f->refused)
			dprintf(fd, "refused %u %ju\n", f->rule.id,
				(uintmax_t)f->refused);
	}
	g_hash_table_iter_init(&iter, faults->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		c = value;
		dprintf(fd, "process %d %ju %s\n", c->pid, (uintmax_t)c->given, c->comm);
	}
	if (faults->given)
		dprintf(fd, "last %d %s %s 0x%jx\n", faults->last.pid,
			dax_fault_call_name((enum dax_fault_call)faults->last.call),
			faults->last.device[0] ? faults->last.device : "-",
			(uintmax_t)faults->last.off);
}

/**
 * daxd_faults_done() - the daemon ends
 * @faults:	may be NULL
 *
 * Poisoned memory whose poison nobody will remember is lost now.
 */
void daxd_faults_done(struct daxd_faults *faults)
{
	struct dax_region *region;
	guint i;

	if (!faults)
		return;
	for (i = 0; i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		const struct daxd_device *dev =
			daxd_registry_find_life(faults->reg, bad->life);

		if (dev && dev->store && dev->store->backing == DAXD_HUGETLBFS)
			lose(faults, bad);
	}
	dax_for_each_region (region, &faults->reg->model) {
		g_free((char *)(uintptr_t)region->badblocks);
		region->badblocks = NULL;
	}
	if (faults->timer) {
		g_source_destroy(faults->timer);
		g_source_unref(faults->timer);
	}
	daxd_close_fd(&faults->log_fd);
	g_hash_table_unref(faults->by_pid);
	g_hash_table_unref(faults->by_name);
	g_array_unref(faults->bad);
	g_ptr_array_unref(faults->rules);
	g_free(faults);
}
