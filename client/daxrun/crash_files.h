/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of a run that is recorded for crash states. */
#ifndef RUN_CRASH_FILES_H
#define RUN_CRASH_FILES_H

#include <stdint.h>
#include <sys/types.h>

#include "libcore/crash.h"

#include "client/daxrun/dir.h"
#include "client/daxrun/options.h"

struct run_crash_files {
	char dir[RUN_DIR_LEN];
	pid_t owner; /* the process that removes them */
	pid_t janitor;
	int janitor_fd;
	int start_fd;         /* the image before the run */
	const uint8_t *start; /* the same, mapped */
	uint64_t image_size;  /* all sizes are in bytes */
	uint64_t data;        /* offset of the device in the image */
	uint64_t size;        /* the device's */
	struct dax_crash_shared *shared;
};

void run_crash_files_make(const struct run_options *o, struct run_crash_files *files);
void run_crash_files_remove(struct run_crash_files *files);
char *run_crash_files_path(const struct run_crash_files *files, const char *name);
char *run_crash_files_device(const struct run_options *o, const char *image);
void run_crash_files_copy(const struct run_crash_files *files, int fd, uint64_t from);
void run_crash_files_restore(const struct run_crash_files *files, int fd);
uint8_t *run_crash_files_read_log(const struct run_crash_files *files, uint64_t *ret_len);

#endif
