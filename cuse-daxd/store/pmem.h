/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores of kind pmem. */
#ifndef DAXD_STORE_PMEM_H
#define DAXD_STORE_PMEM_H

#include "cuse-daxd/store/file.h"

extern const struct daxd_store_ops daxd_pmem_ops;

#endif
