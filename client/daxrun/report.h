/* SPDX-License-Identifier: BSD-2-Clause */
/* Report which faults were injected, and how the command ended. */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#define RUN_HITS_RULES 16

/* The faults of a run. */
struct run_hits {
	long given;                 /* all of them; -1: the daemon did not report */
	long rules[RUN_HITS_RULES]; /* of the last rules, the last one first */
	char call[16];              /* of the last fault */
	char device[16];
	char offset[24];
};

int run_report_open(void);
void run_report_read(int fd, struct run_hits *ret);
void run_report_print(int fd, int status);
int run_report_signal(int status);
const char *run_report_status_text(int status, char buf[64]);

#endif
