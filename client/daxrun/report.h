/* SPDX-License-Identifier: BSD-2-Clause */
/* Report which faults were injected, and how the command ended. */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

int run_report_open(void);
long run_report_given(int fd);
void run_report_print(int fd, int status);
const char *run_report_status_text(int status, char buf[64]);

#endif
