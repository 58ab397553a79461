/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of an administrator that take several writes to sysfs: create a device of a
 * size, destroy a device. The steps are the verbs of model_verbs.c, in the order in
 * which daxctl takes them. But where one fails, the steps before it are undone, which
 * daxctl leaves to its user.
 */
#include "libcore/model_provision.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/model_verbs.h"

static int provision(struct dax_model *model, struct dax_dev *dev, uint64_t size,
		     uint64_t align, enum dax_step *ret_step)
{
	int r = 0;

	*ret_step = DAX_STEP_ALIGN;
	if (align)
		r = dax_dev_set_align(dev, align);
	if (r < 0)
		return r;
	*ret_step = DAX_STEP_SIZE;
	r = dax_dev_set_size(dev, size ? size : dax_region_available(dev->region));
	if (r < 0)
		return r;
	*ret_step = DAX_STEP_BIND;
	return dax_dev_bind(model, dev);
}

/**
 * dax_region_provision() - create a device, set its size and bind it
 * @model:	the model
 * @region:	the region for it
 * @size:	size in bytes; 0: all that is left
 * @align:	align in bytes; 0: the region's
 * @ret_step:	receives the failed step; written only on failure
 * @ret_dev:	receives the device; valid until it is deleted
 *
 * Return: 0, or the negative errno of the write of that step.
 */
int dax_region_provision(struct dax_model *model, struct dax_region *region,
			 uint64_t size, uint64_t align, enum dax_step *ret_step,
			 struct dax_dev **ret_dev)
{
	const bool had_youngest = region->has_youngest;
	const uint32_t youngest = region->youngest;
	char name[DAX_NAME_LEN];
	enum dax_step step;
	struct dax_dev *dev;
	int r;

	r = dax_region_create(model, region, &dev);
	if (r < 0) {
		*ret_step = DAX_STEP_CREATE;
		return r;
	}
	r = provision(model, dev, size, align, &step);
	if (r < 0) {
		dev->nr_ranges = 0;
		dax_region_delete(model, region, dax_dev_name(dev, name), false);
		region->has_youngest = had_youngest;
		region->youngest = youngest;
		*ret_step = step;
		return r;
	}
	*ret_dev = dev;
	return 0;
}

/**
 * dax_dev_destroy() - unbind, empty and delete a device
 * @model:	the model
 * @dev:	the device; freed
 *
 * Its minor stays taken until dax_model_release_minor(). Device 0 of a region, which
 * can't be deleted, is left unchanged.
 *
 * Return: 0; -EBUSY: device 0; -EINVAL: a static region.
 */
int dax_dev_destroy(struct dax_model *model, struct dax_dev *dev)
{
	char name[DAX_NAME_LEN];

	if (dax_region_is_nd(dev->region))
		return -EINVAL;
	if (!dev->id)
		return -EBUSY;
	dev->is_bound = false;
	dev->nr_ranges = 0;
	return dax_region_delete(model, dev->region, dax_dev_name(dev, name), true);
}

/**
 * dax_step_text() - explain why a step failed
 * @step:	the step
 * @error:	its negative errno
 *
 * Return: a sentence without its subject, the device; NULL if the errno has its usual
 * meaning in this step.
 */
const char *dax_step_text(enum dax_step step, int error)
{
	static const struct {
		enum dax_step step;
		int error;
		const char *text;
	} meanings[] = {
		{DAX_STEP_CREATE, ENOSPC, "the region has no room left"},
		{DAX_STEP_CREATE, EINVAL,
		 "a static region has the devices that the config gives it"},
		{DAX_STEP_ALIGN, EINVAL, "the align is not 4K, 2M or 1G"},
		{DAX_STEP_SIZE, EINVAL,
		 "the size is not a multiple of the align, and of 2M"},
		{DAX_STEP_SIZE, ENOSPC, "the size is more than the region has left"},
		{DAX_STEP_BIND, EBUSY, "is enabled already"},
		{DAX_STEP_BIND, ENXIO, "has no size"},
		{DAX_STEP_BIND, EINVAL, "has a range that is not on 2M"},
		{DAX_STEP_UNBIND, ENODEV, "is disabled already"},
		{DAX_STEP_DELETE, EBUSY, "the first device of a region always stays"},
		{DAX_STEP_DELETE, EINVAL,
		 "a static region keeps its devices (disable it instead)"},
	};
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].step == step && meanings[i].error == -error)
			return meanings[i].text;
	return NULL;
}
