/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory as the badblocks attribute of an nd region lists it. */
#ifndef DAX_BADBLOCKS_H
#define DAX_BADBLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/text.h"

/* The file beside an image is no longer than this. */
#define DAX_BADBLOCKS_FILE_MAX (1 << 20)

bool dax_badblocks_has(const struct dax_bad *bad);
void dax_badblocks_add(struct dax_text *t, const struct dax_region *region,
		       const struct dax_dev *dev, const struct dax_bad *bad);
int dax_badblocks_stretch(const struct dax_dev *dev, uint64_t off, uint64_t len,
			  struct dax_bad *bad);
bool dax_badblocks_reveal(const struct dax_dev *dev, uint64_t page, uint64_t off,
			  struct dax_bad *bad);
int dax_badblocks_parse(const char **text, uint64_t *ret_off, uint64_t *ret_len);

#endif
