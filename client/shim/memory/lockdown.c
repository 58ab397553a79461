/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepare for programs that give up rights: chroot(2), seccomp(2).
 *
 * On a real machine, an open descriptor of a device suffices to map the device,
 * whatever rights the program has given up in between. The shim also needs the daemon
 * for the first mapping, so it fetches all that it will need before the program gives up
 * its rights. And if a seccomp filter would kill the process for a system call of the
 * shim, which the program knows nothing about, the shim does without that call.
 */
#include "client/shim/memory/lockdown.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libcore/device.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/agent.h"
#include "client/shim/memory/bpf.h"
#include "client/shim/memory/dump.h"
#include "client/shim/memory/sigbus.h"
#include "client/shim/memory/touch.h"

/* Return: the descriptor that an entry of /proc/self/fd names, or -1 if it names none. */
static int number_of(const char *name)
{
	int n = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		n = n * 10 + (*name - '0');
	return *name ? -1 : n;
}

static void fetch_backing(int fd)
{
	struct shim_ident id = shim_ident_fd(fd);
	struct dax_device dev;
	int accmode;

	if (id.kind != SHIM_NODE)
		return;
	accmode = (int)sys2(fcntl, fd, F_GETFL);
	if (accmode & O_PATH || (accmode & O_ACCMODE) == O_WRONLY)
		return;
	dax_state_read(id.session->state, id.slot, &dev);
	if (dax_device_is_alive(&dev) && !(dev.flags & DAX_DEVICE_NDCTL))
		shim_backing(id.session, id.slot, &dev, (accmode & O_ACCMODE) == O_RDWR,
			     fd);
}

/**
 * shim_lockdown_prepare() - fetch all that mappings of open devices will need
 *
 * Must be called before the program gives up rights. Async-signal-safe.
 */
SHIM_COLD void shim_lockdown_prepare(void)
{
	char buf[2048] __attribute__((aligned(8)));
	long dir;
	long n;

	if (!shim_session_if_known() || !shim_request_is_allowed())
		return;
	dir = sys3(openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (dir >= 0 && (n = sys3(getdents64, dir, buf, sizeof(buf))) > 0) {
		long pos;

		for (pos = 0; pos < n;) {
			struct dirent64 *entry = (struct dirent64 *)(void *)(buf + pos);
			int fd = number_of(entry->d_name);

			if (fd >= 0 && fd != dir)
				fetch_backing(fd);
			pos += entry->d_reclen;
		}
	}
	if (dir >= 0)
		sys1(close, dir);
	shim_dump_prepare();
	if (dir >= 0 && shim_maps_touch(0, UINT64_MAX))
		shim_agent_start();
}

/**
 * shim_lockdown_filter_installed() - note that the program has installed a seccomp filter
 * @prog:	its struct sock_fprog, which the kernel must have accepted
 *
 * From now on the shim makes none of the system calls for which the filter kills.
 * Async-signal-safe.
 */
SHIM_COLD void shim_lockdown_filter_installed(const void *prog)
{
	static const int asking[] = {SYS_setsockopt, SYS_connect, SYS_sendmsg,
				     SYS_recvmsg};
	size_t i;

	if (shim_bpf_kills(prog, SYS_userfaultfd, 0))
		shim_touch_forbid();
	if (shim_bpf_kills(prog, SYS_rt_tgsigqueueinfo, (uint64_t)sys0(getpid)))
		shim_sigbus_forbid();
	if (shim_bpf_kills(prog, SYS_socket, AF_UNIX))
		shim_request_forbid();
	for (i = 0; i < sizeof(asking) / sizeof(asking[0]); i++)
		if (shim_bpf_kills(prog, asking[i], 3))
			shim_request_forbid();
}
