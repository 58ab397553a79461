/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the other parts of the installation, and runtime directories. */
#ifndef RUN_FILES_H
#define RUN_FILES_H

#define RUN_DIR_LEN 96 /* of a runtime directory's name: sun_path is short */

char *run_files_daemon(void);
char *run_files_shim(void);

/* daxrun's files in the daemon's directory; cuse-daxd/runtime/runtime.c removes them. */
#define RUN_CONFIG_FILE "daxrun.conf"
#define RUN_LOG_FILE    "daxrun.log"
#define RUN_LOG_SOCKET  "daxrun.sock"

void run_files_make_dir(char dir[RUN_DIR_LEN]);
void run_files_find_running(const char *wanted, char dir[RUN_DIR_LEN]);

#endif
