/* SPDX-License-Identifier: BSD-2-Clause */
/* Publish changes of fault rules and bad memory. */
#ifndef DAXD_FAULTS_PUBLISH_H
#define DAXD_FAULTS_PUBLISH_H

struct daxd_faults;
struct daxd_why;

int daxd_publish_reserve(struct daxd_faults *faults, struct daxd_why *why);
void daxd_publish_state(struct daxd_faults *faults);
void daxd_publish_prepare(struct daxd_faults *faults);
void daxd_publish_carry_out(struct daxd_faults *faults);

#endif
