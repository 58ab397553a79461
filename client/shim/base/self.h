/* SPDX-License-Identifier: BSD-2-Clause */
/* Identity and clock of this process and its threads, from system calls and /proc. */
#ifndef SHIM_SELF_H
#define SHIM_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/fault.h"

/* Room for "/proc/self/task/", a number, and a short name. */
#define SHIM_SELF_TASK_PATH 48
/* Room for "/proc/self/fd/" and a number. */
#define SHIM_SELF_FD_LINK 32

/* Descriptors of Linux 6.14 that stand for the process itself (linux/pidfd.h). */
#define SHIM_PIDFD_SELF_FIRST (-10001)
#define SHIM_PIDFD_SELF_LAST  (-10000)

uint64_t shim_self_now_ns(void);
void shim_self_sleep_until(uint64_t ns);
void shim_self_who(struct dax_fault_who *ret);
void shim_self_comm(int32_t tid, char comm[DAX_FAULT_COMM_LEN]);
uint32_t shim_self_uid(int32_t tid);
void shim_self_task_path(int32_t tid, const char *name, char buf[SHIM_SELF_TASK_PATH]);
bool shim_self_is_pidfd(int fd);
bool shim_self_has_capability(int capability);
void shim_self_fd_link(int dirfd, char buf[SHIM_SELF_FD_LINK]);

#endif
