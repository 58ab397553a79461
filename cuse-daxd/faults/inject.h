/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that becomes bad or good on request. */
#ifndef DAXD_FAULTS_INJECT_H
#define DAXD_FAULTS_INJECT_H

#include <stdint.h>

struct daxd_device;
struct daxd_faults;
struct daxd_why;

int daxd_inject(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		uint64_t len, uint32_t flags, struct daxd_why *why);
int daxd_inject_clear(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		      uint64_t len, struct daxd_why *why);
void daxd_inject_clear_physical(struct daxd_faults *faults, uint64_t start, uint64_t len);

#endif
