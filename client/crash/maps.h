/* SPDX-License-Identifier: BSD-2-Clause */
/* Where this process maps the device, from /proc/self/maps. */
#ifndef CRASH_MAPS_H
#define CRASH_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void crash_maps_init(const void *image, uint64_t data, uint64_t size);
bool crash_maps_find(uint64_t addr, uint64_t len, uint64_t *ret_from, uint64_t *ret_to);
bool crash_maps_are_there(void);

#endif
