/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors received from clients.
 *
 * They may belong to a FUSE file system that the client serves, where fstat(2) and even
 * close(2) can block forever. Query only what the kernel has cached, and close on a
 * thread of their own.
 */
#ifndef DAXD_BASE_UNTRUSTED_FD_H
#define DAXD_BASE_UNTRUSTED_FD_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

int daxd_untrusted_fd_stat(int fd, struct statx *ret);
void daxd_untrusted_fd_close(int fd, const dev_t ours[2], uid_t uid);
bool daxd_untrusted_fd_is_banned(uid_t uid);

#endif
