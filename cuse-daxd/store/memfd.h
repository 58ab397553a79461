/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores of kind memfd. */
#ifndef DAXD_STORE_MEMFD_H
#define DAXD_STORE_MEMFD_H

#include "cuse-daxd/store/file.h"

extern const struct daxd_store_ops daxd_memfd_ops;

#endif
