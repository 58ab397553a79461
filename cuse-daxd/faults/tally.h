/* SPDX-License-Identifier: BSD-2-Clause */
/* Count, log and report injected faults. */
#ifndef DAXD_FAULTS_TALLY_H
#define DAXD_FAULTS_TALLY_H

struct dax_fault_event;
struct daxd_fault;
struct daxd_faults;
struct daxd_why;

int daxd_tally_open_log(struct daxd_faults *faults, const char *where,
			struct daxd_why *why);
void daxd_tally_count(struct daxd_faults *faults, const struct dax_fault_event *ev,
		      struct daxd_fault *f);
void daxd_tally_refuse(struct daxd_faults *faults, const struct dax_fault_event *ev,
		       struct daxd_fault *f);
void daxd_tally_report(const struct daxd_faults *faults, int fd);

#endif
