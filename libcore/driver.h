/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers of the dax bus. A device's mode is the driver that it is bound to. */
#ifndef DAX_DRIVER_H
#define DAX_DRIVER_H

#include <stdbool.h>

#include "libcore/kernel.h"

enum dax_driver {
	DAX_DRIVER_DEVICE, /* device_dax: mode devdax */
	DAX_DRIVER_KMEM,   /* kmem: mode system-ram; memory.h */
	DAX_DRIVER_FSDEV,  /* fsdev_dax: mode famfs */
	DAX_DRIVER_NR,
};

const char *dax_driver_name(enum dax_driver driver);
bool dax_driver_exists(enum dax_driver driver, enum dax_kernel kernel);

#endif
