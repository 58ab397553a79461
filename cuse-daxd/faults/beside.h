/* SPDX-License-Identifier: BSD-2-Clause */
/* FILE.badblocks, the poison of a pmem: file. */
#ifndef DAXD_FAULTS_BESIDE_H
#define DAXD_FAULTS_BESIDE_H

struct daxd_faults;
struct daxd_store;

void daxd_beside_read(struct daxd_faults *faults, const struct daxd_store *store);
void daxd_beside_write(const struct daxd_faults *faults, const struct daxd_store *store);

#endif
