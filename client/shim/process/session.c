/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon that this process is a client of: its runtime directory, the state
 * pages, and questions to it.
 *
 * Nothing is looked for before the program does something that may be ours. A session
 * that was found stays for the life of the process: its memory is never given back,
 * so that other threads and signal handlers may use it without a lock.
 */
#include "client/shim/base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/shim/memory/ranges.h"
#include "client/shim/base/sys.h"
#include "libcore/wire.h"

static struct shim_session *session;

/* Longer than any daemon that lives takes on a busy machine, shorter than people wait. */
#define ANSWER_TIMEOUT_S 20
/* A write to an attribute is done whether we wait for it or not: better wait. */
#define STORE_TIMEOUT_S 30

static bool join(char *buf, size_t size, const char *a, const char *b)
{
	size_t la = strlen(a);
	size_t lb = strlen(b);

	if (la + lb >= size)
		return false;
	memcpy(buf, a, la);
	memcpy(buf + la, b, lb + 1);
	return true;
}

/* "refuse:PATH" or "trace:PATH", set by daxrun. */
static void read_log(struct shim_session *s)
{
	const char *log = secure_getenv("DAXD_LOG");
	enum shim_log level;

	if (!log)
		return;
	if (!strncmp(log, "refuse:", 7))
		level = SHIM_LOG_REFUSALS;
	else if (!strncmp(log, "trace:", 6))
		level = SHIM_LOG_ALL;
	else
		return;
	if (join(s->log_path, sizeof(s->log_path), strchr(log, ':') + 1, ""))
		s->log = level;
}

/* Maps the state pages of the daemon at @dir; they stay good when it is gone. */
static const struct dax_state *map_state(const char *dir)
{
	char path[sizeof(session->dir) + sizeof("/" DAX_STATE_FILE)];
	struct stat st;
	long addr;
	long fd;

	if (!join(path, sizeof(path), dir, "/" DAX_STATE_FILE))
		return NULL;
	fd = sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (sys2(fstat, fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size < sizeof(struct dax_state))
		addr = -EBADMSG;
	else
		addr = sys6(mmap, 0, sizeof(struct dax_state), PROT_READ, MAP_SHARED, fd,
			    0);
	sys1(close, fd);
	if (sys_is_error(addr))
		return NULL;
	if (dax_state_check((const struct dax_state *)addr, sizeof(struct dax_state)) <
	    0) {
		sys2(munmap, addr, sizeof(struct dax_state));
		return NULL;
	}
	return (const struct dax_state *)addr;
}

static const struct shim_session *open_session(const char *dir)
{
	const struct dax_state *state;
	struct shim_session *expected = NULL;
	struct shim_session *s;
	long page;

	if (!dir || dir[0] != '/')
		return NULL;
	state = map_state(dir);
	if (!state)
		return NULL;
	page = sys6(mmap, 0, sizeof(*s), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(page)) {
		sys2(munmap, state, sizeof(*state));
		return NULL;
	}
	s = (struct shim_session *)page;
	s->state = state;
	s->names.major = state->major;
	s->names.ndctl_major = state->ndctl_major;
	s->names.has_real_nodes = state->flags & DAX_STATE_CUSE;
	join(s->dir, sizeof(s->dir), dir, "");
	s->dir_len = strlen(s->dir);
	while (s->dir_len > 1 && s->dir[s->dir_len - 1] == '/')
		s->dir[--s->dir_len] = '\0';
	read_log(s);
	shim_thp_disabled = sys5(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
	if (!__atomic_compare_exchange_n(&session, &expected, s, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		/* Another thread, or a handler over us, was first. */
		sys2(munmap, state, sizeof(*state));
		sys2(munmap, s, sizeof(*s));
		return expected;
	}
	return s;
}

/* The environment's daemon, or else the system's, or else the user's. */
static SHIM_COLD const struct shim_session *find_session(void)
{
	const char *env = secure_getenv("CUSE_DAXD_RUNTIME_DIR");
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	const struct shim_session *s;
	char dir[sizeof(session->dir)];

	if (env)
		return open_session(env);
	s = open_session("/run/cuse-daxd");
	if (!s && xdg && join(dir, sizeof(dir), xdg, "/cuse-daxd"))
		s = open_session(dir);
	return s;
}

/**
 * shim_session() - the daemon of this process
 *
 * Return: the session, or NULL if there is no daemon (then everything is passed
 * through). Async-signal-safe.
 */
const struct shim_session *shim_session(void)
{
	const struct shim_session *s = __atomic_load_n(&session, __ATOMIC_ACQUIRE);

	return likely(s) ? s : find_session();
}

/* The session if somebody has asked for it before. */
const struct shim_session *shim_session_if_known(void)
{
	return __atomic_load_n(&session, __ATOMIC_ACQUIRE);
}

static SHIM_COLD void await_word(const uint32_t *word)
{
	const struct timespec timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	/* Where a daemon stopped that died over it: to wait once is enough. */
	static uint32_t given_up_at;
	uint32_t seen;
	long r;

	while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) &&
	       seen != __atomic_load_n(&given_up_at, __ATOMIC_RELAXED)) {
		r = sys6(futex, word, FUTEX_WAIT, seen, &timeout, NULL, 0);
		if (r == -ETIMEDOUT && __atomic_load_n(word, __ATOMIC_RELAXED) == seen)
			__atomic_store_n(&given_up_at, seen, __ATOMIC_RELAXED);
	}
}

/**
 * shim_await_tree() - wait until the sysfs tree is whole
 * @s:		the session
 *
 * daxrun's daemon writes it while the command starts. Async-signal-safe.
 */
void shim_await_tree(const struct shim_session *s)
{
	const uint32_t *word = &s->state->tree_pending;

	if (unlikely(__atomic_load_n(word, __ATOMIC_ACQUIRE)) && shim_may_ask())
		await_word(word);
}

/* A thread of ours whose working directory is the runtime directory; 0: there is none. */
static int32_t inside_tid;

/**
 * shim_session_inside() - a thread has gone into the runtime directory
 * @tid:	the thread, which stays there and does not end; 0: it is not of this process
 */
void shim_session_inside(int32_t tid)
{
	__atomic_store_n(&inside_tid, tid, __ATOMIC_RELEASE);
}

/* The directory again, by a way that the kernel bars to no thread of this process. */
static bool way_inside(char buf[SHIM_TASK_PATH])
{
	int32_t tid = __atomic_load_n(&inside_tid, __ATOMIC_ACQUIRE);

	if (tid)
		shim_task_path(tid, "/cwd", buf);
	return tid != 0;
}

static int connect_at(const char *dir, int timeout_s)
{
	struct timeval timeout = {.tv_sec = timeout_s};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	long fd;
	long r;

	if (!join(addr.sun_path, sizeof(addr.sun_path), dir, "/" DAX_CONTROL_SOCKET))
		return -ENAMETOOLONG;
	fd = sys3(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	/* A daemon that is stopped must not stop us for ever. */
	sys5(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	sys5(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	do {
		r = sys3(connect, fd, &addr, sizeof(addr));
	} while (r == -EINTR);
	if (r < 0) {
		sys1(close, fd);
		return (int)r;
	}
	return (int)fd;
}

/*
 * Asks as any program does; where the way to the directory is barred, as to one that has
 * given up the rights with which it came there, by way of our thread that is in it.
 */
static int connect_to(const char *dir, int timeout_s)
{
	char inside[SHIM_TASK_PATH];
	int fd;

	if (unlikely(!shim_may_ask()))
		return -ECONNREFUSED;
	fd = connect_at(dir, timeout_s);
	if (unlikely(fd == -EACCES) && way_inside(inside))
		fd = connect_at(inside, timeout_s);
	return fd;
}

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_request(int sock, const struct dax_msg *msg, const void *body, int fd)
{
	union control control = {.buf = {0}};
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = msg->len},
	};
	struct msghdr hdr = {.msg_iov = iov, .msg_iovlen = 2};
	long r;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control.buf;
		hdr.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do {
		r = sys3(sendmsg, sock, &hdr, MSG_NOSIGNAL);
	} while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

static int receive_reply(int sock, struct dax_msg *msg, int *ret_fd)
{
	union control control;
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cmsg;
	int fd = -1;
	long r;

	do {
		r = sys3(recvmsg, sock, &hdr, MSG_CMSG_CLOEXEC);
	} while (r == -EINTR);
	if (r < 0)
		return (int)r;
	cmsg = CMSG_FIRSTHDR(&hdr);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	if (dax_msg_check(msg, (size_t)r) < 0 || msg->type != DAX_MSG_REPLY ||
	    msg->error) {
		if (fd >= 0)
			sys1(close, fd);
		if (r >= (long)sizeof(*msg) && msg->error)
			return -(int)msg->error;
		return -EBADMSG;
	}
	/* It was sent, but there was no number free for it. */
	if (fd < 0 && hdr.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	*ret_fd = fd;
	return 0;
}

/**
 * shim_request() - ask the daemon something, and wait for the answer
 * @s:		the session
 * @type:	enum dax_msg_type
 * @arg:	goes into the message's arg[0]
 * @body:	the message's body, or NULL
 * @len:	its length in bytes
 * @fd:		a descriptor to send along, or -1
 * @ret_fd:	receives the descriptor that came with the answer, -1 if none did; the
 *		caller's to close. May be NULL
 * @ret_arg:	receives the answer's arguments; may be NULL
 *
 * Async-signal-safe. Waits at most some seconds.
 *
 * Return: 0, the daemon's refusal, or why it could not be asked, as negative errno.
 */
int shim_request(const struct shim_session *s, int type, uint64_t arg, const void *body,
		 size_t len, int fd, int *ret_fd, uint64_t ret_arg[4])
{
	struct dax_msg msg;
	int reply_fd = -1;
	int sock;
	int r;

	if (len > DAX_WIRE_BODY_MAX)
		return -E2BIG;
	sock = connect_to(s->dir,
			  type == DAX_MSG_STORE ? STORE_TIMEOUT_S : ANSWER_TIMEOUT_S);
	if (sock < 0)
		return sock;
	dax_msg_init(&msg, (enum dax_msg_type)type, (uint32_t)len);
	msg.arg[0] = arg;
	r = send_request(sock, &msg, body, fd);
	if (r == 0)
		r = receive_reply(sock, &msg, &reply_fd);
	sys1(close, sock);
	if (r < 0)
		return r;
	if (ret_arg)
		memcpy(ret_arg, msg.arg, sizeof(msg.arg));
	if (ret_fd)
		*ret_fd = reply_fd;
	else if (reply_fd >= 0)
		sys1(close, reply_fd);
	return 0;
}
