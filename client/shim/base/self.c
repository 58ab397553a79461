/* SPDX-License-Identifier: BSD-2-Clause */
/* This process and its threads, as the kernel and /proc describe them. */
#include "client/shim/base/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "client/shim/base/sys.h"

/**
 * shim_self_who() - describe this process to fault rules that are not for every process
 * @ret:	receives its id, user and name
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
 * Return: nanoseconds.
 */
uint64_t shim_self_now_ns(void)
{
	struct timespec ts;

	sys2(clock_gettime, CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/**
 * shim_self_sleep_until() - sleep until a moment of the monotonic clock
 * @ns:	the moment, in nanoseconds
 *
 * Signals do not end the sleep. Async-signal-safe.
 */
void shim_self_sleep_until(uint64_t ns)
{
	const struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000)};

	while (sys4(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == -EINTR)
		;
}

/* Reads what /proc says of a thread of this process. Return: how much, or an error. */
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
 * @comm:	receives the name, or "" if it can't be read
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
 * shim_self_uid() - read the real user of a thread of this process
 * @tid:	the thread
 *
 * For threads of the shim, which have given up what they were. Async-signal-safe.
 *
 * Return: the user id; the caller's own if it can't be read.
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

/* Writes @n in decimal. Return: where the text ends. */
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
 * shim_self_fd_link() - write the path of the link in /proc that a descriptor has
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
 * shim_self_task_path() - write the path of a file in /proc about a thread
 * @tid:	the thread
 * @name:	of the file, with a slash before it
 * @buf:	receives the path
 *
 * Async-signal-safe.
 */
void shim_self_task_path(int32_t tid, const char *name, char buf[SHIM_SELF_TASK_PATH])
{
	static const char tasks[] = "/proc/self/task/";

	memcpy(buf, tasks, sizeof(tasks));
	strcpy(write_number(buf + sizeof(tasks) - 1, (unsigned int)tid), name);
}
