/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores of kind memory. */
#ifndef DAXD_STORE_MEMORY_H
#define DAXD_STORE_MEMORY_H

#include "cuse-daxd/store/file.h"

extern const struct daxd_store_ops daxd_memory_ops;

#endif
