/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an attribute of /sys is kept as a plain file: what mode the file has.
 *
 * The file can be read by everybody, whatever mode is shown: an ordinary user of the
 * emulator sees what root sees on a real machine, because PMDK can't work without
 * `resource` (0400). What stat(2) is to show is told by the bits that mean nothing on
 * a file without execute permission:
 *
 *	S_ISVTX	it is one of ours
 *	S_ISUID	the shown mode has no permission for group and others
 *	S_ISGID	reading it fails, as dax_attr_mode_read_error() says; the file is empty
 *
 * Writing is the owner's, as in /sys: that is enforced by the kernel when the file is
 * opened, and so by whatever mode or ACL an administrator gives it.
 */
#ifndef DAX_ATTRMODE_H
#define DAX_ATTRMODE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* From the mode that sysfs shows (0444, 0400, 0200, 0644, 0600) to the file's. */
static inline uint32_t dax_attr_mode_encode(uint32_t shown, bool has_read_error)
{
	uint32_t mode = S_ISVTX | (shown & S_IWUSR);

	if (shown & (S_IRUSR | S_IRGRP | S_IROTH))
		mode |= S_IRUSR | S_IRGRP | S_IROTH;
	if (!(shown & (S_IRWXG | S_IRWXO)))
		mode |= S_ISUID;
	if (has_read_error)
		mode |= S_ISGID;
	return mode;
}

static inline bool dax_attr_mode_is_ours(uint32_t mode)
{
	return S_ISREG(mode) && (mode & S_ISVTX);
}

/*
 * The errno that reading answers, or 0. What can't be written is the resource or size of
 * an empty seed; what can is power/autosuspend_delay_ms, which needs support by a driver.
 */
static inline int dax_attr_mode_read_error(uint32_t mode)
{
	if (!(mode & S_ISGID))
		return 0;
	return mode & S_IWUSR ? EIO : ENXIO;
}

/* From the file's mode to the one that stat(2) is to show, without the type bits. */
static inline uint32_t dax_attr_mode_decode(uint32_t mode)
{
	uint32_t shown = mode & (S_IRUSR | S_IWUSR);

	if (!(mode & S_ISUID))
		shown |= mode & (S_IRGRP | S_IROTH);
	return shown;
}

#endif
