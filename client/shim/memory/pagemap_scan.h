/* SPDX-License-Identifier: BSD-2-Clause */
/* Answer PAGEMAP_SCAN, an ioctl on /proc/self/pagemap, about this process's own mappings. */
#ifndef SHIM_PAGEMAP_SCAN_H
#define SHIM_PAGEMAP_SCAN_H

long shim_pagemap_scan(int fd, void *arg);

#endif
