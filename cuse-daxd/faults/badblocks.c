/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory: make it bad, heal it, list it. */
#include "cuse-daxd/faults/badblocks.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/badblocks.h"
#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/sysfs_node.h"
#include "libcore/text.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/store.h"

/**
 * daxd_bad_has() - check whether a device has bad memory
 * @faults:	all of them; may be NULL
 * @life:	of the device
 *
 * Return: true if it has.
 */
bool daxd_bad_has(const struct daxd_faults *faults, uint64_t life)
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

/**
 * daxd_bad_tidy() - sort the bad ranges, and join adjacent ones that are alike
 * @faults:	all of them
 */
void daxd_bad_tidy(struct daxd_faults *faults)
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
 * Remove a range from the bad memory; with @filter only where it returns true. Return:
 * true if any of the range was bad.
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

/**
 * daxd_bad_changed() - let the processes that map a device check for bad memory again
 * @faults:	all of them
 * @life:	of the device
 */
void daxd_bad_changed(struct daxd_faults *faults, uint64_t life)
{
	struct daxd_device *dev = daxd_devices_find_life(faults->reg, life);

	if (dev)
		dev->bad_generation++;
}

/* Make the text of a region's badblocks attribute. Return: it, to be freed, or NULL. */
static char *list_region(const struct daxd_faults *faults,
			 const struct dax_region *region)
{
	char buf[DAX_SYSFS_TEXT_MAX] = "";
	struct dax_text text = {.buf = buf, .size = sizeof(buf)};
	struct dax_dev *dev;
	guint i;

	dax_for_each_device (dev, region) {
		for (i = 0; i < faults->bad->len; i++) {
			const struct dax_bad *bad =
				&g_array_index(faults->bad, struct dax_bad, i);

			if (bad->life == dev->life)
				dax_badblocks_add(&text, region, dev, bad);
		}
	}
	return text.len ? g_strdup(buf) : NULL;
}

/**
 * daxd_bad_list() - list the bad memory in the model, for sysfs
 * @faults:	all of them
 */
void daxd_bad_list(const struct daxd_faults *faults)
{
	struct dax_region *region;
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(faults->reg->devices, i);

		dev->is_bad = daxd_bad_has(faults, dev->life);
	}
	dax_for_each_region (region, &faults->reg->model) {
		char *text =
			dax_region_is_nd(region) ? list_region(faults, region) : NULL;

		g_free((char *)(uintptr_t)region->badblocks);
		region->badblocks = text;
	}
}

/**
 * daxd_bad_make() - make memory of a device bad
 * @faults:	all of them
 * @dev:	the device, which exists
 * @off:	in the device
 * @len:	bytes; 0, or too many: to the end
 * @like:	the flags, the rule, and the processes for which it is bad
 *
 * The caller publishes the change.
 *
 * Return: 0; -ERANGE: @off is beyond the end; -ENOSPC: there are too many bad ranges.
 */
int daxd_bad_make(struct daxd_faults *faults, const struct daxd_device *dev, uint64_t off,
		  uint64_t len, const struct dax_bad *like)
{
	struct dax_bad bad = *like;
	int r;

	r = dax_badblocks_stretch(dev->dev, off, len, &bad);
	if (r < 0)
		return r;
	bad.life = dev->life;
	if (faults->bad->len + 2 > DAX_STATE_BAD_MAX)
		return -ENOSPC;
	cut_bad(faults, bad.life, bad.off, bad.len, NULL, NULL);
	g_array_append_val(faults->bad, bad);
	daxd_bad_changed(faults, dev->life);
	return 0;
}

/**
 * daxd_bad_lose() - set memory that was poisoned to zero: its content is lost
 * @faults:	all of them
 * @bad:	the range; ignored if the device is gone
 */
void daxd_bad_lose(const struct daxd_faults *faults, const struct dax_bad *bad)
{
	struct daxd_device *dev = daxd_devices_find_life(faults->reg, bad->life);
	struct dax_device desc;
	uint64_t base = 0;
	uint32_t i;

	if (!dev || !dev->dev || !dax_badblocks_has(bad))
		return;
	daxd_device_describe(dev, &desc);
	for (i = 0; i < desc.nr_ranges; i++) {
		const struct dax_range *range = &desc.ranges[i];
		uint64_t from = dax_max(bad->off, base);
		uint64_t to = dax_min(bad->off + bad->len, base + range->len);
		int r = 0;

		if (from < to)
			r = daxd_store_zero(dev->store, range->start + (from - base),
					    to - from);
		if (r < 0)
			daxd_warning("%s: poisoned memory can't be zeroed: %s, "
				     "continuing with its old content",
				     dev->desc.name, strerror(-r));
		base += range->len;
	}
}

/**
 * daxd_bad_heal() - make memory good again
 * @faults:	all of them
 * @life:	of the device
 * @off:	in the device
 * @len:	bytes
 * @filter:	heals only ranges for which it returns true; NULL: all
 * @ctx:	passed to @filter
 *
 * The caller publishes the change.
 *
 * Return: true if any of it was bad.
 */
bool daxd_bad_heal(struct daxd_faults *faults, uint64_t life, uint64_t off, uint64_t len,
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
		/* Latent poison that was never touched keeps its content. */
		if (bad.off < end)
			daxd_bad_lose(faults, &bad);
	}
	if (!cut_bad(faults, life, off, len, filter, ctx))
		return false;
	daxd_bad_changed(faults, life);
	return true;
}

/* Find latent poison that a touch reveals. Return: false if there is none. */
static bool find_touched(const struct daxd_faults *faults, const struct daxd_device *dev,
			 uint64_t off, struct dax_bad *ret)
{
	guint i;

	for (i = 0; i < faults->bad->len; i++) {
		struct dax_bad bad = g_array_index(faults->bad, struct dax_bad, i);

		if (bad.life != dev->life)
			continue;
		/* If there is no room for two ranges more, all of it is revealed. */
		*ret = bad;
		if (!dax_badblocks_reveal(dev->dev, dax_device_page(&dev->desc), off,
					  &bad))
			continue;
		if (faults->bad->len + 2 <= DAX_STATE_BAD_MAX)
			*ret = bad;
		ret->flags = bad.flags;
		return true;
	}
	return false;
}

/**
 * daxd_bad_reveal() - turn latent poison that a program has touched into known poison
 * @faults:	all of them
 * @ev:		the touch
 *
 * The caller publishes the change.
 *
 * Return: true if there was latent poison.
 */
bool daxd_bad_reveal(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	const struct daxd_device *dev = NULL;
	bool is_any = false;
	struct dax_bad bad;
	guint i;

	for (i = 0; i < faults->reg->devices->len; i++) {
		const struct daxd_device *d = g_ptr_array_index(faults->reg->devices, i);

		if (d->dev && !strcmp(d->desc.name, ev->device))
			dev = d;
	}
	while (dev && find_touched(faults, dev, ev->off, &bad)) {
		cut_bad(faults, dev->life, bad.off, bad.len, NULL, NULL);
		g_array_append_val(faults->bad, bad);
		is_any = true;
	}
	return is_any;
}
