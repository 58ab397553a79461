/* SPDX-License-Identifier: BSD-2-Clause */
/* Where this process maps the device, from /proc/self/maps. */
#ifndef CRASH_MAPS_H
#define CRASH_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mapping of the device. */
struct crash_place {
	uint64_t start;
	uint64_t end;
	uint64_t off;      /* of the device, in bytes */
	bool is_read_only; /* for written.c */
};

void crash_maps_watch(void (*after)(void));
void crash_maps_init(const void *image, uint64_t data, uint64_t size);
bool crash_maps_find(uint64_t addr, uint64_t len, uint64_t *ret_from, uint64_t *ret_to);
bool crash_maps_are_there(void);
bool crash_maps_have_changed(void);
int crash_maps_list(bool is_fresh, struct crash_place **ret);

#endif
