/* SPDX-License-Identifier: BSD-2-Clause */
/* Map a part of a device that was mapped before without its descriptor. */
#ifndef SHIM_TEMPLATE_H
#define SHIM_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/device.h"

/* A part of a device, and how it is mapped. */
struct shim_template_part {
	uint64_t off;
	uint64_t len;
	uint64_t life; /* of the device, and what may have changed there */
	uint64_t generation;
	uint64_t bad_generation;
	uint32_t slot;
	int32_t prot;
	int32_t flags;
	bool is_writable; /* the descriptor of the program is */
};

bool shim_template_may_serve(const struct shim_template_part *part,
			     const struct dax_device *dev);
long shim_template_map(const struct shim_template_part *part, uint64_t align);
void shim_template_count(const struct shim_template_part *part,
			 const struct dax_device *dev, int backing);
bool shim_template_is_at(uint64_t addr);

#endif
