/* SPDX-License-Identifier: BSD-2-Clause */
/* Count, log and report injected faults. */
#include "cuse-daxd/faults/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/fault_format.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/quota.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/faults/list.h"
#include "cuse-daxd/base/json.h"

#define PIDS_MAX     4096       /* processes that are counted */
#define WARNINGS_MAX 8          /* of each rule */
#define LOG_MAX      (64 << 20) /* bytes */

/**
 * daxd_tally_open_log() - open the log of faults
 * @faults:	all of them
 * @where:	a file, or the number of an inherited descriptor; NULL: none
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_tally_open_log(struct daxd_faults *faults, const char *where,
			struct daxd_why *why)
{
	struct stat st;
	uint64_t fd;

	if (!where)
		return 0;
	if (g_ascii_string_to_unsigned(where, 10, 0, INT_MAX, &fd, NULL))
		faults->log_fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	else
		faults->log_fd = open(where,
				      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
					      O_NOCTTY | O_NONBLOCK,
				      0600);
	if (faults->log_fd < 0 || fstat(faults->log_fd, &st) < 0)
		return daxd_fail(why, errno,
				 "fault-log: '%s' can't be opened: %s (give a file or an "
				 "open descriptor)",
				 where, strerror(errno));
	faults->is_log_file = S_ISREG(st.st_mode);
	faults->log_len = (uint64_t)st.st_size;
	return 0;
}

/* Tell in the log, and in the daemon's own, that the log ends here. */
static void tell_full(struct daxd_faults *faults)
{
	struct timespec ts;

	if (faults->is_log_full)
		return;
	faults->is_log_full = true;
	clock_gettime(CLOCK_REALTIME, &ts);
	dprintf(faults->log_fd, "{ \"time\": %jd.%06ld, \"full\": true }\n",
		(intmax_t)ts.tv_sec, ts.tv_nsec / 1000);
	daxd_warning("fault-log: it has reached its limit of %d MiB, continuing without "
		     "(move it away and restart the daemon)",
		     LOG_MAX >> 20);
}

/* True if a line may be written: there is room, and the write will not block. */
static bool has_log_room(struct daxd_faults *faults, size_t len, bool is_others)
{
	struct pollfd pfd = {.fd = faults->log_fd, .events = POLLOUT};

	if (!faults->is_log_file)
		return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLOUT;
	if (faults->log_len + len <= LOG_MAX &&
	    (!is_others || faults->log_len_others + len <= daxd_quota_of_others(LOG_MAX)))
		return true;
	tell_full(faults);
	return false;
}

static void put_line(struct daxd_faults *faults, uid_t uid, const char *line)
{
	bool is_others = !daxd_uid_is_trusted(uid);
	size_t len = strlen(line);

	if (!has_log_room(faults, len, is_others)) {
		faults->log_lost++;
		return;
	}
	/* One write per line, so that several daemons can share one file. */
	if (write(faults->log_fd, line, len) < 0) {
		daxd_debug("fault log: %s", strerror(errno));
		faults->log_lost++;
		return;
	}
	faults->log_len += len;
	faults->log_len_others += is_others ? len : 0;
}

static void write_log(struct daxd_faults *faults, const struct dax_fault_event *ev,
		      const struct daxd_fault *f)
{
	g_autofree char *line = NULL;
	struct json_object *json;
	struct timespec ts;
	char error[DAX_ERRNO_STRLEN];
	char text[64];

	if (faults->log_fd < 0)
		return;
	json = json_object_new_object();
	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(text, sizeof(text), "%jd.%06ld", (intmax_t)ts.tv_sec, ts.tv_nsec / 1000);
	json_object_object_add(
		json, "time", json_object_new_double_s(g_ascii_strtod(text, NULL), text));
	json_object_object_add(json, "rule", json_object_new_int64(ev->rule));
	json_object_object_add(json, "pid", json_object_new_int(ev->pid));
	json_object_object_add(json, "thread", json_object_new_int(ev->tid));
	json_object_object_add(json, "comm", json_object_new_string(ev->comm));
	json_object_object_add(json, "call",
			       json_object_new_string(dax_fault_call_name(
				       (enum dax_fault_call)ev->call)));
	json_object_object_add(json, "device", json_object_new_string(ev->device));
	snprintf(text, sizeof(text), "0x%jx", (uintmax_t)ev->address);
	json_object_object_add(json, "address", json_object_new_string(text));
	json_object_object_add(json, "offset", json_object_new_uint64(ev->off));
	if (f)
		json_object_object_add(json, "fault", json_object_new_string(f->text));
	if (ev->error)
		json_object_object_add(json, "refused",
				       json_object_new_string(
					       dax_errno_text((int)ev->error, error)));
	line = g_strconcat(json_object_to_json_string_ext(
				   json, JSON_C_TO_STRING_SPACED |
						 JSON_C_TO_STRING_NOSLASHESCAPE),
			   "\n", NULL);
	json_object_put(json);
	put_line(faults, ev->uid, line);
}

/* True if one more process of a user may be counted. */
static bool has_pid_room(const struct daxd_faults *faults, uid_t uid)
{
	struct daxd_quota_use use = {0};
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, faults->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		daxd_quota_count(&use, ((const struct daxd_fault_count *)value)->uid,
				 uid);
	return daxd_quota_has_room(&use, uid, PIDS_MAX,
				   daxd_uid_is_trusted(uid) ? PIDS_MAX : PIDS_MAX / 4);
}

static void count_event(struct daxd_faults *faults, const struct dax_fault_event *ev)
{
	struct daxd_fault_count *c =
		g_hash_table_lookup(faults->by_pid, GINT_TO_POINTER(ev->pid));
	gpointer old;

	faults->given++;
	faults->last = *ev;
	old = g_hash_table_lookup(faults->by_name, ev->device);
	g_hash_table_insert(faults->by_name, g_strdup(ev->device),
			    GSIZE_TO_POINTER(GPOINTER_TO_SIZE(old) + 1));
	/* Another process may have had the number before. */
	if (c && c->uid != ev->uid) {
		g_hash_table_remove(faults->by_pid, GINT_TO_POINTER(ev->pid));
		c = NULL;
	}
	if (!c && has_pid_room(faults, ev->uid)) {
		c = g_new0(struct daxd_fault_count, 1);
		c->pid = ev->pid;
		c->uid = ev->uid;
		g_hash_table_insert(faults->by_pid, GINT_TO_POINTER(ev->pid), c);
	}
	if (c) {
		memcpy(c->comm, ev->comm, sizeof(c->comm));
		c->given++;
	}
}

/**
 * daxd_tally_count() - count an injected fault, log it, send an event
 * @faults:	all of them
 * @ev:		the fault
 * @f:		the rule that injected it; NULL: none, a program touched bad memory
 */
void daxd_tally_count(struct daxd_faults *faults, const struct dax_fault_event *ev,
		      struct daxd_fault *f)
{
	count_event(faults, ev);
	if (f)
		f->given++;
	write_log(faults, ev, f);
	if (faults->on_event)
		faults->on_event(faults->ctx, ev);
}

/**
 * daxd_tally_refuse() - report that a rule can't be applied in a process
 * @faults:	all of them
 * @ev:		the process and the errno
 * @f:		the rule
 */
void daxd_tally_refuse(struct daxd_faults *faults, const struct dax_fault_event *ev,
		       struct daxd_fault *f)
{
	char error[DAX_ERRNO_STRLEN];

	f->refused++;
	write_log(faults, ev, f);
	if (faults->on_event)
		faults->on_event(faults->ctx, ev);
	if (f->refused <= WARNINGS_MAX)
		daxd_warning("fault rule %u (%s): %s: %s[%d]: touches can't be delayed "
			     "there, userfaultfd(2) fails with %s, continuing without%s",
			     f->rule.id, f->text, ev->device, ev->comm, ev->pid,
			     dax_errno_text((int)ev->error, error),
			     f->refused == WARNINGS_MAX ? " (others are only counted)"
							: "");
}

/**
 * daxd_tally_report() - write which faults were injected, for daxrun to print in words
 * @faults:	may be NULL
 * @fd:		the descriptor to write to; -1: none
 *
 * Lines "given N", "rule ID N WORDS", "refused ID PROCESSES", "process PID N COMM",
 * "last PID CALL DEVICE OFFSET".
 */
void daxd_tally_report(const struct daxd_faults *faults, int fd)
{
	const struct daxd_fault_count *c;
	GHashTableIter iter;
	gpointer value;
	guint i;

	if (!faults || fd < 0)
		return;
	dprintf(fd, "given %ju\n", (uintmax_t)faults->given);
	for (i = 0; i < faults->rules->len; i++) {
		const struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		dprintf(fd, "rule %u %ju %s\n", f->rule.id, (uintmax_t)f->given, f->text);
		if (f->refused)
			dprintf(fd, "refused %u %ju\n", f->rule.id,
				(uintmax_t)f->refused);
	}
	g_hash_table_iter_init(&iter, faults->by_pid);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		c = value;
		dprintf(fd, "process %d %ju %s\n", c->pid, (uintmax_t)c->given, c->comm);
	}
	if (faults->given)
		dprintf(fd, "last %d %s %s 0x%jx\n", faults->last.pid,
			dax_fault_call_name((enum dax_fault_call)faults->last.call),
			faults->last.device[0] ? faults->last.device : "-",
			(uintmax_t)faults->last.off);
}
