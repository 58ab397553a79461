/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault rules: add, remove and reload them; apply those that no call triggers. */
#include "cuse-daxd/faults/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/fault_format.h"
#include "libcore/fault_match.h"
#include "libcore/model.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/publish.h"
#include "cuse-daxd/faults/saved.h"
#include "cuse-daxd/faults/tally.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"

#define POLL_MS 10 /* how late a rule with while:FILE may be */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct dax_bad bad_of(const struct daxd_fault *f)
{
	struct dax_bad bad = {.rule = f->rule.id, .who = f->rule.who};

	if (f->rule.what == DAX_FAULT_POISON)
		bad.flags |= DAX_BAD_POISON;
	if (f->rule.given & DAX_FAULT_G_LATENT)
		bad.flags |= DAX_BAD_LATENT;
	if (f->rule.given & DAX_FAULT_G_UNIT)
		bad.flags |= DAX_BAD_UNITS;
	return bad;
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

/* Make the memory of a rule bad, unless done already. Return: true if any became bad. */
static bool apply_range(struct daxd_faults *faults, struct daxd_fault *f)
{
	struct dax_bad like = bad_of(f);
	bool is_any = false;
	guint i;

	/* A trigger's conditions select who sets it off; all processes see its effect. */
	if (f->rule.calls)
		like.who = (struct dax_fault_who){.uid = UINT32_MAX};
	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);

		if (!is_device_of(f, dev) || is_done(f, dev->life) ||
		    daxd_bad_make(faults, dev, f->rule.off, f->rule.len, &like) < 0)
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

static bool heal_rule(struct daxd_faults *faults, const struct daxd_fault *f)
{
	bool is_any = false;
	guint i;

	for (i = 0; i < f->done->len; i++)
		is_any |= daxd_bad_heal(faults, g_array_index(f->done, uint64_t, i), 0,
					UINT64_MAX / 2, is_of_rule, &f->rule.id);
	g_array_set_size(f->done, 0);
	return is_any;
}

/* True if the daemon itself applies the rule: no call triggers it. */
static bool is_daemons(const struct daxd_fault *f)
{
	return !f->rule.calls;
}

static bool is_time(const struct daxd_fault *f, uint64_t now)
{
	return now >= f->rule.since_ns + f->rule.after_ns &&
	       (!f->rule.file[0] || access(f->rule.file, F_OK) == 0);
}

/* Apply a rule whose time has come, or undo it. Return: true if anything changed. */
static bool look_at_rule(struct daxd_faults *faults, struct daxd_fault *f, uint64_t now)
{
	bool is_on = is_daemons(f) && is_time(f, now);
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
		daxd_publish_carry_out(faults);
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

		if (!is_daemons(f))
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

/*
 * Follow devices that came or went. Called by daxd_registry_sync(), before it shows
 * anything; @faults is NULL if there are no rules yet.
 */
static void before_show(struct daxd_faults *faults)
{
	bool is_any = false;
	guint i;

	if (!faults)
		return;
	for (i = 0; i < faults->bad->len;) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		const struct daxd_device *dev =
			daxd_devices_find_life(faults->reg, bad->life);

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
	if (is_any)
		daxd_publish_prepare(faults);
}

/**
 * daxd_rules_check() - parse a rule
 * @text:	the rule
 * @ret:	receives the rule
 * @why:	receives the position of the mistake and the expected words
 *
 * Return: 0 or -EINVAL.
 */
int daxd_rules_check(const char *text, struct dax_fault_rule *ret, struct daxd_why *why)
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

/* Refuse a touch rule that can't work here, instead of ignoring it. */
static int check_touch(const struct daxd_faults *faults,
		       const struct dax_fault_rule *rule, struct daxd_why *why)
{
	char error[DAX_ERRNO_STRLEN];
	guint i;
	int r;

	if (!is_touch(rule))
		return 0;
	r = try_userfaultfd();
	if (r < 0)
		return daxd_fail(
			why, -r,
			"rule: touches can't be delayed here, userfaultfd(2) "
			"fails with %s (a seccomp profile, or a kernel without it; "
			"see daxrun --check)",
			dax_errno_text(-r, error));
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
					 "a file (only memory, hugetlb and hugetlbfs)",
					 name);
	}
	return 0;
}

/* Refuse a rule that can never strike. */
static int check_reach(const struct daxd_faults *faults, const char *text,
		       struct daxd_why *why)
{
	struct dax_fault_rule rule;
	char size[DAX_SIZE_STRLEN];
	char off[DAX_SIZE_STRLEN];
	uint64_t end = 0;
	int r;

	r = daxd_rules_check(text, &rule, why);
	if (r == 0)
		r = dax_fault_reach(&rule, &faults->reg->model, &end);
	if (r == -ENODEV)
		return daxd_fail(why, ENODEV, "rule '%s': there is no device %s", text,
				 rule.device);
	if (r == -ERANGE)
		return daxd_fail(why, ERANGE,
				 "rule '%s': offset %s is behind the end of %s (%s)",
				 text, dax_size_format(rule.off, off),
				 rule.device[0] ? rule.device : "every device",
				 dax_size_format(end, size));
	return r;
}

/* Let all processes check their mappings of a rule's devices. */
static void change_all(struct daxd_faults *faults, const struct daxd_fault *f)
{
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *dev =
			g_ptr_array_index(faults->reg->devices, i);

		if (is_device_of(f, dev))
			daxd_bad_changed(faults, dev->life);
	}
}

static int add_rule(struct daxd_faults *faults, const char *text, bool is_from_start,
		    struct daxd_fault **ret, struct daxd_why *why)
{
	struct dax_fault_rule rule;
	int r;

	r = daxd_rules_check(text, &rule, why);
	if (r == 0)
		r = check_touch(faults, &rule, why);
	if (r < 0)
		return r;
	if (faults->rules->len >= DAX_FAULT_RULES_MAX)
		return daxd_fail(why, ENOSPC,
				 "rule: there are %d rules already (remove some)",
				 DAX_FAULT_RULES_MAX);
	rule.id = ++faults->last_id;
	rule.since_ns = now_ns();
	*ret = daxd_list_add(faults, &rule);
	(*ret)->is_from_start = is_from_start;
	return 0;
}

/* Drop a rule again that would make more ranges bad than can be published. */
static int check_room(struct daxd_faults *faults, struct daxd_fault *f,
		      struct daxd_why *why)
{
	guint nr = 0;
	guint i;

	if (!dax_fault_is_range(&f->rule))
		return 0;
	for (i = 0; i < faults->reg->devices->len; i++)
		nr += is_device_of(f, g_ptr_array_index(faults->reg->devices, i));
	if (faults->bad->len + 2 * nr <= DAX_STATE_BAD_MAX)
		return 0;
	g_ptr_array_remove(faults->rules, f);
	return daxd_fail(why, ENOSPC,
			 "rule: there are too many bad ranges already (clear some)");
}

/* Add a rule while the daemon runs. Return: its number, or a negative errno. */
static int add_running(struct daxd_faults *faults, const char *text, bool is_from_start,
		       struct daxd_why *why)
{
	struct daxd_fault *f;
	int r;

	r = check_reach(faults, text, why);
	if (r == 0)
		r = daxd_publish_reserve(faults, why);
	if (r == 0)
		r = add_rule(faults, text, is_from_start, &f, why);
	if (r == 0)
		r = check_room(faults, f, why);
	if (r < 0)
		return r;
	look_at_rule(faults, f, now_ns());
	if (is_touch(&f->rule))
		change_all(faults, f);
	daxd_publish_carry_out(faults);
	set_timer(faults);
	return (int)f->rule.id;
}

/**
 * daxd_rules_add() - add a rule that a client requested
 * @faults:	all of them
 * @text:	the rule
 * @ret_id:	receives its number
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_rules_add(struct daxd_faults *faults, const char *text, uint32_t *ret_id,
		   struct daxd_why *why)
{
	int r = add_running(faults, text, false, why);

	if (r < 0)
		return r;
	*ret_id = (uint32_t)r;
	return 0;
}

/**
 * daxd_rules_remove() - remove a rule, and heal the memory that it has made bad
 * @faults:	all of them
 * @id:		of the rule
 * @why:	receives the reason of a failure
 *
 * Return: 0, or -ENOENT: there is no such rule; or another negative errno.
 */
int daxd_rules_remove(struct daxd_faults *faults, uint32_t id, struct daxd_why *why)
{
	struct daxd_fault *f = daxd_list_find(faults, id);

	if (!f)
		return daxd_fail(why, ENOENT, "there is no fault rule %u", id);
	heal_rule(faults, f);
	if (f->rule.what == DAX_FAULT_DISABLE && (f->is_on || f->rule.calls))
		switch_devices(faults, f, true);
	if (is_touch(&f->rule))
		change_all(faults, f);
	g_ptr_array_remove(faults->rules, f);
	daxd_publish_carry_out(faults);
	set_timer(faults);
	return 0;
}

/*
 * Compare the rules of the start with those of another config. @gone receives struct
 * daxd_fault: rules no longer in the config; @fresh receives char *: new rules.
 */
static int compare_config(const struct daxd_faults *faults, const GPtrArray *texts,
			  GPtrArray *gone, GPtrArray *fresh, struct daxd_why *why)
{
	guint i;
	guint k;
	int r = 0;

	for (i = 0; i < faults->rules->len; i++) {
		struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (f->is_from_start)
			g_ptr_array_add(gone, f);
	}
	for (i = 0; r == 0 && i < texts->len; i++) {
		char *text = g_ptr_array_index(texts, i);
		char same[DAX_FAULT_TEXT_MAX];
		struct dax_fault_rule rule;

		r = daxd_rules_check(text, &rule, why);
		if (r < 0)
			break;
		dax_fault_format(&rule, same, sizeof(same));
		for (k = 0; k < gone->len; k++) {
			const struct daxd_fault *f = g_ptr_array_index(gone, k);

			if (!strcmp(f->text, same))
				break;
		}
		if (k < gone->len) {
			g_ptr_array_remove_index(gone, k);
			continue;
		}
		g_ptr_array_add(fresh, text);
		r = check_touch(faults, &rule, why);
	}
	return r;
}

/**
 * daxd_rules_check_reload() - check that the rules of another config can be used
 * @faults:	all of them
 * @texts:	char *: the rules of the other config
 * @why:	receives the reason if not
 *
 * Return: 0 or a negative errno.
 */
int daxd_rules_check_reload(const struct daxd_faults *faults, const GPtrArray *texts,
			    struct daxd_why *why)
{
	g_autoptr(GPtrArray) gone = g_ptr_array_new();
	g_autoptr(GPtrArray) fresh = g_ptr_array_new();
	int r = compare_config(faults, texts, gone, fresh, why);

	if (r == 0 && faults->rules->len - gone->len + fresh->len > DAX_FAULT_RULES_MAX)
		return daxd_fail(why, ENOSPC,
				 "there are more than %d fault rules (remove some)",
				 DAX_FAULT_RULES_MAX);
	return r;
}

/**
 * daxd_rules_reload() - replace the rules of the start by those of another config
 * @faults:	all of them
 * @texts:	char *: the rules, checked by daxd_rules_check_reload()
 *
 * Rules that are the same keep their counters. Rules that clients have added stay.
 */
void daxd_rules_reload(struct daxd_faults *faults, const GPtrArray *texts)
{
	g_autoptr(GPtrArray) gone = g_ptr_array_new();
	g_autoptr(GPtrArray) fresh = g_ptr_array_new();
	struct daxd_why why;
	guint i;
	int r;

	r = compare_config(faults, texts, gone, fresh, &why);
	for (i = 0; r >= 0 && i < gone->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(gone, i);

		r = daxd_rules_remove(faults, f->rule.id, &why);
	}
	if (r < 0)
		daxd_error("%s, continuing without", why.text);
	for (i = 0; i < fresh->len; i++)
		if (add_running(faults, g_ptr_array_index(fresh, i), true, &why) < 0)
			daxd_error("%s, continuing without", why.text);
}

/**
 * daxd_rules_struck() - note that a rule has injected a fault, or can't be applied
 * @faults:	all of them
 * @ev:		the event; its pid and uid are verified
 *
 * Return: 1 if other processes must follow a change; 0 if not; -ENOENT: no such rule.
 */
int daxd_rules_struck(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	struct daxd_fault *f = daxd_list_find(faults, ev->rule);
	bool is_any = false;

	if (ev->rule && !f)
		return -ENOENT;
	if (ev->error) {
		if (f)
			daxd_tally_refuse(faults, ev, f);
		return 0;
	}
	daxd_tally_count(faults, ev, f);
	if (ev->call == DAX_FAULT_TOUCH)
		is_any = daxd_bad_reveal(faults, ev);
	else if (f && dax_fault_is_trigger(&f->rule) && f->rule.what == DAX_FAULT_DISABLE)
		is_any = switch_devices(faults, f, false);
	else if (f && dax_fault_is_trigger(&f->rule))
		is_any = apply_range(faults, f);
	if (is_any)
		daxd_publish_carry_out(faults);
	return is_any;
}

/**
 * daxd_rules_start() - start with the rules of the config and of an earlier daemon
 * @reg:	with all its devices, none shown yet; reg->faults is set
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_rules_start(struct daxd_registry *reg, struct daxd_why *why)
{
	struct daxd_faults *faults = g_new0(struct daxd_faults, 1);
	struct daxd_fault *f;
	guint i;
	int r;

	faults->reg = reg;
	faults->log_fd = -1;
	faults->rules = g_ptr_array_new_with_free_func(daxd_list_free);
	faults->bad = g_array_new(FALSE, FALSE, sizeof(struct dax_bad));
	faults->by_pid =
		g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	faults->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	faults->has_published = reg->rt->is_recovered;
	reg->faults = faults;
	reg->before_show = before_show;
	r = daxd_tally_open_log(faults, reg->cfg->fault_log, why);
	/* A device may have gone since an earlier daemon accepted the rule. */
	for (i = 0; r == 0 && !reg->rt->is_recovered && i < reg->cfg->faults->len; i++)
		r = check_reach(faults, g_ptr_array_index(reg->cfg->faults, i), why);
	for (i = 0; r == 0 && i < reg->cfg->faults->len; i++)
		r = add_rule(faults, g_ptr_array_index(reg->cfg->faults, i), true, &f,
			     why);
	if (r < 0)
		return r;
	daxd_saved_read(faults);
	for (i = 0; i < faults->rules->len; i++)
		look_at_rule(faults, g_ptr_array_index(faults->rules, i), now_ns());
	set_timer(faults);
	daxd_bad_tidy(faults);
	daxd_bad_list(faults);
	daxd_publish_state(faults);
	if (faults->rules->len || faults->bad->len)
		daxd_saved_write(faults);
	return 0;
}

/**
 * daxd_rules_done() - stop all rules at the end of the daemon
 * @faults:	may be NULL
 *
 * Zeroes poisoned memory that outlives the daemon while its poison does not (hugetlbfs).
 */
void daxd_rules_done(struct daxd_faults *faults)
{
	struct dax_region *region;
	guint i;

	if (!faults)
		return;
	for (i = 0; i < faults->bad->len; i++) {
		const struct dax_bad *bad =
			&g_array_index(faults->bad, struct dax_bad, i);
		const struct daxd_device *dev =
			daxd_devices_find_life(faults->reg, bad->life);

		if (dev && dev->store && dev->store->backing == DAXD_HUGETLBFS)
			daxd_bad_lose(faults, bad);
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
