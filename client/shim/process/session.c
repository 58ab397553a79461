/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: the daemon whose client this process is, with its runtime directory and
 * state pages.
 *
 * The shim looks for a daemon when the program first makes a call that may concern an
 * emulated file. A session lasts for the life of the process and its memory is never
 * freed, so that other threads and signal handlers may use it without a lock.
 */
#include "client/shim/process/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "libcore/wire.h"

#include "client/shim/base/join.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/request.h"

static struct shim_session *session;

/* Reads DAXD_LOG, which daxrun sets: "refuse:PATH" or "trace:PATH". */
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
	if (shim_join(s->log_path, sizeof(s->log_path), strchr(log, ':') + 1, ""))
		s->log = level;
}

/* Maps the state pages of the daemon at @dir. They remain valid after its end. */
static const struct dax_state *map_state(const char *dir)
{
	char path[sizeof(session->dir) + sizeof("/" DAX_STATE_FILE)];
	struct stat st;
	long addr;
	long fd;

	if (!shim_join(path, sizeof(path), dir, "/" DAX_STATE_FILE))
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
	shim_join(s->dir, sizeof(s->dir), dir, "");
	s->dir_len = strlen(s->dir);
	while (s->dir_len > 1 && s->dir[s->dir_len - 1] == '/')
		s->dir[--s->dir_len] = '\0';
	read_log(s);
	shim_session_thp_disabled = sys5(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
	if (!__atomic_compare_exchange_n(&session, &expected, s, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		/* Another thread, or a handler that interrupted this one, was first. */
		sys2(munmap, state, sizeof(*state));
		sys2(munmap, s, sizeof(*s));
		return expected;
	}
	return s;
}

/* Opens the daemon that the environment names, else the system's, else the user's. */
static SHIM_COLD const struct shim_session *find_session(void)
{
	const char *env = secure_getenv("CUSE_DAXD_RUNTIME_DIR");
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	const struct shim_session *s;
	char dir[sizeof(session->dir)];

	if (env)
		return open_session(env);
	s = open_session("/run/cuse-daxd");
	if (!s && xdg && shim_join(dir, sizeof(dir), xdg, "/cuse-daxd"))
		s = open_session(dir);
	return s;
}

/**
 * shim_session() - find the daemon of this process
 *
 * Looks for the daemon until one is found. Async-signal-safe.
 *
 * Return: the session, which is never freed; NULL if there is no daemon, and all calls
 * must be passed through.
 */
const struct shim_session *shim_session(void)
{
	const struct shim_session *s = __atomic_load_n(&session, __ATOMIC_ACQUIRE);

	return likely(s) ? s : find_session();
}

/**
 * shim_session_if_known() - get the session without looking for a daemon
 *
 * Async-signal-safe.
 *
 * Return: the session, or NULL if shim_session() has found none before.
 */
const struct shim_session *shim_session_if_known(void)
{
	return __atomic_load_n(&session, __ATOMIC_ACQUIRE);
}

static SHIM_COLD void await_word(const uint32_t *word)
{
	const struct timespec timeout = {.tv_sec = SHIM_REQUEST_TIMEOUT_S};
	/* The value at which a dead daemon left the word: wait for it only once. */
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
 * shim_session_await_tree() - wait until the sysfs tree is complete
 * @s:	the session
 *
 * daxrun's daemon writes the tree while the command starts. Gives up if the daemon makes
 * no progress for SHIM_REQUEST_TIMEOUT_S. Async-signal-safe.
 */
void shim_session_await_tree(const struct shim_session *s)
{
	const uint32_t *word = &s->state->tree_pending;

	if (unlikely(__atomic_load_n(word, __ATOMIC_ACQUIRE)) &&
	    shim_request_is_allowed())
		await_word(word);
}

/* Set when the session is found and by each prctl(PR_SET_THP_DISABLE). */
bool shim_session_thp_disabled;
