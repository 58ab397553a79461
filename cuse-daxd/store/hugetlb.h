/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores of the kinds hugetlb and hugetlbfs. */
#ifndef DAXD_STORE_HUGETLB_H
#define DAXD_STORE_HUGETLB_H

#include "cuse-daxd/store/file.h"

extern const struct daxd_store_ops daxd_hugetlb_ops;
extern const struct daxd_store_ops daxd_hugetlb_fs_ops;

#endif
