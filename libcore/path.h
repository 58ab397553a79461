/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths that the emulator serves: nodes in /dev, subtrees of /sys, /proc/devices.
 *
 * Each has the same name below the runtime directory: /sys/bus/dax is
 * RUNTIME/sys/bus/dax. A *root* is the path where the emulator's part begins. Anything
 * below a root is below it in the runtime directory, too, and the kernel walks it.
 */
#ifndef DAX_PATH_H
#define DAX_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The facts about devices on which their paths depend. */
struct dax_path_names {
	uint32_t major;
	uint32_t ndctl_major;
	uint32_t cxl_major;  /* 0: none */
	bool has_real_nodes; /* CUSE: /dev/daxX.Y exists for every program */
	bool has_memory;     /* memory blocks of devices replace the machine's */
};

/*
 * Bytes of the target of a symbolic link that stands for a node outside of /dev. Other links
 * seldom have as many, so that the length tells most of them apart.
 */
#define DAX_PATH_COPY_LEN 64

bool dax_path_has_word(const char *path);
bool dax_path_is_root(const struct dax_path_names *names, const char *path, size_t len);
bool dax_path_is_above_root(const char *path, size_t len);
bool dax_path_is_shared_dir(const char *path, size_t len);
bool dax_path_has_blocks(const char *path, size_t len);
void dax_path_write_copy(const char *name, char ret[DAX_PATH_COPY_LEN + 1]);
bool dax_path_is_copy(const char *target, size_t len);

#endif
