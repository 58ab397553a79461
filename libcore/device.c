/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of devices. */
#include "libcore/device.h"

#include <errno.h>
#include <stddef.h>

/*
 * Read a decimal number below 10^5 in its only spelling: "0", "17", not "017". Return:
 * the text behind it, or NULL.
 */
static const char *parse_id(const char *p, uint32_t *ret_id)
{
	uint32_t id = 0;
	const char *start = p;

	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (p - start == 5)
			return NULL;
		id = id * 10 + (uint32_t)(*p - '0');
	}
	if (p == start)
		return NULL;
	*ret_id = id;
	return p;
}

/**
 * dax_name_parse() - split "daxX.Y" into its numbers
 * @name:	the whole name, with nothing behind it
 * @ret_region:	receives X
 * @ret_id:	receives Y
 *
 * Return: 0, or -EINVAL if the name does not have that form.
 */
int dax_name_parse(const char *name, uint32_t *ret_region, uint32_t *ret_id)
{
	uint32_t region;
	uint32_t id;
	const char *p;

	if (name[0] != 'd' || name[1] != 'a' || name[2] != 'x')
		return -EINVAL;
	p = parse_id(name + 3, &region);
	if (!p || *p != '.')
		return -EINVAL;
	p = parse_id(p + 1, &id);
	if (!p || *p)
		return -EINVAL;
	*ret_region = region;
	*ret_id = id;
	return 0;
}
