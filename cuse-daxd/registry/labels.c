/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The label storage areas of CXL memory devices.
 *
 * Each is a sealed memfd, made at the first use. The shim of a program that has opened the
 * node reads and writes it. The labels are lost when the daemon ends.
 */
#include "cuse-daxd/registry/labels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/cxl.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"

/**
 * daxd_labels_open() - open the label storage area of a memory device
 * @node:	the device, of CXL
 *
 * Return: its descriptor, owned by @node, or a negative errno.
 */
int daxd_labels_open(struct daxd_device *node)
{
	_cleanup_close_ int fd = -1;
	char name[32];

	if (node->labels_fd >= 0)
		return node->labels_fd;
	snprintf(name, sizeof(name), "mem%d labels", node->memdev);
	fd = daxd_file_make_memfd(name, MFD_ALLOW_SEALING);
	/* Without a mode, only its owner can open it by way of /proc/PID/fd. */
	if (fd < 0 || ftruncate(fd, DAX_CXL_LABELS) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
	    fchmod(fd, 0) < 0)
		return -errno;
	node->labels_fd = TAKE_FD(fd);
	return node->labels_fd;
}
