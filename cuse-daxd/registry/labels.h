/* SPDX-License-Identifier: BSD-2-Clause */
/* The label storage areas of CXL memory devices. */
#ifndef DAXD_REGISTRY_LABELS_H
#define DAXD_REGISTRY_LABELS_H

struct daxd_device;

int daxd_labels_open(struct daxd_device *node);

#endif
