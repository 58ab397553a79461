/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of stat(2) and statx(2) for device nodes and sysfs attributes. */
#include "libcore/stat.h"

#include <linux/stat.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/size.h"

/**
 * dax_stat_node() - turn the stat of a handle into that of the device's node
 * @dev:	the device
 * @devtmpfs:	st_dev of nodes in /dev on this host
 * @st:		stat of the handle; its permission bits, owner, times and inode stay
 *
 * A character device has no size, and a page as block size (fs/inode.c:
 * init_special_inode(), fs/stat.c: generic_fillattr()).
 */
void dax_stat_node(const struct dax_device *dev, dev_t devtmpfs, struct stat *st)
{
	st->st_mode = S_IFCHR | (st->st_mode & 0777);
	st->st_rdev = makedev(dev->major, dev->minor);
	st->st_dev = devtmpfs;
	st->st_size = 0;
	st->st_blksize = DAX_PAGE;
	st->st_blocks = 0;
}

/**
 * dax_stat_attr() - turn the stat of an attribute's file into that of the attribute
 * @sysfs:	st_dev of /sys on this host
 * @st:		stat of the file, whose mode attrmode.h has encoded
 *
 * Every attribute has one link and a page as size (fs/sysfs/file.c:
 * sysfs_add_file_mode_ns()).
 */
void dax_stat_attr(dev_t sysfs, struct stat *st)
{
	st->st_mode = S_IFREG | dax_attr_mode_decode(st->st_mode);
	st->st_nlink = 1;
	st->st_dev = sysfs;
	st->st_size = DAX_PAGE;
	st->st_blksize = DAX_PAGE;
	st->st_blocks = 0;
}

/**
 * dax_stat_attributes() - the statx attributes that only a dax device's node has
 * @dev:	the device
 * @was_opened:	true if this process has opened it
 *
 * The driver marks the inode at the first open (drivers/dax/device.c: dax_open()); that
 * for famfs does not (drivers/dax/fsdev.c).
 *
 * Return: STATX_ATTR_DAX, or 0 before the first open.
 */
uint64_t dax_stat_attributes(const struct dax_device *dev, bool was_opened)
{
	if (dev->flags & DAX_DEVICE_FAMFS)
		return 0;
	return dev->flags & DAX_DEVICE_OPENED || was_opened ? STATX_ATTR_DAX : 0;
}
