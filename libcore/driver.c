/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers of the dax bus. */
#include "libcore/driver.h"

#include "libcore/kernel.h"

/**
 * dax_driver_name() - the name of a driver of the dax bus
 * @driver:	the driver
 *
 * Return: "device_dax" or the like, a constant.
 */
const char *dax_driver_name(enum dax_driver driver)
{
	static const char *const names[DAX_DRIVER_NR] = {
		[DAX_DRIVER_DEVICE] = "device_dax",
		[DAX_DRIVER_KMEM] = "kmem",
		[DAX_DRIVER_FSDEV] = "fsdev_dax",
	};

	return names[driver];
}

/**
 * dax_driver_exists() - tell whether the kernel has a driver
 * @driver:	the driver
 * @kernel:	the kernel
 *
 * Return: true if it has.
 */
bool dax_driver_exists(enum dax_driver driver, enum dax_kernel kernel)
{
	return driver != DAX_DRIVER_FSDEV || dax_kernel_has(kernel, DAX_RULE_FSDEV);
}
