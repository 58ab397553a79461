/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL ports and decoders; for sysfs_cxl*.c only. */
#ifndef DAX_SYSFS_CXL_PORT_H
#define DAX_SYSFS_CXL_PORT_H

#include "libcore/sysfs_walk.h"

/* Of an object of the kind that the name says; each ends with a row without a name. */
extern const struct sysfs_attr dax_sysfs_cxl_root_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_window_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_port_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_switch_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_endpoint_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_decoder_attrs[];

#endif
