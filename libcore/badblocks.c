/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory as the badblocks attribute of an nd region lists it. */
#include "libcore/badblocks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"
#include "libcore/text.h"

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
		     (dev->ranges[0].start - region->start + bad->off) / DAX_SECTOR,
		     bad->len / DAX_SECTOR);
}

/**
 * dax_badblocks_stretch() - compute the memory that a fault makes bad
 * @dev:	the device
 * @off:	first byte in the device
 * @len:	bytes; 0, or too many: to the end
 * @bad:	receives off and len; its flags must be set
 *
 * Whole sectors become bad, as media lose them; with DAX_BAD_UNITS whole units of the
 * device's align.
 *
 * Return: 0; -ERANGE: @off is beyond the end.
 */
int dax_badblocks_stretch(const struct dax_dev *dev, uint64_t off, uint64_t len,
			  struct dax_bad *bad)
{
	const uint64_t size = dax_dev_size(dev);
	const uint64_t unit = bad->flags & DAX_BAD_UNITS ? dev->align : DAX_SECTOR;

	if (off >= size)
		return -ERANGE;
	len = len ? dax_min(len, size - off) : size - off;
	bad->off = dax_round_down(off, unit);
	bad->len = dax_min(dax_round_up(off + len, unit), size) - bad->off;
	return 0;
}

/**
 * dax_badblocks_reveal() - compute the part of latent poison that a touch reveals
 * @dev:	the device
 * @page:	dax_device_page() of it
 * @off:	the byte that a program has touched
 * @bad:	the bad memory; receives the revealed part, without DAX_BAD_LATENT
 *
 * That is all of it in the page, as the program was kept from the page as a whole; or in
 * the unit of the align, if it has units.
 *
 * Return: true; or false if @bad is not latent, or is elsewhere.
 */
bool dax_badblocks_reveal(const struct dax_dev *dev, uint64_t page, uint64_t off,
			  struct dax_bad *bad)
{
	const uint64_t unit = bad->flags & DAX_BAD_UNITS ? dev->align : page;
	const uint64_t start = dax_max(dax_round_down(off, unit), bad->off);
	const uint64_t end =
		dax_min(dax_round_down(off, unit) + unit, bad->off + bad->len);

	if (!(bad->flags & DAX_BAD_LATENT) || start >= end)
		return false;
	bad->off = start;
	bad->len = end - start;
	bad->flags &= ~(uint32_t)DAX_BAD_LATENT;
	return true;
}

/* Read digits. Return: false if there are none, or too many. */
static bool read_number(const char **p, uint64_t *ret)
{
	const char *start = *p;

	for (*ret = 0; **p >= '0' && **p <= '9'; ++*p)
		if (__builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(**p - '0'), ret))
			return false;
	return *p > start;
}

/**
 * dax_badblocks_parse() - read a line of the file beside an image
 * @text:	the rest of the file's text; moves on to the next line
 * @ret_off:	receives the first bad byte in the store
 * @ret_len:	receives the number of bad bytes, not 0; the sum of both is a number
 *
 * A line is "OFFSET LENGTH", in bytes.
 *
 * Return: 1; 0 at the end of the text; -EINVAL: the line is something else.
 */
int dax_badblocks_parse(const char **text, uint64_t *ret_off, uint64_t *ret_len)
{
	const char *p = *text;
	bool is_good;
	uint64_t end;

	if (!*p)
		return 0;
	is_good = read_number(&p, ret_off) && *p++ == ' ' && read_number(&p, ret_len) &&
		  (*p == '\n' || !*p) && *ret_len &&
		  !__builtin_add_overflow(*ret_off, *ret_len, &end);
	for (p = *text; *p && *p != '\n'; p++)
		;
	*text = *p ? p + 1 : p;
	return is_good ? 1 : -EINVAL;
}
