/* SPDX-License-Identifier: BSD-2-Clause */
/* Identity and clock of this process and its threads, from system calls and /proc. */
#include "client/shim/base/self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "client/shim/base/sys.h"

/**
 * shim_self_who() - describe this process, for fault rules limited to some processes
 * @ret:	receives the process id, user id and name
 *
 * The name and the user are those of the main thread. Async-signal-safe.
 */
void shim_self_who(struct dax_fault_who *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = (int32_t)sys0(getpid);
	ret->uid = shim_self_uid(ret->pid);
	shim_self_comm(ret->pid, ret->comm);
}

/**
 * shim_self_now_ns() - read the monotonic clock
 *
 * Async-signal-safe.
 *
 * Return: the time in nanoseconds.
 */
uint64_t shim_self_now_ns(void)
{
	struct timespec ts;

	sys2(clock_gettime, CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/**
 * shim_self_sleep_until() - sleep until the monotonic clock reaches a time
 * @ns:	the time, in nanoseconds
 *
 * A signal does not end the sleep. Async-signal-safe.
 */
void shim_self_sleep_until(uint64_t ns)
{
	const struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000)};

	while (sys4(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == -EINTR)
		;
}

/*
 * Reads a file about a thread of this process from /proc. Return: the bytes read, or a
 * negative errno.
 */
static long read_task(int32_t tid, const char *name, char *buf, size_t size)
{
	char path[SHIM_SELF_TASK_PATH];
	long fd;
	long n;

	shim_self_task_path(tid, name, path);
	fd = sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	n = sys3(read, fd, buf, size);
	sys1(close, fd);
	return n;
}

/**
 * shim_self_comm() - read the name of a thread of this process
 * @tid:	the thread
 * @comm:	receives the name, or "" if it cannot be read
 *
 * Async-signal-safe.
 */
void shim_self_comm(int32_t tid, char comm[DAX_FAULT_COMM_LEN])
{
	long n;

	memset(comm, 0, DAX_FAULT_COMM_LEN);
	n = read_task(tid, "/comm", comm, DAX_FAULT_COMM_LEN);
	if (n > 0)
		comm[n - 1] = '\0';
}

/**
 * shim_self_uid() - read the real user id of a thread of this process
 * @tid:	the thread
 *
 * Threads of the shim need this: they have changed their own user id
 * (shim_thread_be_small()). Async-signal-safe.
 *
 * Return: the user id, or that of the calling thread if /proc cannot be read.
 */
uint32_t shim_self_uid(int32_t tid)
{
	char text[512] = "";
	long n = read_task(tid, "/status", text, sizeof(text) - 1);
	const char *p = n > 0 ? strstr(text, "\nUid:\t") : NULL;
	uint32_t uid = 0;

	if (!p)
		return (uint32_t)sys0(getuid);
	for (p += strlen("\nUid:\t"); *p >= '0' && *p <= '9'; p++)
		uid = uid * 10 + (uint32_t)(*p - '0');
	return uid;
}

/* Writes @n in decimal, terminated. Return: the end of the text. */
static char *write_number(char *to, unsigned int n)
{
	char digits[12];
	int i = sizeof(digits);

	digits[--i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	memcpy(to, &digits[i], sizeof(digits) - (size_t)i);
	return to + sizeof(digits) - (size_t)i - 1;
}

/**
 * shim_self_fd_link() - write the path of a descriptor's link in /proc
 * @dirfd:	the descriptor, or AT_FDCWD for the working directory
 * @buf:	receives "/proc/self/fd/N" or "/proc/self/cwd"
 *
 * Async-signal-safe.
 */
void shim_self_fd_link(int dirfd, char buf[SHIM_SELF_FD_LINK])
{
	static const char fds[] = "/proc/self/fd/";

	if (dirfd == AT_FDCWD) {
		strcpy(buf, "/proc/self/cwd");
		return;
	}
	memcpy(buf, fds, sizeof(fds));
	write_number(buf + sizeof(fds) - 1, (unsigned int)dirfd);
}

/**
 * shim_self_is_pidfd() - tell whether a pidfd is one of this process
 * @fd:		the descriptor
 *
 * Async-signal-safe.
 *
 * Return: true if it is.
 */
bool shim_self_is_pidfd(int fd)
{
	static const char infos[] = "/proc/self/fdinfo/";
	char path[sizeof(infos) + 12];
	char text[512] = "";
	const char *p;
	long pid = 0;
	long file;

	if (fd >= SHIM_PIDFD_SELF_FIRST && fd <= SHIM_PIDFD_SELF_LAST)
		return true;
	if (fd < 0)
		return false;
	memcpy(path, infos, sizeof(infos));
	write_number(path + sizeof(infos) - 1, (unsigned int)fd);
	file = sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	sys3(read, file, text, sizeof(text) - 1);
	sys1(close, file);
	p = strstr(text, "\nPid:\t");
	if (!p)
		return false;
	for (p += strlen("\nPid:\t"); *p >= '0' && *p <= '9'; p++)
		pid = pid * 10 + (*p - '0');
	return pid == sys0(getpid);
}

/**
 * shim_self_has_capability() - tell whether the process has a capability in force
 * @capability:	CAP_SYS_ADMIN or another
 *
 * Async-signal-safe.
 *
 * Return: true if it has.
 */
bool shim_self_has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return sys2(capget, &header, data) == 0 &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/**
 * shim_self_task_path() - write the path of a file about a thread in /proc
 * @tid:	the thread
 * @name:	name of the file, with a leading slash
 * @buf:	receives "/proc/self/task/TID/name"
 *
 * Async-signal-safe.
 */
void shim_self_task_path(int32_t tid, const char *name, char buf[SHIM_SELF_TASK_PATH])
{
	static const char tasks[] = "/proc/self/task/";

	memcpy(buf, tasks, sizeof(tasks));
	strcpy(write_number(buf + sizeof(tasks) - 1, (unsigned int)tid), name);
}
