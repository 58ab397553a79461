/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of stat and statx for a node and for an attribute. */
#include <linux/stat.h>
#include <sys/sysmacros.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/stat.h"

#include "tests/unit/tap.h"

int main(void)
{
	struct dax_device dev = {.name = "dax0.0", .major = 252, .minor = 3};
	struct stat st = {.st_mode = S_IFREG | S_ISVTX | 0640,
			  .st_size = 5,
			  .st_blocks = 8,
			  .st_ino = 77,
			  .st_nlink = 2};

	dax_stat_node(&dev, 6, &st);
	is(st.st_mode, S_IFCHR | 0640, "a node is a character device");
	is(st.st_rdev, makedev(252, 3), "with the device's number");
	is(st.st_dev, 6, "in devtmpfs");
	ok(!st.st_size && !st.st_blocks && st.st_blksize == 4096, "without a size");
	ok(st.st_ino == 77 && st.st_nlink == 2, "inode and links stay");
	st.st_mode = S_IFREG | dax_attr_mode_encode(0200, false);
	dax_stat_attr(23, &st);
	is(st.st_mode, S_IFREG | 0200, "an attribute has the mode that sysfs gives it");
	ok(st.st_dev == 23 && st.st_size == 4096 && st.st_nlink == 1,
	   "and a page of text");
	is(dax_stat_attributes(&dev, false), 0, "no DAX before the first open");
	is(dax_stat_attributes(&dev, true), STATX_ATTR_DAX, "DAX once this process has");
	dev.flags = DAX_DEVICE_OPENED;
	is(dax_stat_attributes(&dev, false), STATX_ATTR_DAX, "or another");
	dev.flags |= DAX_DEVICE_FAMFS;
	is(dax_stat_attributes(&dev, true), 0, "never in the mode famfs");
	return tap_done();
}
