/* SPDX-License-Identifier: BSD-2-Clause */
/* Runtime directories: make one, find one, remove one. */
#ifndef RUN_DIR_H
#define RUN_DIR_H

#define RUN_DIR_LEN 96 /* of a runtime directory's name: sun_path is short */

/* daxrun's files in the daemon's directory; cuse-daxd/runtime/runtime.c removes them. */
#define RUN_CONFIG_FILE "daxrun.conf"
#define RUN_LOG_FILE    "daxrun.log"
#define RUN_LOG_SOCKET  "daxrun.sock"

/* A private daemon's directory, held open. Zeroed: none. */
struct run_dir {
	char path[RUN_DIR_LEN];
	int fd;     /* -1: it could not be opened */
	int parent; /* -1 likewise */
};

void run_dir_make(char path[RUN_DIR_LEN]);
void run_dir_hold(struct run_dir *d);
void run_dir_remove(struct run_dir *d);
void run_dir_find_running(const char *wanted, char path[RUN_DIR_LEN]);

#endif
