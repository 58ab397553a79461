/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 100,000 random verbs on the model and on a naive model beside it. After each verb the
 * results and the whole state of both must be equal, and the model's own check must pass.
 *
 * The naive model records the owner of each 64 KiB unit of a region and allocates memory
 * one unit at a time. It shares no code with the real model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/model_check.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

#define UNIT        65536
#define GRAIN       32 /* units of 2 MiB */
#define REGIONS     2
#define UNITS_MAX   8192
#define DEVICES_MAX 20
#define MINORS      64
#define VERBS       100000

struct naive_range {
	int start;
	int len;
};

struct naive_dev {
	bool is_there;
	bool is_bound;
	uint64_t align;
	int minor;
	int n;
	struct naive_range r[DAX_RANGES_MAX + 1];
};

static struct naive_region {
	uint64_t start;
	uint64_t align;
	int units;
	int seed;                     /* -1: none */
	int youngest;                 /* -1: none */
	signed char owner[UNITS_MAX]; /* -1: free */
	struct naive_dev dev[DEVICES_MAX];
} naive[REGIONS] = {
	{.start = 4 * DAX_GIB, .align = 2 * DAX_MIB, .units = 8192},
	{.start = 8 * DAX_GIB, .align = 4096, .units = 1024},
};

static bool is_minor_taken[MINORS];

static struct dax_model model;
static uint64_t random_state;

/* xorshift64*: the same sequence on every machine, so that a failure can be repeated. */
static unsigned int random_below(unsigned int n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned int)(random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % n;
}

static int naive_size(const struct naive_dev *dev)
{
	int size = 0;
	int i;

	for (i = 0; i < dev->n; i++)
		size += dev->r[i].len;
	return size;
}

static int naive_free(const struct naive_region *region)
{
	int n = 0;
	int i;

	for (i = 0; i < region->units; i++)
		n += region->owner[i] < 0;
	return n;
}

static void naive_give(struct naive_region *region, int id, int unit)
{
	struct naive_dev *dev = &region->dev[id];
	struct naive_range *last = dev->n ? &dev->r[dev->n - 1] : NULL;

	region->owner[unit] = (signed char)id;
	if (last && last->start + last->len == unit)
		last->len++;
	else
		dev->r[dev->n++] = (struct naive_range){unit, 1};
}

static void naive_take_last(struct naive_region *region, int id)
{
	struct naive_dev *dev = &region->dev[id];
	struct naive_range *last = &dev->r[dev->n - 1];

	region->owner[last->start + --last->len] = -1;
	if (!last->len)
		dev->n--;
}

static int naive_set_size(struct naive_region *region, int id, uint64_t size)
{
	struct naive_dev *dev = &region->dev[id];
	struct naive_region before = *region;
	uint64_t now = (uint64_t)naive_size(dev) * UNIT;
	int unit;

	if (size % (2 * DAX_MIB) || size % dev->align)
		return -EINVAL;
	if (dev->is_bound)
		return -EBUSY;
	if (size > now && size - now > (uint64_t)naive_free(region) * UNIT)
		return -ENOSPC;
	while ((uint64_t)naive_size(dev) * UNIT > size)
		naive_take_last(region, id);
	for (unit = 0; now < size; unit++) {
		if (region->owner[unit] >= 0)
			continue;
		naive_give(region, id, unit);
		now += UNIT;
		if (dev->n > DAX_RANGES_MAX) {
			*region = before;
			return -ENOSPC;
		}
	}
	return 0;
}

static int naive_add_mapping(struct naive_region *region, int id, uint64_t start,
			     uint64_t end)
{
	struct naive_dev *dev = &region->dev[id];
	uint64_t region_end = region->start + (uint64_t)region->units * UNIT;
	uint64_t addr;
	int first;
	int len;

	if ((end - start + 1) % (2 * DAX_MIB) || (end - start + 1) % dev->align)
		return -ENXIO;
	if (start == end + 1)
		return dev->n ? -EBUSY : 0;
	if (start > end || start < region->start || end >= region_end)
		return -ENOMEM;
	for (addr = start; addr < end; addr += UNIT)
		if (region->owner[(addr - region->start) / UNIT] >= 0)
			return -ENOMEM;
	if (dev->n == DAX_RANGES_MAX)
		return -ENOSPC;
	first = (int)((start - region->start) / UNIT);
	len = (int)((end - start + 1) / UNIT);
	memset(region->owner + first, id, (size_t)len);
	dev->r[dev->n++] = (struct naive_range){first, len};
	return 0;
}

static int naive_set_align(struct naive_region *region, int id, uint64_t align)
{
	struct naive_dev *dev = &region->dev[id];
	int i;

	if (align != 4096 && align != 2 * DAX_MIB && align != DAX_GIB)
		return -EINVAL;
	if (dev->is_bound)
		return -EBUSY;
	for (i = 0; i < dev->n; i++)
		if (dev->r[i].len % GRAIN || (uint64_t)dev->r[i].len * UNIT % align)
			return -EINVAL;
	dev->align = align;
	return 0;
}

static int naive_bind(struct naive_region *region, int id)
{
	struct naive_dev *dev = &region->dev[id];
	int i;

	if (dev->is_bound)
		return -EBUSY;
	if (!dev->n)
		return -ENXIO;
	for (i = 0; i < dev->n; i++)
		if (dev->r[i].start % GRAIN || dev->r[i].len % GRAIN)
			return -EINVAL;
	dev->is_bound = true;
	if (region->seed == id)
		region->seed = -1;
	return 0;
}

static int naive_create(struct naive_region *region, int *ret_id)
{
	int minor = 0;
	int id = 0;

	if (!naive_free(region))
		return -ENOSPC;
	while (region->dev[id].is_there)
		id++;
	while (is_minor_taken[minor])
		minor++;
	is_minor_taken[minor] = true;
	region->dev[id] = (struct naive_dev){.is_there = true,
					     .align = region->align,
					     .minor = minor};
	region->youngest = id;
	if (region->seed < 0)
		region->seed = id;
	*ret_id = id;
	return 0;
}

static int naive_delete(struct naive_region *region, int id, bool is_held)
{
	struct naive_dev *dev = &region->dev[id];

	if (!dev->is_there)
		return -ENXIO;
	if (!id || dev->is_bound || dev->n)
		return -EBUSY;
	dev->is_there = false;
	if (!is_held)
		is_minor_taken[dev->minor] = false;
	if (region->seed == id)
		region->seed = -1;
	if (region->youngest == id)
		region->youngest = -1;
	return 0;
}

static bool is_same_device(const struct naive_region *region,
			   const struct naive_dev *want, const struct dax_dev *dev)
{
	int i;

	if (dev->is_bound != want->is_bound || dev->align != want->align ||
	    dev->minor != (uint32_t)want->minor || dev->nr_ranges != (uint32_t)want->n)
		return false;
	for (i = 0; i < want->n; i++)
		if (dev->ranges[i].start !=
			    region->start + (uint64_t)want->r[i].start * UNIT ||
		    dev->ranges[i].len != (uint64_t)want->r[i].len * UNIT)
			return false;
	return true;
}

static bool is_same_region(const struct naive_region *want,
			   const struct dax_region *region)
{
	const struct dax_dev *dev = region->devices;
	int id;

	for (id = 0; id < DEVICES_MAX; id++) {
		if (!want->dev[id].is_there)
			continue;
		if (!dev || dev->id != (uint32_t)id ||
		    !is_same_device(want, &want->dev[id], dev))
			return false;
		dev = dev->next;
	}
	return !dev && region->has_seed == (want->seed >= 0) &&
	       (want->seed < 0 || region->seed == (uint32_t)want->seed) &&
	       region->has_youngest == (want->youngest >= 0) &&
	       (want->youngest < 0 || region->youngest == (uint32_t)want->youngest) &&
	       dax_region_available(region) == (uint64_t)naive_free(want) * UNIT;
}

static uint64_t random_size(const struct naive_region *region)
{
	unsigned int grains = (unsigned int)region->units / GRAIN;

	switch (random_below(8)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)random_below((unsigned int)region->units) * UNIT;
	case 2:
		return UINT64_MAX - 2 * DAX_MIB + 1;
	case 3:
		return (uint64_t)random_below(grains + 2) * 2 * DAX_MIB;
	case 4:
		return (uint64_t)(naive_free(region) / GRAIN) * 2 * DAX_MIB;
	default:
		return (uint64_t)random_below(grains / 3) * 2 * DAX_MIB;
	}
}

static uint64_t random_align(void)
{
	static const uint64_t aligns[] = {
		4096, 4096, 2 * DAX_MIB, 2 * DAX_MIB, 2 * DAX_MIB, DAX_GIB, 65536, 0,
	};

	return aligns[random_below(8)];
}

static void random_mapping(const struct naive_region *region, uint64_t *ret_start,
			   uint64_t *ret_end)
{
	uint64_t unit = random_below((unsigned int)region->units);
	uint64_t len = (uint64_t)(1 + !random_below(4)) * 2 * DAX_MIB;

	if (random_below(4))
		unit -= unit % GRAIN;
	if (!random_below(16))
		len -= UNIT;
	*ret_start = region->start + unit * UNIT;
	if (!random_below(16))
		len = random_below(2) ? 0 : -len;
	*ret_end = *ret_start + len - 1;
}

static const char *const names[] = {
	"size",   "align",  "mapping", "bind", "unbind",
	"create", "delete", "new_id",  "free",
};

struct counts {
	int done[9];
	int refused[9];
};

static int naive_unbind(struct naive_dev *dev)
{
	if (!dev->is_bound)
		return -ENODEV;
	dev->is_bound = false;
	return 0;
}

static void naive_bind_all(void)
{
	int r;
	int id;

	for (r = 0; r < REGIONS; r++)
		for (id = 0; id < DEVICES_MAX; id++)
			if (naive[r].dev[id].is_there)
				naive_bind(&naive[r], id);
}

static bool may_create(const struct naive_region *region)
{
	int id;
	int n = 0;

	for (id = 0; id < DEVICES_MAX; id++)
		n += region->dev[id].is_there;
	return n < DEVICES_MAX;
}

/* Release the minors of all deleted devices that are still held. */
static void let_go(void)
{
	const struct naive_dev *dev;
	int i;

	memset(is_minor_taken, 0, sizeof(is_minor_taken));
	for (i = 0; i < MINORS; i++)
		dax_model_release_minor(&model, (uint32_t)i);
	for (i = 0; i < DEVICES_MAX * REGIONS; i++) {
		dev = &naive[i / DEVICES_MAX].dev[i % DEVICES_MAX];
		if (dev->is_there)
			is_minor_taken[dev->minor] = true;
	}
}

/* Release them before the minors run out; the naive model has only MINORS of them. */
static void let_go_in_time(void)
{
	int n = 0;
	int i;

	for (i = 0; i < MINORS; i++)
		n += is_minor_taken[i];
	if (n > MINORS - 4)
		let_go();
}

/* Do one verb on both models and count it. Return: true if they agree. */
static bool do_verb(struct counts *counts)
{
	struct naive_region *want = &naive[random_below(4) == 0];
	struct dax_region *region = dax_model_find_region(&model, want != naive);
	int id = (int)random_below(DEVICES_MAX);
	struct dax_dev *dev;
	char name[DAX_NAME_LEN];
	bool is_held = !random_below(4);
	uint64_t start;
	uint64_t end;
	int verb;
	int r;
	int w;

	static const int weights[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2,
		3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 8,
	};

	verb = weights[random_below(sizeof(weights) / sizeof(weights[0]))];
	snprintf(name, sizeof(name), "dax%d.%d", want != naive, id);
	dev = dax_model_find(&model, name);
	if (!dev && verb < 5)
		verb = 5;
	if (verb == 5 && !may_create(want))
		verb = 6;
	switch (verb) {
	case 0:
		start = random_size(want);
		r = dax_dev_set_size(dev, start);
		w = naive_set_size(want, id, start);
		break;
	case 1:
		start = random_align();
		r = dax_dev_set_align(dev, start);
		w = naive_set_align(want, id, start);
		break;
	case 2:
		random_mapping(want, &start, &end);
		r = dax_dev_add_mapping(dev, start, end);
		w = naive_add_mapping(want, id, start, end);
		break;
	case 3:
		r = dax_dev_bind(&model, dev);
		w = naive_bind(want, id);
		break;
	case 4:
		r = dax_dev_unbind(&model, dev);
		w = naive_unbind(&want->dev[id]);
		break;
	case 5:
		r = dax_region_create(&model, region, NULL);
		w = naive_create(want, &id);
		break;
	case 6:
		r = dax_region_delete(&model, region, name, is_held);
		w = naive_delete(want, id, is_held);
		break;
	case 7:
		r = dax_driver_new_id(&model, DAX_DRIVER_DEVICE, name);
		naive_bind_all();
		w = 0;
		break;
	default:
		let_go();
		r = 0;
		w = 0;
		break;
	}
	if (r != w)
		printf("# %s of %s: got %d, want %d\n", names[verb], name, r, w);
	(r < 0 ? counts->refused : counts->done)[verb]++;
	return r == w;
}

static void setup(void)
{
	int i;

	dax_model_init(&model, 252, 246);
	for (i = 0; i < REGIONS; i++) {
		const struct dax_region like = {
			.id = (uint32_t)i,
			.type = DAX_REGION_DYNAMIC,
			.start = naive[i].start,
			.size = (uint64_t)naive[i].units * UNIT,
			.align = naive[i].align,
		};

		dax_model_add_region(&model, &like, NULL);
		memset(naive[i].owner, 0, sizeof(naive[i].owner));
		naive[i].seed = -1;
		naive[i].youngest = -1;
		naive[i].dev[0] = (struct naive_dev){
			.is_there = true,
			.is_bound = true,
			.align = naive[i].align,
			.minor = i,
			.n = 1,
			.r = {{0, naive[i].units}},
		};
		is_minor_taken[i] = true;
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	struct counts counts = {{0}};
	const char *why = NULL;
	unsigned int max_ranges = 0;
	bool is_same = true;
	int i;
	int n;

	random_state = seed | 1;
	setup();
	for (n = 0; n < VERBS && is_same && !why; n++) {
		is_same = do_verb(&counts);
		let_go_in_time();
		for (i = 0; i < REGIONS; i++) {
			const struct dax_region *region =
				dax_model_find_region(&model, (uint32_t)i);
			const struct dax_dev *dev;

			if (!is_same_region(&naive[i], region)) {
				printf("# region %d differs\n", i);
				is_same = false;
			}
			dax_for_each_device (dev, region)
				if (dev->nr_ranges > max_ranges)
					max_ranges = dev->nr_ranges;
		}
		why = dax_model_check(&model);
	}
	ok(is_same && !why, "%d random verbs, seed %llu (%s)", n,
	   (unsigned long long)seed, why ? why : "model and check agree");
	for (i = 0; i < 9; i++)
		printf("# %-8s %6d done %6d refused\n", names[i], counts.done[i],
		       counts.refused[i]);
	printf("# up to %u ranges a device\n", max_ranges);
	for (i = 0; i < 7; i++)
		ok(counts.done[i] > 100 && counts.refused[i] > 10,
		   "'%s' was done and refused often enough", names[i]);
	ok(argc > 1 || max_ranges == DAX_RANGES_MAX, "the limit of ranges was met");
	dax_model_done(&model);
	return tap_done();
}
