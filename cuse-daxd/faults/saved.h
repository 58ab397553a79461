/* SPDX-License-Identifier: BSD-2-Clause */
/* Save fault rules and bad memory for the next daemon. */
#ifndef DAXD_FAULTS_SAVED_H
#define DAXD_FAULTS_SAVED_H

struct daxd_faults;

void daxd_saved_write(const struct daxd_faults *faults);
void daxd_saved_read(struct daxd_faults *faults);

#endif
