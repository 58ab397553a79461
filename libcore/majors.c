/* SPDX-License-Identifier: BSD-2-Clause */
/* Major numbers of character devices, as the kernel hands them out. */
#include "libcore/majors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * dax_majors_choose() - choose a major number for a driver
 * @taken:	true for each number that a driver has
 * @wanted:	a number to prefer if no driver has it; 0: none
 *
 * The kernel searches from 254 down to 234, then from 511 down to 384
 * (fs/char_dev.c: find_dynamic_major()).
 *
 * Return: the number, or 0 if all are taken.
 */
uint32_t dax_majors_choose(const bool taken[DAX_MAJORS], uint32_t wanted)
{
	static const struct {
		uint32_t from;
		uint32_t to;
	} ranges[] = {{254, 234}, {511, 384}};
	uint32_t major;
	size_t i;

	if (wanted && wanted < DAX_MAJORS && !taken[wanted])
		return wanted;
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (major = ranges[i].from; major >= ranges[i].to; major--)
			if (!taken[major])
				return major;
	return 0;
}
