/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of devices, and the pages of their memory. */
#include "libcore/device.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "libcore/size.h"

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
 * dax_name_of_node() - accept "/dev/dax0.0" where a device's name is meant
 * @text:	a name, or the path of a node in /dev
 *
 * Return: the text without /dev/.
 */
const char *dax_name_of_node(const char *text)
{
	return strncmp(text, "/dev/", 5) ? text : text + 5;
}

/**
 * dax_device_page() - tell how much of a device can be kept from a program at least
 * @dev:	the device
 *
 * Bad memory is listed in sectors, but a program can be kept from whole pages of the
 * backing store only. Huge pages of a tmpfs can be mapped in part, those of a hugetlbfs
 * cannot.
 *
 * Return: bytes, not more than the device's align.
 */
uint64_t dax_device_page(const struct dax_device *dev)
{
	if (dev->flags & DAX_DEVICE_PAGES_1G)
		return DAX_GIB;
	return dev->flags & DAX_DEVICE_PAGES_2M ? 2 * DAX_MIB : DAX_PAGE;
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
