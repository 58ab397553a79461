/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to the daemon, requests and replies. */
#include "client/cuse-daxctl/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libcore/wire.h"

#include "client/cuse-daxctl/error.h"

#define TIMEOUT_S 30

static int connect_at(const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = TIMEOUT_S};
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
	if (dirfd >= 0)
		close(dirfd);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return fd;
}

static char *user_dir(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (xdg && xdg[0] == '/')
		return g_build_filename(xdg, "cuse-daxd", NULL);
	return g_strdup_printf("/tmp/cuse-daxd-%u", getuid());
}

/* True if a directory belongs to another user, who can make one of any name in /tmp. */
static bool is_somebody_elses(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid != 0 && st.st_uid != getuid();
}

/**
 * ctl_connect() - connect to a daemon
 * @runtime_dir:	its runtime directory; NULL: search
 *
 * Return: a descriptor, or -1 after a message.
 */
int ctl_connect(const char *runtime_dir)
{
	const char *env = getenv("CUSE_DAXD_RUNTIME_DIR");
	g_autoptr(GString) tried = g_string_new(NULL);
	g_autofree char *user = user_dir();
	const char *dirs[2] = {"/run/cuse-daxd", user};
	unsigned int nr = 2;
	unsigned int i;

	if (!runtime_dir && env && *env)
		runtime_dir = env;
	if (runtime_dir) {
		dirs[0] = runtime_dir;
		nr = 1;
	}
	for (i = 0; i < nr; i++) {
		int fd = !runtime_dir && is_somebody_elses(dirs[i]) ? -EPERM
								    : connect_at(dirs[i]);

		if (fd >= 0)
			return fd;
		g_string_append_printf(tried, "%s%s: %s", i ? "; " : "", dirs[i],
				       g_strerror(-fd));
	}
	ctl_error("cannot reach a daemon: %s (start cuse-daxd, or use --runtime-dir)",
		  tried->str);
	return -1;
}

static int send_question(int fd, const char *text)
{
	size_t len = strlen(text);
	struct dax_msg msg;
	struct iovec iov[] = {
		{.iov_base = &msg, .iov_len = sizeof(msg)},
		{.iov_base = (void *)text, .iov_len = len},
	};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};

	if (len > DAX_WIRE_BODY_MAX)
		return -E2BIG;
	dax_msg_init(&msg, DAX_MSG_CONTROL, (uint32_t)len);
	return sendmsg(fd, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Return: 0 with the reply and its descriptor (-1: none), or a negative errno. */
static int receive_answer(int fd, struct dax_msg *ret, int *ret_fd)
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

	n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	*ret_fd = -1;
	c = CMSG_FIRSTHDR(&mh);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	r = dax_msg_check(ret, (size_t)n);
	return r < 0 ? r : 0;
}

static struct json_object *read_json(int fd)
{
	struct json_object *json;
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return NULL;
	{
		g_autofree char *copy = g_strndup(text, (size_t)st.st_size);

		json = json_tokener_parse(copy);
	}
	munmap(text, (size_t)st.st_size);
	return json;
}

static const char *error_text(struct json_object *json, uint32_t error)
{
	struct json_object *text;

	if (json_object_object_get_ex(json, "error", &text))
		return json_object_get_string(text);
	return g_strerror((int)error);
}

/* Return: the descriptor in the reply, -1 if there is none; -2 after a message. */
static int ask(int fd, struct json_object *question)
{
	struct json_object *json;
	struct dax_msg msg;
	int answer = -1;
	int r;

	r = send_question(fd, json_object_to_json_string(question));
	if (r == 0)
		r = receive_answer(fd, &msg, &answer);
	if (r < 0) {
		ctl_error("the daemon does not reply: %s",
			  r == -EAGAIN ? "timeout" : g_strerror(-r));
		return -2;
	}
	if (!msg.error)
		return answer;
	json = read_json(answer);
	ctl_error("%s", error_text(json, msg.error));
	json_object_put(json);
	if (answer >= 0)
		close(answer);
	return -2;
}

/**
 * ctl_connect_ask() - send a request and wait for the reply
 * @fd:		from ctl_connect()
 * @question:	the request, an object with a "verb"
 *
 * Return: the reply, for the caller to json_object_put(); NULL after a message.
 */
struct json_object *ctl_connect_ask(int fd, struct json_object *question)
{
	int answer = ask(fd, question);
	struct json_object *json;

	if (answer == -2)
		return NULL;
	json = read_json(answer);
	if (answer >= 0)
		close(answer);
	if (!json)
		ctl_error("the daemon's reply is not JSON (is it another version?)");
	return json;
}

/**
 * ctl_connect_ask_stream() - send a request whose reply is a stream
 * @fd:		from ctl_connect()
 * @question:	the request, an object with a "verb"
 *
 * Return: a descriptor to read lines from; -1 after a message.
 */
int ctl_connect_ask_stream(int fd, struct json_object *question)
{
	int stream = ask(fd, question);

	if (stream == -1)
		ctl_error("the daemon's reply is not a stream (is it another version?)");
	return stream < 0 ? -1 : stream;
}
