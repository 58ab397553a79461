/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what mmap(2) of a device does, and of other files over dax mappings. */
#ifndef SHIM_MMAP_H
#define SHIM_MMAP_H

#include <stdint.h>

#include "libcore/verdict.h"

#include "client/shim/process/ident.h"

long shim_mmap(const struct dax_mmap_request *req, int fd, const struct shim_ident *id);
long shim_mmap_attr(const struct dax_mmap_request *req, int fd,
		    const struct shim_ident *id);
long shim_mmap_other(uint64_t addr, uint64_t len, int prot, int flags, int fd,
		     uint64_t off);
long shim_mmap_shm(int id, uint64_t addr, uint64_t len, int flags);

#endif
