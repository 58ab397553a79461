/* SPDX-License-Identifier: BSD-2-Clause */
/* Know the descriptors of the shim, which the program must not find. */
#ifndef SHIM_OWN_FD_H
#define SHIM_OWN_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "client/shim/base/compiler.h"

/* The numbers among which they all are: the first one, and in the upper half how many. */
extern uint64_t shim_own_fd_range;
/* The id of the shim's thread, which the program must not find either; 0: there is none. */
extern int32_t shim_own_fd_thread;
/* Called for each new descriptor, if it is not NULL. */
extern void (*shim_own_fd_on_add)(int fd);

void shim_own_fd_add(int fd);
bool shim_own_fd_look(int fd);
bool shim_own_fd_has_name(const char *name);
bool shim_own_fd_is_list(int dirfd);
bool shim_own_fd_look_at_entry(int dirfd, const char *name);
bool shim_own_fd_look_at_path(int dirfd, const char *path);

/**
 * shim_own_fd_is() - tell whether a descriptor is the shim's
 * @fd:	any number
 *
 * To the program, such a number is not open: EBADF. Async-signal-safe.
 *
 * Return: true if it is.
 */
static inline bool shim_own_fd_is(int fd)
{
	const uint64_t range = __atomic_load_n(&shim_own_fd_range, __ATOMIC_RELAXED);

	return unlikely((uint32_t)fd - (uint32_t)range < (uint32_t)(range >> 32)) &&
	       shim_own_fd_look(fd);
}

/**
 * shim_own_fd_has_entries() - tell whether a directory of /proc may list something hidden
 *
 * Async-signal-safe.
 */
static inline bool shim_own_fd_has_entries(void)
{
	return __atomic_load_n(&shim_own_fd_range, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&shim_own_fd_thread, __ATOMIC_RELAXED);
}

/**
 * shim_own_fd_is_entry() - tell whether an entry of a directory is such a descriptor, or the
 *	shim's thread
 * @dirfd:	the directory, perhaps /proc/self/fd or /proc/self/task
 * @name:	the entry
 *
 * Async-signal-safe.
 *
 * Return: true if the program must not see the entry.
 */
static inline bool shim_own_fd_is_entry(int dirfd, const char *name)
{
	return unlikely(shim_own_fd_has_entries()) &&
	       shim_own_fd_look_at_entry(dirfd, name);
}

/**
 * shim_own_fd_is_path() - tell whether a path leads to such a descriptor
 * @dirfd, @path:	the path, which must be readable
 *
 * Async-signal-safe.
 *
 * Return: true if it is that of one in /proc; to the program, there is none: ENOENT.
 */
static inline bool shim_own_fd_is_path(int dirfd, const char *path)
{
	return unlikely(__atomic_load_n(&shim_own_fd_range, __ATOMIC_RELAXED)) &&
	       shim_own_fd_look_at_path(dirfd, path);
}

#endif
