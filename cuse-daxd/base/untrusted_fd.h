/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that a client sent and that are not of our own files.
 *
 * They may be of a file system that the client itself serves (FUSE), and then fstat(2)
 * and even close(2) wait for the client's answer, for ever if it likes. So they are
 * asked nothing that is not already known to the kernel, and closed where waiting does
 * no harm.
 */
#ifndef DAXD_BASE_UNTRUSTED_FD_H
#define DAXD_BASE_UNTRUSTED_FD_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

int daxd_untrusted_fd_stat(int fd, struct statx *ret);
void daxd_untrusted_fd_close(int fd, dev_t ours, uid_t uid);
bool daxd_untrusted_fd_is_banned(uid_t uid);

#endif
