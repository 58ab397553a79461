/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the other parts of the installation. */
#ifndef RUN_FILES_H
#define RUN_FILES_H

#include <stdbool.h>

char *run_files_daemon(void);
char *run_files_shim(void);
char *run_files_graft(bool is_needed);
char *run_files_probe(const char *kind);
char *run_files_recorder(void);

#endif
