/* SPDX-License-Identifier: BSD-2-Clause */
/* Publish changes of fault rules and bad memory. */
#include "cuse-daxd/faults/publish.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/saved.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/runtime/runtime.h"

/**
 * daxd_publish_reserve() - make sure that a change can be published
 * @faults:	all of them
 * @why:	receives the reason of a failure
 *
 * To be called before a change, which must be refused if this fails.
 *
 * Return: 0 or a negative errno.
 */
int daxd_publish_reserve(struct daxd_faults *faults, struct daxd_why *why)
{
	int r = daxd_runtime_reserve_faults(faults->reg->rt);

	if (r < 0)
		return daxd_fail(why, -r,
				 "%s/state: no room for fault rules and bad memory: %s "
				 "(make room there)",
				 faults->reg->rt->path, strerror(-r));
	return 0;
}

/**
 * daxd_publish_state() - write fault rules and bad memory to the state pages
 * @faults:	all of them
 */
void daxd_publish_state(struct daxd_faults *faults)
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

/**
 * daxd_publish_prepare() - prepare a change for daxd_registry_sync(), and save it
 * @faults:	all of them
 */
void daxd_publish_prepare(struct daxd_faults *faults)
{
	daxd_bad_tidy(faults);
	daxd_bad_list(faults);
	daxd_publish_state(faults);
	daxd_saved_write(faults);
}

/**
 * daxd_publish_carry_out() - publish and save a change of rules or bad memory
 * @faults:	all of them
 */
void daxd_publish_carry_out(struct daxd_faults *faults)
{
	struct daxd_why why;

	daxd_publish_prepare(faults);
	if (daxd_registry_sync(faults->reg, &why) < 0)
		daxd_warning("%s, continuing without", why.text);
}
