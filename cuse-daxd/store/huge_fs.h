/* SPDX-License-Identifier: BSD-2-Clause */
/* Files on a tmpfs of huge pages that only this process can reach. */
#ifndef DAXD_STORE_HUGE_FS_H
#define DAXD_STORE_HUGE_FS_H

void daxd_huge_fs_reserve(void);
int daxd_huge_fs_make_file(const char *name);

#endif
