/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the mode of an emulated sysfs attribute is kept on disk.
 *
 * The daemon writes attributes as plain files. Who may not read one on a real machine
 * without being root must be able to here, or PMDK refuses to work for an ordinary
 * user; so the file is readable for all, and the mode that stat(2) is to show is kept
 * in bits that a plain file has no use for:
 *
 *	S_ISVTX		a file of ours (also on device handles)
 *	S_ISUID		shown without the group's and others' bits: 0400, 0600, 0200
 *	S_ISGID		reading answers ENXIO; the file is empty
 */
#ifndef DAX_ATTRMODE_H
#define DAX_ATTRMODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The mode for the file of an attribute that is to be shown with mode @shown. */
static inline uint32_t dax_attrmode_disk(uint32_t shown, bool is_read_error)
{
	uint32_t mode = S_ISVTX | (shown & 0200);

	if (shown & 0444)
		mode |= 0444;
	if (!(shown & 0077))
		mode |= S_ISUID;
	if (is_read_error)
		mode |= S_ISGID;
	return mode;
}

/* The mode to show for a file with mode @disk. */
static inline uint32_t dax_attrmode_shown(uint32_t disk)
{
	return disk & (disk & S_ISUID ? 0700 : 0777);
}

static inline bool dax_attrmode_is_read_error(uint32_t disk)
{
	return disk & S_ISGID;
}

#endif
