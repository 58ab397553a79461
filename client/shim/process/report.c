/* SPDX-License-Identifier: BSD-2-Clause */
/* Report calls to daxrun: the refused ones, or with --trace every dax call. */
#include "client/shim/process/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "libcore/device.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"

/* How long a call may wait for a slow reader of the trace. */
#define TRACE_TIMEOUT_S 2

static void send_event(const struct shim_session *s, const struct dax_event *ev)
{
	struct timeval timeout = {.tv_sec = TRACE_TIMEOUT_S};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int flags = MSG_NOSIGNAL;
	long fd;

	memcpy(addr.sun_path, s->log_path, sizeof(addr.sun_path));
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = '\0'; /* the abstract namespace */
	fd = sys3(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (s->log == SHIM_LOG_ALL)
		sys5(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	else
		flags |= MSG_DONTWAIT; /* rather lose a report than delay the program */
	sys6(sendto, fd, ev, sizeof(*ev), flags, &addr, sizeof(addr));
	sys1(close, fd);
}

/* @name: of the device or attribute. Only its end is sent if it is too long. */
static SHIM_COLD void report_event(const struct shim_session *s,
				   const struct shim_call *call, const char *name,
				   const struct dax_verdict *v, uint64_t result)
{
	struct dax_event ev = {.magic = DAX_EVENT_MAGIC, .call = call->call, .v = *v};
	size_t len = strlen(name);
	size_t skip = len >= sizeof(ev.dev) ? len - sizeof(ev.dev) + 1 : 0;

	memcpy(ev.dev, name + skip, len - skip);
	memcpy(ev.arg, call->args, sizeof(ev.arg));
	ev.pid = (int32_t)sys0(getpid);
	ev.tid = (int32_t)sys0(gettid);
	sys5(prctl, PR_GET_NAME, ev.comm, 0, 0, 0);
	ev.result = result;
	send_event(s, &ev);
}

static SHIM_COLD void report_slot(const struct shim_session *s,
				  const struct shim_call *call, uint32_t slot,
				  const struct dax_verdict *v, uint64_t result)
{
	struct dax_device dev;

	dax_state_read(s->state, slot, &dev);
	report_event(s, call, dev.name, v, result);
}

static bool is_event_wanted(const struct shim_session *s, const struct dax_verdict *v)
{
	return unlikely(s->log >
			(dax_verdict_is_told(v) ? SHIM_LOG_NONE : SHIM_LOG_REFUSALS));
}

/**
 * shim_report() - report a call on a device to daxrun
 * @s:		the session
 * @call:	the call and its arguments
 * @slot:	slot of the device
 * @v:		the verdict
 * @result:	what an allowed call returned
 *
 * Does nothing unless daxrun has requested reports of such calls (enum shim_log).
 *
 * Async-signal-safe.
 */
void shim_report(const struct shim_session *s, const struct shim_call *call,
		 uint32_t slot, const struct dax_verdict *v, uint64_t result)
{
	if (is_event_wanted(s, v))
		report_slot(s, call, slot, v, result);
}

/**
 * shim_report_name() - report a call on a file that is not a device
 * @s:		the session
 * @call:	the call and its arguments
 * @name:	name of the file, for example of a sysfs attribute
 * @v:		the verdict
 *
 * Async-signal-safe.
 */
void shim_report_name(const struct shim_session *s, const struct shim_call *call,
		      const char *name, const struct dax_verdict *v)
{
	if (is_event_wanted(s, v))
		report_event(s, call, name, v, 0);
}

/**
 * shim_report_path() - report a call on a file of the emulated /dev and /sys
 * @s:		the session
 * @call:	the call and its arguments
 * @path:	the file's path, in /dev, in /sys or below the runtime directory
 * @v:		the verdict
 *
 * Async-signal-safe.
 */
void shim_report_path(const struct shim_session *s, const struct shim_call *call,
		      const char *path, const struct dax_verdict *v)
{
	if (!strncmp(path, s->dir, s->dir_len))
		path += s->dir_len;
	if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/sys/", 5))
		path += 5;
	shim_report_name(s, call, path, v);
}

/**
 * shim_report_exec() - report a program that is executed
 * @path:	its path, or an empty string
 * @v:		the verdict; nothing is done if it has no remark
 *
 * Async-signal-safe.
 */
void shim_report_exec(const char *path, const struct dax_verdict *v)
{
	const struct shim_call call = {.call = DAX_CALL_EXEC};
	const struct shim_session *s;

	if (likely(!dax_verdict_is_told(v)))
		return;
	s = shim_session();
	if (s)
		shim_report_name(s, &call, path, v);
}

/**
 * shim_report_vma() - report a call on a dax mapping
 * @call:	the call and its arguments
 * @vma:	the mapping; must be a copy if the lock is not held
 * @v:		the verdict
 * @result:	what an allowed call returned
 *
 * Async-signal-safe.
 */
void shim_report_vma(const struct shim_call *call, const struct dax_vma *vma,
		     const struct dax_verdict *v, uint64_t result)
{
	const struct shim_session *s = shim_session_if_known();

	if (unlikely(s && s->log != SHIM_LOG_NONE))
		shim_report(s, call, vma->slot, v, result);
}

/**
 * shim_report_range() - report a call on a range if there is a dax mapping in it
 * @call:	the call; its first two arguments are the address and length of the range
 * @v:		the verdict
 *
 * The report names the device of the first mapping in the range. Takes the lock: must not
 * be called with the lock held. Async-signal-safe.
 */
void shim_report_range(const struct shim_call *call, const struct dax_verdict *v)
{
	const struct shim_session *s = shim_session_if_known();
	const struct dax_vma *first;
	struct dax_vma vma = {0};
	uint64_t mask;

	if (likely(!s || s->log == SHIM_LOG_NONE) || !shim_lock_masked(&mask))
		return;
	first = shim_maps_first_in_locked(call->args[0], call->args[1]);
	if (first)
		vma = *first;
	shim_unlock_masked(mask);
	if (vma.end)
		shim_report_vma(call, &vma, v, 0);
}
