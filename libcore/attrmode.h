/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modes of the plain files that hold the attributes of /sys.
 *
 * Everybody may read the file, whatever mode sysfs shows: an ordinary user of the
 * emulator sees what root sees on a real machine, because PMDK can't work without
 * `resource` (0400). The mode that stat(2) shows is encoded in bits that no attribute of
 * sysfs has. They are not the set-id bits, which a service may be forbidden to set
 * (systemd's RestrictSUIDSGID=):
 *
 *	S_ISVTX	the file is an attribute of the daemon's tree
 *	S_IXUSR	the shown mode has no permission for group and others
 *	S_IXGRP	reading it fails, as dax_attr_mode_read_error() says; the file is empty
 *
 * Only the owner may write, as in /sys: the kernel enforces that when the file is
 * opened, and so an administrator may change it with another mode or an ACL.
 */
#ifndef DAX_ATTRMODE_H
#define DAX_ATTRMODE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Turn the mode that sysfs shows (0444, 0400, 0200, 0644, 0600) into the file's. */
static inline uint32_t dax_attr_mode_encode(uint32_t shown, bool has_read_error)
{
	uint32_t mode = S_ISVTX | (shown & S_IWUSR);

	if (shown & (S_IRUSR | S_IRGRP | S_IROTH))
		mode |= S_IRUSR | S_IRGRP | S_IROTH;
	if (!(shown & (S_IRWXG | S_IRWXO)))
		mode |= S_IXUSR;
	if (has_read_error)
		mode |= S_IXGRP;
	return mode;
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
	uint32_t shown = mode & (S_IRUSR | S_IWUSR);

	if (!(mode & S_IXUSR))
		shown |= mode & (S_IRGRP | S_IROTH);
	return shown;
}

#endif
