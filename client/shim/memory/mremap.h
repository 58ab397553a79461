/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what mremap(2) and remap_file_pages(2) of dax mappings do. */
#ifndef SHIM_MREMAP_H
#define SHIM_MREMAP_H

#include <stdint.h>

long shim_mremap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr);
long shim_mremap_file_pages(uint64_t addr, uint64_t len, int prot, uint64_t pgoff,
			    int flags);

#endif
