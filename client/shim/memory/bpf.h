/* SPDX-License-Identifier: BSD-2-Clause */
/* Run a seccomp filter of the program on a system call of the shim. */
#ifndef SHIM_BPF_H
#define SHIM_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

bool shim_bpf_kills(const struct sock_fprog *prog, int nr, uint64_t first);

#endif
