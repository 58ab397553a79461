/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that becomes bad or good on request. */
#include "cuse-daxd/faults/inject.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/faults/badblocks.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/faults/publish.h"
#include "cuse-daxd/registry/devices.h"

static int check_range(const struct daxd_device *dev, uint64_t off, uint64_t len,
		       struct daxd_why *why)
{
	uint64_t size = dax_dev_size(dev->dev);
	uint64_t end;

	if (!__builtin_add_overflow(off, len, &end) && off <= size && end <= size)
		return 0;
	return daxd_fail(why, ERANGE,
			 "%s: offset %ju and length %ju are beyond its end (it has %ju "
			 "bytes)",
			 dev->desc.name, (uintmax_t)off, (uintmax_t)len, (uintmax_t)size);
}

/**
 * daxd_inject() - make memory of a device bad
 * @faults:	all of them
 * @dev:	the device, which exists
 * @off:	in the device
 * @len:	bytes; 0: to the end
 * @flags:	enum dax_bad_flag
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_inject(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		uint64_t len, uint32_t flags, struct daxd_why *why)
{
	const struct dax_bad like = {.flags = flags, .who = {.uid = UINT32_MAX}};
	int r;

	r = check_range(dev, off, len, why);
	if (r < 0)
		return r;
	r = daxd_publish_reserve(faults, why);
	if (r < 0)
		return r;
	r = daxd_bad_make(faults, dev, off, len, &like);
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s: there are too many bad ranges already (clear "
				 "some)",
				 dev->desc.name);
	daxd_publish_carry_out(faults);
	return 0;
}

/**
 * daxd_inject_clear() - make bad memory of a device good again, with zeros in it
 * @faults:	all of them
 * @dev:	the device, which exists
 * @off:	in the device
 * @len:	bytes; 0: to the end
 * @why:	receives the reason of a failure
 *
 * Whole sectors become good.
 *
 * Return: 0 or a negative errno.
 */
int daxd_inject_clear(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		      uint64_t len, struct daxd_why *why)
{
	uint64_t end;
	int r;

	r = check_range(dev, off, len, why);
	if (r < 0)
		return r;
	end = len ? dax_round_up(off + len, DAX_SECTOR) : dax_dev_size(dev->dev);
	off = dax_round_down(off, DAX_SECTOR);
	if (daxd_bad_heal(faults, dev->life, off, end - off, NULL, NULL))
		daxd_publish_carry_out(faults);
	return 0;
}

/**
 * daxd_inject_clear_physical() - make bad memory good again, by its physical address
 * @faults:	all of them
 * @start:	the address, as the resource attributes in sysfs show it
 * @len:	bytes; the range may cover several devices or none
 */
void daxd_inject_clear_physical(struct daxd_faults *faults, uint64_t start, uint64_t len)
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

			if (from < to) {
				from = dax_round_down(base + from - range->start,
						      DAX_SECTOR);
				to = dax_round_up(base + to - range->start, DAX_SECTOR);
				is_any |= daxd_bad_heal(faults, dev->life, from,
							to - from, NULL, NULL);
			}
			base += range->len;
		}
	}
	if (is_any)
		daxd_publish_carry_out(faults);
}
