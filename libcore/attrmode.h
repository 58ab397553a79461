/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modes of the plain files that hold the attributes of /sys.
 *
 * The permissions are those that sysfs shows, so that the kernel enforces them, and an
 * administrator may change them, with chmod(2) as on a real machine. The user who runs the
 * daemon is what root is there. Two bits that no attribute of sysfs has are marks. They are
 * not the set-id bits, which a service may be forbidden to set (systemd's
 * RestrictSUIDSGID=):
 *
 *	S_ISVTX	the file is an attribute of the daemon's tree
 *	S_IXGRP	reading it fails, as dax_attr_mode_read_error() says; the file is empty
 */
#ifndef DAX_ATTRMODE_H
#define DAX_ATTRMODE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define DAX_ATTR_MODE_SHOWN 0666

/* Turn the mode that sysfs shows (0444, 0400, 0200, 0644, 0600) into the file's. */
static inline uint32_t dax_attr_mode_encode(uint32_t shown, bool has_read_error)
{
	return S_ISVTX | (shown & DAX_ATTR_MODE_SHOWN) | (has_read_error ? S_IXGRP : 0);
}

/* The same for a file that exists: @mode is its mode. */
static inline uint32_t dax_attr_mode_change(uint32_t mode, uint32_t shown)
{
	return dax_attr_mode_encode(shown, mode & S_IXGRP);
}

/* True if a file with this mode is an attribute of the daemon's tree. */
static inline bool dax_attr_mode_is_ours(uint32_t mode)
{
	return S_ISREG(mode) && (mode & S_ISVTX);
}

/*
 * The errno with which reading fails, or 0. A file that can't be written is `resource`
 * or `size` of an empty seed; one that can is power/autosuspend_delay_ms, which needs
 * support by a driver.
 */
static inline int dax_attr_mode_read_error(uint32_t mode)
{
	if (!(mode & S_IXGRP))
		return 0;
	return mode & S_IWUSR ? EIO : ENXIO;
}

/* Turn the file's mode into the one that stat(2) shows, without the type bits. */
static inline uint32_t dax_attr_mode_decode(uint32_t mode)
{
	return mode & DAX_ATTR_MODE_SHOWN;
}

#endif
