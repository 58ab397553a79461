/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory as the badblocks attribute of an nd region lists it. */
#include "libcore/badblocks.h"

#include <inttypes.h>
#include <stdbool.h>

#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/text.h"

#define SECTOR 512

/**
 * dax_badblocks_has() - true if badblocks lists a range of bad memory
 * @bad:	the range
 *
 * The kernel lists the media errors that it knows. It learns of a latent one at the
 * first touch. Memory that is bad for one process, user or command only is no media
 * error.
 */
bool dax_badblocks_has(const struct dax_bad *bad)
{
	return bad->flags & DAX_BAD_POISON && !(bad->flags & DAX_BAD_LATENT) &&
	       !bad->who.pid && bad->who.uid == UINT32_MAX && !bad->who.comm[0];
}

/**
 * dax_badblocks_add() - append the line of a range of bad memory
 * @t:		the text of the attribute
 * @region:	the region; sectors count from its start
 * @dev:	the device that @bad is in; without a range it has no line
 * @bad:	the range
 *
 * The line is "SECTOR COUNT", in sectors of 512 bytes (block/badblocks.c:
 * badblocks_show()).
 */
void dax_badblocks_add(struct dax_text *t, const struct dax_region *region,
		       const struct dax_dev *dev, const struct dax_bad *bad)
{
	if (!dev->nr_ranges || !dax_badblocks_has(bad))
		return;
	dax_text_add(t, "%" PRIu64 " %" PRIu64 "\n",
		     (dev->ranges[0].start - region->start + bad->off) / SECTOR,
		     bad->len / SECTOR);
}
