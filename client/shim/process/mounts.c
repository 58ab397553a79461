/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Show the program a mounted debugfs, if there is CXL in it: cxl looks for it in
 * /proc/mounts, and cxl 85 crashes where there is none.
 */
#include "client/shim/process/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/session.h"

#define LINE "debugfs /sys/kernel/debug debugfs rw,nosuid,nodev,noexec,relatime 0 0\n"

static bool is_mounts(const char *path)
{
	return !strcmp(path, "/proc/mounts") || !strcmp(path, "/proc/self/mounts");
}

/* Copy a file. Return: true if no line of it is about the place where debugfs belongs. */
static bool copy_lines(int to, int from)
{
	static const char place[] = " /sys/kernel/debug ";
	char buf[4096 + 1];
	size_t have = 0; /* the end of what was copied, which may begin the words */
	bool is_missing = true;
	long n;

	while ((n = sys3(read, from, buf + have, sizeof(buf) - 1 - have)) > 0) {
		const size_t all = have + (size_t)n;

		sys3(write, to, buf + have, n);
		buf[all] = '\0';
		if (strstr(buf, place))
			is_missing = false;
		have = all < sizeof(place) ? all : sizeof(place);
		memmove(buf, buf + all - have, have);
	}
	return is_missing;
}

/**
 * shim_mounts_open() - open the list of mounts as the program must see it
 * @path:	any path
 * @flags:	flags of open(2)
 *
 * Async-signal-safe.
 *
 * Return: a descriptor of a copy with debugfs in it, which the caller must close; a negative
 * errno; -EXDEV: the program must get the kernel's own file.
 */
SHIM_COLD int shim_mounts_open(const char *path, int flags)
{
	const struct shim_session *s;
	long from;
	long to;

	if (!is_mounts(path) || (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)) != O_RDONLY)
		return -EXDEV;
	s = shim_session();
	if (!s || !s->names.cxl_major)
		return -EXDEV;
	from = sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return (int)from;
	to = sys2(memfd_create, "mounts", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (to >= 0) {
		if (copy_lines((int)to, (int)from))
			sys3(write, to, LINE, strlen(LINE));
		sys3(lseek, to, 0, SEEK_SET);
	}
	sys1(close, from);
	return (int)to;
}
