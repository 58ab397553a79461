/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory as the badblocks attribute of an nd region lists it. */
#ifndef DAX_BADBLOCKS_H
#define DAX_BADBLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/text.h"

bool dax_badblocks_has(const struct dax_bad *bad);
void dax_badblocks_add(struct dax_text *t, const struct dax_region *region,
		       const struct dax_dev *dev, const struct dax_bad *bad);

#endif
