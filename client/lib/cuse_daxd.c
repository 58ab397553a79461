/* SPDX-License-Identifier: BSD-2-Clause */
/* libcuse-daxd: control a running cuse-daxd. */
#include "client/lib/cuse_daxd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "libcore/trust.h"
#include "libcore/wire.h"

#include "client/base/trust.h"
#include "client/lib/json_text.h"

#define EXPORT __attribute__((visibility("default")))

#define TIMEOUT_S   30
#define SECTOR      512
#define EVENT_MAX   65536
#define NR_DIRS_MAX 2

struct cuse_daxd {
	int fd;     /* of the connection; -1: none */
	int events; /* stream of events; -1: none */
	char error[2048];
	char line[EVENT_MAX]; /* what has been read of events, from line_at on unused */
	size_t line_at;
	size_t line_len;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct cuse_daxd *d, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->error, sizeof(d->error), fmt, ap);
	va_end(ap);
	return -error;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/**
 * cuse_daxd_new() - make a handle
 *
 * Return: the handle, for cuse_daxd_free(); NULL without memory.
 */
EXPORT struct cuse_daxd *cuse_daxd_new(void)
{
	struct cuse_daxd *d = calloc(1, sizeof(*d));

	if (d) {
		d->fd = -1;
		d->events = -1;
	}
	return d;
}

/**
 * cuse_daxd_free() - close a handle's connections and free it
 * @d:		the handle, or NULL
 */
EXPORT void cuse_daxd_free(struct cuse_daxd *d)
{
	if (!d)
		return;
	close_fd(&d->fd);
	close_fd(&d->events);
	free(d);
}

/**
 * cuse_daxd_error() - explain the last failure
 * @d:		the handle
 *
 * Return: a sentence without a newline; valid until the next call for the handle.
 */
EXPORT const char *cuse_daxd_error(const struct cuse_daxd *d)
{
	return d->error;
}

/* ---- The connection ---- */

static int open_socket(const char *dir)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int dirfd = -1;
	int fd;
	int r;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir,
		     DAX_CONTROL_SOCKET) >= (int)sizeof(address.sun_path)) {
		/* Too long for an address: go through its directory's descriptor. */
		dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dirfd < 0)
			return -errno;
		snprintf(address.sun_path, sizeof(address.sun_path),
			 "/proc/self/fd/%d/%s", dirfd, DAX_CONTROL_SOCKET);
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : 0;
	if (r == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	close_fd(&dirfd);
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return fd;
}

/*
 * Connect to the daemon at @dir, if the directory can be trusted. The daemon learns all
 * that is sent, and its replies are believed. Otherwise append the reason to the error.
 */
static int connect_if_trusted(struct cuse_daxd *d, const char *dir)
{
	struct dax_trust *trust = malloc(sizeof(*trust));
	size_t used = strlen(d->error);
	char why[DAX_TRUST_PATH_MAX + 256];
	int fd;

	if (!trust)
		return fail(d, ENOMEM, "out of memory");
	fd = client_trust_check(trust, dir, DAX_TRUST_RUNTIME);
	if (fd == 0)
		fd = open_socket(dir);
	if (fd == -EPERM && trust->reason > DAX_TRUST_FAILED)
		dax_trust_text(trust, why, sizeof(why));
	else if (fd < 0)
		snprintf(why, sizeof(why), "%s: %s", dir, strerror(-fd));
	if (fd < 0)
		snprintf(d->error + used, sizeof(d->error) - used, "%s%s",
			 used ? "; " : "cannot reach a daemon: ", why);
	free(trust);
	return fd;
}

static void user_dir(char *buf, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (xdg && xdg[0] == '/')
		snprintf(buf, size, "%s/cuse-daxd", xdg);
	else
		snprintf(buf, size, "/tmp/cuse-daxd-%u", geteuid());
}

/**
 * cuse_daxd_connect() - connect to a daemon
 * @d:		the handle; an earlier connection is closed
 * @runtime_dir: its runtime directory; NULL: $CUSE_DAXD_RUNTIME_DIR, or else the system's,
 *		or else the user's
 *
 * Return: 0; or a negative errno, -EPERM also if the directory cannot be trusted.
 */
EXPORT int cuse_daxd_connect(struct cuse_daxd *d, const char *runtime_dir)
{
	const char *env = getenv("CUSE_DAXD_RUNTIME_DIR");
	char user[DAX_TRUST_PATH_MAX];
	const char *dirs[NR_DIRS_MAX] = {DAX_SYSTEM_DIR, user};
	int nr = NR_DIRS_MAX;
	int fd = -ENOENT;
	int i;

	close_fd(&d->fd);
	d->error[0] = '\0';
	user_dir(user, sizeof(user));
	if (!runtime_dir && env && *env)
		runtime_dir = env;
	if (runtime_dir) {
		dirs[0] = runtime_dir;
		nr = 1;
	}
	for (i = 0; fd < 0 && i < nr; i++)
		fd = connect_if_trusted(d, dirs[i]);
	if (fd < 0)
		return fd;
	d->error[0] = '\0';
	d->fd = fd;
	return 0;
}

static int send_request(struct cuse_daxd *d, const char *json)
{
	size_t len = strlen(json);
	struct dax_msg msg;
	struct iovec iov[] = {
		{.iov_base = &msg, .iov_len = sizeof(msg)},
		{.iov_base = (void *)(uintptr_t)json, .iov_len = len},
	};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};

	if (len > DAX_WIRE_BODY_MAX)
		return -E2BIG;
	dax_msg_init(&msg, DAX_MSG_CONTROL, (uint32_t)len);
	return sendmsg(d->fd, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Return: 0 with the reply and its descriptor (-1: none), or a negative errno. */
static int receive_reply(struct cuse_daxd *d, struct dax_msg *ret, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *c;
	ssize_t n;
	int r;

	n = recvmsg(d->fd, &mh, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	c = CMSG_FIRSTHDR(&mh);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	r = dax_msg_check(ret, (size_t)n);
	return r < 0 ? r : 0;
}

/* Read a reply. Return: the text, for the caller to free(3), or NULL. */
static char *read_text(int fd)
{
	struct stat st;
	char *text;
	size_t size;
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	/* The daemon has done what was requested, but has no room to describe it. */
	if (st.st_size == 0)
		return strdup("{}");
	size = (size_t)st.st_size;
	text = malloc(size + 1);
	for (; text && used < size && n > 0; used += (size_t)n) {
		n = pread(fd, text + used, size - used, (off_t)used);
		if (n < 0)
			n = 0;
	}
	if (text)
		text[used] = '\0';
	return text;
}

/* The daemon's words for a request that failed. */
static int refuse(struct cuse_daxd *d, int error, int reply)
{
	char *text = read_text(reply);

	if (!cuse_daxd_json_string(cuse_daxd_json_member(text, "error"), d->error,
				   sizeof(d->error)))
		fail(d, error, "%s", strerror(error));
	free(text);
	return -error;
}

/*
 * Send a request and wait for the reply. @ret_fd receives its descriptor; -1: it has none.
 * Return: 0 or a negative errno.
 */
static int converse(struct cuse_daxd *d, const char *json, int *ret_fd)
{
	struct dax_msg msg;
	int r;

	*ret_fd = -1;
	if (d->fd < 0)
		return fail(d, ENOTCONN, "not connected to a daemon");
	r = send_request(d, json);
	if (r == 0)
		r = receive_reply(d, &msg, ret_fd);
	if (r < 0)
		fail(d, -r, "the daemon does not reply: %s",
		     r == -EAGAIN ? "timeout" : strerror(-r));
	else if (msg.error)
		r = refuse(d, (int)msg.error, *ret_fd);
	if (r < 0)
		close_fd(ret_fd);
	return r;
}

/**
 * cuse_daxd_request() - send a request in JSON and wait for the reply
 * @d:		the handle, connected
 * @json:	an object with a "verb" (docs/protocol.md)
 * @ret:	receives the reply's text, for the caller to free(3); may be NULL
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_request(struct cuse_daxd *d, const char *json, char **ret)
{
	char *text;
	int fd;
	int r = converse(d, json, &fd);

	if (r < 0)
		return r;
	text = read_text(fd);
	close_fd(&fd);
	if (!text)
		return fail(d, EPROTO, "the daemon's reply cannot be read");
	if (ret)
		*ret = text;
	else
		free(text);
	return 0;
}

/**
 * cuse_daxd_request_stream() - send a request in JSON whose reply is a stream of lines
 * @d:		the handle, connected
 * @json:	an object with a "verb", such as "watch"
 *
 * Return: a descriptor to read from, for the caller to close(2); or a negative errno.
 */
EXPORT int cuse_daxd_request_stream(struct cuse_daxd *d, const char *json)
{
	int fd;
	int r = converse(d, json, &fd);

	if (r == 0 && fd < 0)
		return fail(d, EPROTO,
			    "the daemon's reply is not a stream (is it another "
			    "version?)");
	return r < 0 ? r : fd;
}

/* ---- Verbs ---- */

/* A member of a request: a text, or else a number. */
struct member {
	const char *key; /* NULL: left out */
	const char *text;
	uint64_t number;
};

#define MEMBERS_MAX 4

static int ask(struct cuse_daxd *d, const char *verb,
	       const struct member members[MEMBERS_MAX], char **ret)
{
	char *json = NULL;
	size_t len;
	FILE *f = open_memstream(&json, &len);
	int i;
	int r;

	if (!f)
		return fail(d, ENOMEM, "out of memory");
	fprintf(f, "{\"verb\":\"%s\"", verb);
	for (i = 0; members && i < MEMBERS_MAX; i++) {
		if (!members[i].key)
			continue;
		fprintf(f, ",\"%s\":", members[i].key);
		if (members[i].text)
			cuse_daxd_json_put(f, members[i].text);
		else
			fprintf(f, "%" PRIu64, members[i].number);
	}
	fputc('}', f);
	r = fclose(f) ? fail(d, ENOMEM, "out of memory")
		      : cuse_daxd_request(d, json, ret);
	free(json);
	return r;
}

static void read_device(const char *json, struct cuse_daxd_device *ret)
{
	char state[16];

	memset(ret, 0, sizeof(*ret));
	cuse_daxd_json_string(cuse_daxd_json_member(json, "chardev"), ret->name,
			      sizeof(ret->name));
	cuse_daxd_json_string(cuse_daxd_json_member(json, "state"), state, sizeof(state));
	ret->size = cuse_daxd_json_number(cuse_daxd_json_member(json, "size"));
	ret->align = cuse_daxd_json_number(cuse_daxd_json_member(json, "align"));
	ret->bad = SECTOR *
		   cuse_daxd_json_number(cuse_daxd_json_member(json, "badblock_count"));
	ret->region = (unsigned int)cuse_daxd_json_number(
		cuse_daxd_json_member(json, "region"));
	ret->clients = (unsigned int)cuse_daxd_json_number(
		cuse_daxd_json_member(json, "clients"));
	ret->is_enabled = strcmp(state, "disabled") != 0;
}

/**
 * cuse_daxd_list() - list the devices
 * @d:		the handle, connected
 * @ret:	receives the devices, for the caller to free(3)
 * @ret_nr:	receives their number
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_list(struct cuse_daxd *d, struct cuse_daxd_device **ret,
			  size_t *ret_nr)
{
	struct cuse_daxd_device *list;
	const char *p;
	char *text;
	size_t nr = 0;
	int r = ask(d, "list", NULL, &text);

	if (r < 0)
		return r;
	for (p = cuse_daxd_json_first(text); p; p = cuse_daxd_json_next(p))
		nr++;
	list = calloc(nr + 1, sizeof(*list));
	if (list) {
		*ret = list;
		*ret_nr = nr;
		for (p = cuse_daxd_json_first(text); p; p = cuse_daxd_json_next(p))
			read_device(p, list++);
	} else {
		r = fail(d, ENOMEM, "out of memory");
	}
	free(text);
	return r;
}

/**
 * cuse_daxd_create() - make a device in a dynamic region and enable it
 * @d:		the handle, connected
 * @region:	number of the region; -1: the first dynamic one with room
 * @size:	in bytes; 0: all that is left
 * @align:	in bytes; 0: the region's
 * @ret:	receives the device; may be NULL
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_create(struct cuse_daxd *d, int region, uint64_t size,
			    uint64_t align, struct cuse_daxd_device *ret)
{
	const struct member members[MEMBERS_MAX] = {
		{.key = region < 0 ? NULL : "region", .number = (uint64_t)region},
		{.key = size ? "size" : NULL, .number = size},
		{.key = align ? "align" : NULL, .number = align},
	};
	char *text;
	int r = ask(d, "create", members, &text);

	if (r < 0)
		return r;
	if (ret)
		read_device(text, ret);
	free(text);
	return 0;
}

static int ask_about(struct cuse_daxd *d, const char *verb, const char *device)
{
	const struct member members[MEMBERS_MAX] = {{.key = "device", .text = device}};

	return ask(d, verb, members, NULL);
}

/**
 * cuse_daxd_destroy() - disable and delete a device
 * @d:		the handle, connected
 * @device:	its name, or the path of its node
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_destroy(struct cuse_daxd *d, const char *device)
{
	return ask_about(d, "destroy", device);
}

/**
 * cuse_daxd_enable() - let programs use a device again
 * @d:		the handle, connected
 * @device:	its name, or the path of its node
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_enable(struct cuse_daxd *d, const char *device)
{
	return ask_about(d, "enable", device);
}

/**
 * cuse_daxd_disable() - take a device from all programs; its data stays
 * @d:		the handle, connected
 * @device:	its name, or the path of its node
 *
 * Return: 0 when all programs that can follow have done so; or a negative errno.
 */
EXPORT int cuse_daxd_disable(struct cuse_daxd *d, const char *device)
{
	return ask_about(d, "disable", device);
}

/**
 * cuse_daxd_inject() - poison memory
 * @d:		the handle, connected
 * @device:	its name, or the path of its node
 * @offset:	in the device, in bytes
 * @length:	in bytes, above 0
 * @flags:	enum cuse_daxd_inject_flag
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_inject(struct cuse_daxd *d, const char *device, uint64_t offset,
			    uint64_t length, unsigned int flags)
{
	const struct member members[MEMBERS_MAX] = {
		{.key = "device", .text = device},
		{.key = "offset", .number = offset},
		{.key = "length", .number = length},
		{.key = flags & CUSE_DAXD_LATENT ? "latent" : NULL, .text = "true"},
	};

	return ask(d, "inject", members, NULL);
}

/**
 * cuse_daxd_clear() - clear poisoned memory, which is then zero
 * @d:		the handle, connected
 * @device:	its name, or the path of its node
 * @offset:	in the device, in bytes
 * @length:	in bytes; 0: the rest of the device
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_clear(struct cuse_daxd *d, const char *device, uint64_t offset,
			   uint64_t length)
{
	const struct member members[MEMBERS_MAX] = {
		{.key = "device", .text = device},
		{.key = "offset", .number = offset},
		{.key = length ? "length" : NULL, .number = length},
	};

	return ask(d, "clear", members, NULL);
}

/**
 * cuse_daxd_fault_add() - add a fault rule
 * @d:		the handle, connected
 * @rule:	its words, as in cuse-daxd.conf(5)
 * @ret_id:	receives its number, for cuse_daxd_fault_remove(); may be NULL
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_fault_add(struct cuse_daxd *d, const char *rule, uint32_t *ret_id)
{
	const struct member members[MEMBERS_MAX] = {{.key = "action", .text = "add"},
						    {.key = "rule", .text = rule}};
	char *text;
	int r = ask(d, "fault", members, &text);

	if (r < 0)
		return r;
	if (ret_id)
		*ret_id = (uint32_t)cuse_daxd_json_number(
			cuse_daxd_json_member(text, "id"));
	free(text);
	return 0;
}

/**
 * cuse_daxd_fault_remove() - remove a fault rule
 * @d:		the handle, connected
 * @id:		its number
 *
 * Return: 0 or a negative errno.
 */
EXPORT int cuse_daxd_fault_remove(struct cuse_daxd *d, uint32_t id)
{
	char text[16];
	const struct member members[MEMBERS_MAX] = {{.key = "action", .text = "remove"},
						    {.key = "rule", .text = text}};

	snprintf(text, sizeof(text), "%" PRIu32, id);
	return ask(d, "fault", members, NULL);
}

/* ---- Events ---- */

/**
 * cuse_daxd_watch() - begin to receive events
 * @d:		the handle, connected; earlier events that were not read are dropped
 *
 * Return: a descriptor for poll(2), which belongs to the handle; or a negative errno.
 */
EXPORT int cuse_daxd_watch(struct cuse_daxd *d)
{
	int fd = cuse_daxd_request_stream(d, "{\"verb\":\"watch\"}");

	if (fd < 0)
		return fd;
	close_fd(&d->events);
	d->events = fd;
	d->line_at = 0;
	d->line_len = 0;
	return fd;
}

/* The next whole line that has been read, without its newline; NULL: there is none. */
static char *take_line(struct cuse_daxd *d)
{
	char *line = d->line + d->line_at;
	char *end = memchr(line, '\n', d->line_len - d->line_at);

	if (!end)
		return NULL;
	*end = '\0';
	d->line_at += (size_t)(end - line) + 1;
	return line;
}

/* Read more events. Return: 1, 0 at the end of the time, or a negative errno. */
static int read_more(struct cuse_daxd *d, int timeout_ms)
{
	struct pollfd p = {.fd = d->events, .events = POLLIN};
	ssize_t n;
	int r = poll(&p, 1, timeout_ms);

	if (r <= 0)
		return r < 0 ? fail(d, errno, "poll: %s", strerror(errno)) : 0;
	memmove(d->line, d->line + d->line_at, d->line_len - d->line_at);
	d->line_len -= d->line_at;
	d->line_at = 0;
	if (d->line_len == sizeof(d->line))
		return fail(d, EPROTO, "an event is too long");
	n = read(d->events, d->line + d->line_len, sizeof(d->line) - d->line_len);
	if (n == 0)
		return fail(d, EPIPE, "the daemon has exited");
	if (n < 0)
		return fail(d, errno, "the events cannot be read: %s", strerror(errno));
	d->line_len += (size_t)n;
	return 1;
}

/**
 * cuse_daxd_next_event() - wait for an event
 * @d:		the handle, after cuse_daxd_watch()
 * @timeout_ms:	as for poll(2): -1 is for ever
 * @ret:	receives the event
 *
 * Return: 1 with an event; 0 if there was none in time; or a negative errno, -EPIPE when the
 * daemon has exited.
 */
EXPORT int cuse_daxd_next_event(struct cuse_daxd *d, int timeout_ms,
				struct cuse_daxd_event *ret)
{
	char *line;

	if (d->events < 0)
		return fail(d, ENOTCONN, "no events are watched");
	while (!(line = take_line(d))) {
		int r = read_more(d, timeout_ms);

		if (r <= 0)
			return r;
	}
	memset(ret, 0, sizeof(*ret));
	ret->json = line;
	ret->time = cuse_daxd_json_real(cuse_daxd_json_member(line, "time"));
	cuse_daxd_json_string(cuse_daxd_json_member(line, "event"), ret->what,
			      sizeof(ret->what));
	cuse_daxd_json_string(cuse_daxd_json_member(line, "chardev"), ret->device,
			      sizeof(ret->device));
	return 1;
}
