/* SPDX-License-Identifier: BSD-2-Clause */
/* What a seccomp filter answers to a system call. */
#ifndef SHIM_BPF_H
#define SHIM_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

bool shim_bpf_kills(const struct sock_fprog *prog, int nr, uint64_t first);

#endif
