/* SPDX-License-Identifier: BSD-2-Clause */
/* Prepare for programs that give up rights: chroot(2), seccomp(2). */
#ifndef SHIM_LOCKDOWN_H
#define SHIM_LOCKDOWN_H

void shim_lockdown_prepare(void);
void shim_lockdown_filter_installed(const void *prog);

#endif
