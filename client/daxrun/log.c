/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines about refusals and, with --trace, about every dax call.
 *
 * The shim sends events as datagrams, which are put into words here. Refusals are
 * limited, as the kernel's own are (printk_ratelimited()); a trace is complete.
 */
#include "client/daxrun/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libcore/event.h"
#include "libcore/kernel.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/wire.h"

#include "client/daxrun/daemon.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

#define REFUSALS_PER_SECOND 20
#define BUFFER_BYTES        (4 << 20)

/*
 * Name the socket: in the private daemon's directory, which the daemon removes even if
 * daxrun is killed. With a running daemon, where nothing may be left behind, in the
 * abstract namespace.
 */
static void name_socket(const struct run_daemon *d, struct run_log *log)
{
	uint64_t number = 0;

	if (d->pid) {
		snprintf(log->path, sizeof(log->path), "%s/" RUN_LOG_SOCKET, d->dir.path);
		return;
	}
	if (getrandom(&number, sizeof(number), 0) < 0)
		number = (uint64_t)getpid();
	snprintf(log->path, sizeof(log->path), "@daxrun-%016" PRIx64, number);
}

/**
 * run_log_open() - open the socket for the shim's events
 * @o:		the options
 * @d:		the private daemon, or pid 0
 * @log:	receives the log; fd is -1 if the options ask for no lines
 */
void run_log_open(const struct run_options *o, const struct run_daemon *d,
		  struct run_log *log)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const int bytes = BUFFER_BYTES;

	memset(log, 0, sizeof(*log));
	log->fd = -1;
	log->is_trace = o->is_trace;
	log->out = stderr;
	log->daemon = d->dir.path;
	if (o->is_quiet && !o->is_trace)
		return;
	if (o->trace_file) {
		log->out = fopen(o->trace_file, "we");
		if (!log->out)
			run_die("--trace=%s: %s", o->trace_file, strerror(errno));
	}
	name_socket(d, log);
	strcpy(addr.sun_path, log->path);
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = '\0';
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log->fd < 0 || bind(log->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		run_die("%s: %s", log->path, strerror(errno));
	/* The command may run as another user. */
	if (log->path[0] != '@')
		chmod(log->path, 0666);
	setsockopt(log->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static bool is_too_many(struct run_log *log)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != log->second) {
		if (log->nr_left_out)
			run_warn("%ld more refusals left out (--trace shows all)",
				 log->nr_left_out);
		log->second = now.tv_sec;
		log->nr_lines = 0;
		log->nr_left_out = 0;
	}
	if (log->nr_lines++ < REFUSALS_PER_SECOND)
		return false;
	log->nr_left_out++;
	return true;
}

/* True if the user has read such a remark on a program. */
static bool is_repeated(struct run_log *log, const struct dax_event *ev)
{
	const unsigned int bit = ev->v.reason == DAX_EXEC_SET_ID ? 1 : 2;
	const bool is_told = log->told & bit;

	if (ev->call != DAX_CALL_EXEC)
		return false;
	log->told |= bit;
	return is_told;
}

/* Say once, before the first call, whose answers a trace shows. */
static void begin_trace(struct run_log *log)
{
	char *path = run_format("%s/" DAX_STATE_FILE, log->daemon);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct dax_state *state;

	log->is_begun = true;
	free(path);
	if (fd < 0)
		return;
	state = mmap(NULL, sizeof(*state), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (state == MAP_FAILED)
		return;
	fprintf(log->out, "kernel %s\n", dax_kernel_name(dax_state_kernel(state)));
	munmap((void *)(uintptr_t)state, sizeof(*state));
}

static void print_event(struct run_log *log, const struct dax_event *ev)
{
	char line[DAX_EVENT_TEXT];

	if (log->is_trace) {
		if (!log->is_begun)
			begin_trace(log);
		dax_event_trace(ev, line, sizeof(line));
		fprintf(log->out, "%s\n", line);
		fflush(log->out);
	} else if (dax_verdict_is_told(&ev->v) && !is_repeated(log, ev) &&
		   !is_too_many(log)) {
		dax_event_refusal(ev, line, sizeof(line));
		run_warn("%s", line);
	}
}

/**
 * run_log_read() - print all events that have arrived
 * @log:	from run_log_open()
 */
void run_log_read(struct run_log *log)
{
	struct dax_event ev;
	ssize_t n;

	while (log->fd >= 0) {
		n = recv(log->fd, &ev, sizeof(ev), MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		if (dax_event_check(&ev, (size_t)n) == 0)
			print_event(log, &ev);
	}
}

/**
 * run_log_close() - print the remaining events and close the log
 * @log:	from run_log_open()
 */
void run_log_close(struct run_log *log)
{
	run_log_read(log);
	if (log->nr_left_out)
		run_warn("%ld more refusals left out (--trace shows all)",
			 log->nr_left_out);
	if (log->fd >= 0)
		close(log->fd);
	if (log->fd >= 0 && log->path[0] != '@')
		unlink(log->path);
	if (log->out != stderr)
		fclose(log->out);
}
