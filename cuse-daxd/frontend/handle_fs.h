/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder of the handles: on a file system that stores nothing, if possible. */
#ifndef DAXD_FRONTEND_HANDLE_FS_H
#define DAXD_FRONTEND_HANDLE_FS_H

struct daxd_runtime;
struct daxd_why;

void daxd_handle_fs_init(void);
int daxd_handle_fs_open(struct daxd_runtime *rt, struct daxd_why *why);
void daxd_handle_fs_done(void);

#endif
