/* SPDX-License-Identifier: BSD-2-Clause */
/* Show the program its dax mappings in /proc/self/pagemap. */
#ifndef SHIM_PAGEMAP_SHOW_H
#define SHIM_PAGEMAP_SHOW_H

#include <stdbool.h>
#include <stdint.h>

bool shim_pagemap_show_is_own(int fd);
void shim_pagemap_show(int fd, void *buf, long n, int64_t pos);

#endif
