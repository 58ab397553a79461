/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a device, as its users decide.
 *
 * Only a sealed memfd keeps its size whoever has a descriptor of it. So a device gets
 * other memory only if nobody but root and the daemon's own user may write to it: these
 * can do worse to each other's processes.
 */
#include "cuse-daxd/registry/memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/note.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

/* True if the mode and the owner of the node let only the daemon's user and root write. */
static bool is_private(const struct daxd_device *dev)
{
	char path[16 + DAX_NAME_LEN];
	struct stat st;

	if (dev->perms.mode & (S_IWGRP | S_IWOTH) || !daxd_uid_is_trusted(dev->perms.uid))
		return false;
	/* chmod and chown may have changed the node since. */
	snprintf(path, sizeof(path), DAXD_HANDLES "/%s", dev->desc.name);
	if (fstatat(dev->reg->rt->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return !(st.st_mode & (S_IWGRP | S_IWOTH)) && daxd_uid_is_trusted(st.st_uid);
}

/**
 * daxd_memory_choose() - choose the memory of a device, before anybody gets it
 * @dev:	the device, of a region
 * @uid:	the user who gets it
 *
 * Only the first call for a store does anything.
 *
 * Return: true if the device has other memory than before: note it (daxd_memory_note()).
 */
bool daxd_memory_choose(const struct daxd_device *dev, uid_t uid)
{
	struct daxd_store *store = dev->store;
	ino_t ino;

	if (!store || store->is_chosen)
		return false;
	ino = store->ino;
	daxd_store_choose(store, daxd_uid_is_trusted(uid) && is_private(dev));
	return store->ino != ino;
}

/**
 * daxd_memory_note() - note the memory of all devices for the next daemon
 * @reg:	the registry
 */
void daxd_memory_note(const struct daxd_registry *reg)
{
	int r = daxd_note_write(reg);

	if (r < 0)
		daxd_warning("the note of the devices' memory can't be written: %s: a "
			     "restart will not find it, continuing",
			     strerror(-r));
}
