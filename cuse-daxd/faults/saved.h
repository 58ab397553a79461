/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of faults over the end of the daemon; for faults.c. */
#ifndef DAXD_FAULTS_SAVED_H
#define DAXD_FAULTS_SAVED_H

struct daxd_faults;

void daxd_faults_keep(const struct daxd_faults *faults);
void daxd_faults_recall(struct daxd_faults *faults);

#endif
