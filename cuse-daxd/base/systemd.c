/* SPDX-License-Identifier: BSD-2-Clause */
/* Use libsystemd if systemd has started the daemon. */
#include "cuse-daxd/base/systemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "cuse-daxd/base/log.h"

/* In cuse-daxd.socket: FileDescriptorName=. */
#define SOCKET_NAME "control"
#define BARRIER_US  (5 * G_USEC_PER_SEC)

static struct {
	__typeof__(&sd_notify) notify;
	__typeof__(&sd_notify_barrier) barrier;
	__typeof__(&sd_pid_notify_with_fds) notify_with_fds;
	__typeof__(&sd_listen_fds_with_names) listen_fds;
	__typeof__(&sd_journal_sendv) sendv;
	bool has_notify;
	bool has_journal;
	int socket;
	GHashTable *kept; /* name -> descriptor + 1: passed by systemd, not taken yet */
} sd = {.socket = -1};

/* True if stderr is the journal. */
static bool is_journal(void)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	unsigned long long dev;
	unsigned long long ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static bool load_libsystemd(void)
{
	void *lib = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return false;
	sd.notify = (__typeof__(sd.notify))dlsym(lib, "sd_notify");
	sd.barrier = (__typeof__(sd.barrier))dlsym(lib, "sd_notify_barrier");
	sd.notify_with_fds =
		(__typeof__(sd.notify_with_fds))dlsym(lib, "sd_pid_notify_with_fds");
	sd.listen_fds = (__typeof__(sd.listen_fds))dlsym(lib, "sd_listen_fds_with_names");
	sd.sendv = (__typeof__(sd.sendv))dlsym(lib, "sd_journal_sendv");
	return sd.notify && sd.barrier && sd.notify_with_fds && sd.listen_fds && sd.sendv;
}

static void close_kept(gpointer value)
{
	close(GPOINTER_TO_INT(value) - 1);
}

static void take_passed(void)
{
	char **names = NULL;
	int n = sd.listen_fds(true, &names);
	int i;

	for (i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!strcmp(names[i], SOCKET_NAME) && sd.socket < 0)
			sd.socket = fd;
		else
			g_hash_table_replace(sd.kept, g_strdup(names[i]),
					     GINT_TO_POINTER(fd + 1));
		free(names[i]);
	}
	free(names);
}

static void add_field(struct iovec *iov, int *n, char *text)
{
	if (text)
		iov[(*n)++] = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
}

/* The log's sink. Thread-safe. Return: true if the journal has taken the line. */
static bool write_journal(int priority, const struct daxd_subject *subject,
			  const char *text)
{
	static const struct daxd_subject nothing;
	const struct daxd_subject *s = subject ? subject : &nothing;
	struct iovec iov[6];
	char *field[6];
	int n = 0;
	int i;

	if (!sd.has_journal)
		return false;
	field[0] = g_strdup_printf("MESSAGE=%s", text);
	field[1] = g_strdup_printf("PRIORITY=%d", priority);
	field[2] = g_strdup("SYSLOG_IDENTIFIER=cuse-daxd");
	field[3] = s->device ? g_strdup_printf("DAX_DEVICE=%s", s->device) : NULL;
	field[4] = s->pid ? g_strdup_printf("DAX_PID=%d", s->pid) : NULL;
	field[5] = s->verdict ? g_strdup_printf("DAX_VERDICT=%s", s->verdict) : NULL;
	for (i = 0; i < 6; i++)
		add_field(iov, &n, field[i]);
	i = sd.sendv(iov, n);
	for (n = 0; n < 6; n++)
		g_free(field[n]);
	return i >= 0;
}

/**
 * daxd_systemd_init() - find out if systemd has started the daemon, take what it passed
 *
 * Call before the first thread is created.
 */
void daxd_systemd_init(void)
{
	const bool is_passed = secure_getenv("LISTEN_PID");

	sd.has_notify = secure_getenv("NOTIFY_SOCKET");
	sd.has_journal = is_journal();
	if (!sd.has_notify && !sd.has_journal && !is_passed)
		return;
	if (!load_libsystemd()) {
		sd.has_notify = false;
		sd.has_journal = false;
		daxd_warning("libsystemd.so.0: %s; continuing without systemd "
			     "(apt-get install libsystemd0)",
			     dlerror() ?: "too old");
		return;
	}
	if (sd.has_journal)
		daxd_log_sink = write_journal;
	sd.kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_kept);
	take_passed();
}

/**
 * daxd_systemd_done() - close descriptors that were passed and not taken
 */
void daxd_systemd_done(void)
{
	daxd_close_fd(&sd.socket);
	g_clear_pointer(&sd.kept, g_hash_table_unref);
}

/**
 * daxd_systemd_take_socket() - take the control socket on which systemd listens
 *
 * Return: the descriptor, now owned by the caller, or -1 if systemd passed none.
 */
int daxd_systemd_take_socket(void)
{
	return TAKE_FD(sd.socket);
}

/**
 * daxd_systemd_has_store() - check whether systemd keeps descriptors over a restart
 *
 * Return: true if it does.
 */
bool daxd_systemd_has_store(void)
{
	return sd.has_notify;
}

/**
 * daxd_systemd_take() - take a descriptor that systemd kept
 * @name:	the name passed to daxd_systemd_keep()
 *
 * Return: the descriptor, now owned by the caller, or -1 if there is none of this name.
 * systemd continues to keep its own copy.
 */
int daxd_systemd_take(const char *name)
{
	gpointer value;
	gpointer key;

	if (!sd.kept || !g_hash_table_steal_extended(sd.kept, name, &key, &value))
		return -1;
	g_free(key);
	return GPOINTER_TO_INT(value) - 1;
}

/**
 * daxd_systemd_keep() - let systemd keep a descriptor until the service is stopped
 * @name:	the name for daxd_systemd_take(); ASCII without ':'
 * @fd:		the descriptor; the caller keeps it
 *
 * Return: 0; -ENOTCONN: systemd has not started the daemon; or another negative errno.
 */
int daxd_systemd_keep(const char *name, int fd)
{
	g_autofree char *text = g_strdup_printf("FDSTORE=1\nFDNAME=%s", name);
	int r;

	if (!sd.has_notify)
		return -ENOTCONN;
	r = sd.notify_with_fds(0, 0, text, &fd, 1);
	return r < 0 ? r : 0;
}

/**
 * daxd_systemd_forget() - let systemd close a kept descriptor
 * @name:	the name passed to daxd_systemd_keep()
 */
void daxd_systemd_forget(const char *name)
{
	g_autofree char *text = g_strdup_printf("FDSTOREREMOVE=1\nFDNAME=%s", name);

	if (sd.has_notify)
		sd.notify(0, text);
}

/**
 * daxd_systemd_forget_rest() - let systemd close kept descriptors that were not taken
 */
void daxd_systemd_forget_rest(void)
{
	GHashTableIter iter;
	const char *name;

	if (!sd.kept)
		return;
	g_hash_table_iter_init(&iter, sd.kept);
	while (g_hash_table_iter_next(&iter, (void **)&name, NULL))
		daxd_systemd_forget(name);
	g_hash_table_remove_all(sd.kept);
}

/**
 * daxd_systemd_ready() - report that clients can connect
 * @fmt:	a sentence for `systemctl status`
 *
 * Waits until systemd has taken all descriptors of daxd_systemd_keep(), for five seconds
 * at most.
 */
void daxd_systemd_ready(const char *fmt, ...)
{
	g_autofree char *text = NULL;
	g_autofree char *all = NULL;
	va_list ap;

	if (!sd.has_notify)
		return;
	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	all = g_strdup_printf("READY=1\nSTATUS=%s", text);
	sd.barrier(0, BARRIER_US);
	sd.notify(0, all);
}

/**
 * daxd_systemd_reloading() - report a reload, which ends with daxd_systemd_ready()
 */
void daxd_systemd_reloading(void)
{
	g_autofree char *text = NULL;
	struct timespec now;

	if (!sd.has_notify)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	text = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%lld",
			       (long long)now.tv_sec * G_USEC_PER_SEC +
				       now.tv_nsec / 1000);
	sd.notify(0, text);
}

/**
 * daxd_systemd_stopping() - report that the daemon is stopping
 */
void daxd_systemd_stopping(void)
{
	if (sd.has_notify)
		sd.notify(0, "STOPPING=1");
}
