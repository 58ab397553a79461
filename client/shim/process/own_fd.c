/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Know the descriptors of the shim, which the program must not find.
 *
 * With a real device there are none: so the number of such a descriptor is not open (EBADF),
 * it cannot be closed, and /proc/self/fd does not list it. A program may still close one in
 * a way that the shim does not see (close_range(2)), and get its number for a file of its
 * own. So a number counts as the shim's only as long as its file is the one that it had.
 */
#include "client/shim/process/own_fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"

#define NR_OWN 64

struct own {
	int32_t state; /* 0: unused; -1: being written; else the number plus 1 */
	uint64_t dev;
	uint64_t ino;
};

static struct own own[NR_OWN];

uint64_t shim_own_fd_range;
int32_t shim_own_fd_thread;
void (*shim_own_fd_on_add)(int fd);

static void extend_range(int fd)
{
	uint64_t range = __atomic_load_n(&shim_own_fd_range, __ATOMIC_RELAXED);
	uint64_t wanted;

	do {
		uint32_t first = range ? (uint32_t)range : (uint32_t)fd;
		uint32_t end = (uint32_t)(range >> 32) + first;

		first = (uint32_t)fd < first ? (uint32_t)fd : first;
		end = (uint32_t)fd >= end ? (uint32_t)fd + 1 : end;
		wanted = (uint64_t)(end - first) << 32 | first;
	} while (!__atomic_compare_exchange_n(&shim_own_fd_range, &range, wanted, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/**
 * shim_own_fd_add() - hide a descriptor from the program
 * @fd:	the descriptor
 *
 * Async-signal-safe. If there are too many, it is not hidden.
 */
SHIM_COLD void shim_own_fd_add(int fd)
{
	struct stat st;
	int i;

	if (sys2(fstat, fd, &st) < 0)
		return;
	for (i = 0; i < NR_OWN; i++) {
		int32_t state = __atomic_load_n(&own[i].state, __ATOMIC_RELAXED);

		if ((state && state != fd + 1) ||
		    !__atomic_compare_exchange_n(&own[i].state, &state, -1, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		own[i].dev = st.st_dev;
		own[i].ino = st.st_ino;
		__atomic_store_n(&own[i].state, fd + 1, __ATOMIC_RELEASE);
		extend_range(fd);
		if (shim_own_fd_on_add)
			shim_own_fd_on_add(fd);
		return;
	}
}

/**
 * shim_own_fd_look() - do what shim_own_fd_is() does, for a number in the range
 * @fd:	the number
 */
SHIM_COLD bool shim_own_fd_look(int fd)
{
	struct stat st;
	int i;

	for (i = 0; i < NR_OWN; i++) {
		int32_t state = fd + 1;

		if (__atomic_load_n(&own[i].state, __ATOMIC_ACQUIRE) != state)
			continue;
		if (sys2(fstat, fd, &st) == 0 && st.st_dev == own[i].dev &&
		    st.st_ino == own[i].ino)
			return true;
		__atomic_compare_exchange_n(&own[i].state, &state, 0, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return false;
}

/* Return: the number, or -1 if the name is none. */
static int number_of(const char *name)
{
	int n = 0;

	if (*name < '1' || *name > '9')
		return -1;
	for (; *name >= '0' && *name <= '9' && n < INT_MAX / 10 - 1; name++)
		n = n * 10 + (*name - '0');
	return *name ? -1 : n;
}

/**
 * shim_own_fd_has_name() - tell whether a name is the number of such a descriptor
 * @name:	name of a file
 *
 * Async-signal-safe.
 *
 * Return: true if it is.
 */
bool shim_own_fd_has_name(const char *name)
{
	const int n = number_of(name);

	return n > 0 && shim_own_fd_is(n);
}

/* Return: the part of a path behind /proc/123, the directory of this process, or NULL. */
static const char *behind_process(const char *path)
{
	const char *p = path + 6;
	long pid = 0;

	if (strncmp(path, "/proc/", 6) != 0)
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++)
		pid = pid * 10 + (*p - '0');
	return pid == sys0(getpid) ? p : NULL;
}

/* True if the path is that of the descriptors of this process: /proc/123/fd, .../fdinfo. */
static bool is_list(const char *path)
{
	const char *p = behind_process(path);

	if (p && !strncmp(p, "/task/", 6))
		for (p += 6; *p >= '0' && *p <= '9'; p++)
			;
	return p && (!strcmp(p, "/fd") || !strcmp(p, "/fdinfo"));
}

static bool is_list_of_threads(const char *path)
{
	const char *p = behind_process(path);

	return p && !strcmp(p, "/task");
}

/* Reads the path of a directory. Return: false if it does not fit. */
static bool read_path(int dirfd, char path[64])
{
	char link[SHIM_SELF_FD_LINK];
	long n;

	shim_self_fd_link(dirfd, link);
	n = sys4(readlinkat, AT_FDCWD, link, path, 63);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return true;
}

/**
 * shim_own_fd_is_list() - tell whether a directory lists descriptors or threads of this process
 * @dirfd:	the directory
 *
 * Async-signal-safe.
 *
 * Return: true if it is /proc/self/fd, /proc/self/task, or one like these.
 */
SHIM_COLD bool shim_own_fd_is_list(int dirfd)
{
	char path[64];

	return read_path(dirfd, path) && (is_list(path) || is_list_of_threads(path));
}

/**
 * shim_own_fd_look_at_entry() - do what shim_own_fd_is_entry() does
 * @dirfd, @name:	its arguments
 */
SHIM_COLD bool shim_own_fd_look_at_entry(int dirfd, const char *name)
{
	char path[64];
	const int n = number_of(name);

	if (n > 0 && n == __atomic_load_n(&shim_own_fd_thread, __ATOMIC_RELAXED) &&
	    read_path(dirfd, path) && is_list_of_threads(path))
		return true;
	return shim_own_fd_has_name(name) && read_path(dirfd, path) && is_list(path);
}

/**
 * shim_own_fd_look_at_path() - do what shim_own_fd_is_path() does
 * @dirfd, @path:	its arguments
 */
SHIM_COLD bool shim_own_fd_look_at_path(int dirfd, const char *path)
{
	const char *name = path;
	char dir[64];
	bool is_ours;
	const char *p;
	long fd;

	for (p = path; *p; p++)
		if (*p == '/')
			name = p + 1;
	if (!shim_own_fd_has_name(name) || (size_t)(name - path) >= sizeof(dir))
		return false;
	memcpy(dir, path, (size_t)(name - path));
	dir[name - path] = '\0';
	fd = sys3(openat, dirfd, name == path ? "." : dir,
		  O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_ours = shim_own_fd_look_at_entry((int)fd, name);
	sys1(close, fd);
	return is_ours;
}
