/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: the daemon whose client this process is, with its runtime directory and
 * state pages.
 *
 * The shim looks for a daemon when the program first makes a call that may concern an
 * emulated file. Its memory is never freed, so that other threads and signal handlers may
 * use it without a lock. It lasts for the life of the process, unless somebody has deleted
 * the runtime directory, another daemon has made a new one, and the process has not opened
 * a device of the old one yet.
 */
#include "client/shim/process/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <time.h>

#include "libcore/trust.h"
#include "libcore/wire.h"

#include "client/shim/base/join.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/request.h"

static struct shim_session *session;
/* True if the process has a device of this session. */
static bool is_pinned;
/* True if the last search has found a daemon, but the process may make no more mappings. */
static bool is_out_of_maps;

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

/*
 * Maps the state pages of the daemon at @dir. They remain valid after its end.
 * @ret_ino: receives the inode number of their file.
 */
static const struct dax_state *map_state(const char *dir, uint64_t *ret_ino)
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
	*ret_ino = st.st_ino;
	sys1(close, fd);
	if (addr == -ENOMEM)
		__atomic_store_n(&is_out_of_maps, true, __ATOMIC_RELAXED);
	if (sys_is_error(addr))
		return NULL;
	if (dax_state_check((const struct dax_state *)addr, sizeof(struct dax_state)) <
	    0) {
		sys2(munmap, addr, sizeof(struct dax_state));
		return NULL;
	}
	return (const struct dax_state *)addr;
}

static int trust_stat(const char *path, struct dax_trust_file *ret)
{
	struct statx stx;
	long r =
		sys5(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx);

	if (r < 0)
		return (int)r;
	*ret = (struct dax_trust_file){
		.mode = stx.stx_mode,
		.uid = stx.stx_uid,
		.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.is_mount = stx.stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
	return 0;
}

static long trust_readlink(const char *path, char *buf, size_t size)
{
	return sys4(readlinkat, AT_FDCWD, path, buf, size);
}

static bool trust_is_fuse(const char *path)
{
	struct statfs fs;

	return sys2(statfs, path, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC;
}

static enum dax_trust_map trust_map(void)
{
	long fd = sys3(openat, AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[512];
	long n = fd < 0 ? 0 : sys3(read, fd, text, sizeof(text) - 1);

	if (fd >= 0)
		sys1(close, fd);
	text[n > 0 ? n : 0] = '\0';
	return dax_trust_map_parse(text);
}

/*
 * Tell the user once why a daemon is not used. Standard error may be anything in a
 * program that has closed it: write only where messages are read.
 */
static void tell_distrust(const struct dax_trust *t)
{
	static bool is_told;
	char line[512] = "libdaxshim: ";
	const size_t at = sizeof("libdaxshim: ") - 1;
	struct stat st;
	size_t n;

	if (__atomic_exchange_n(&is_told, true, __ATOMIC_RELAXED) ||
	    sys2(fstat, 2, &st) < 0 || S_ISSOCK(st.st_mode) || S_ISBLK(st.st_mode) ||
	    (S_ISREG(st.st_mode) && (sys2(fcntl, 2, F_GETFL) & O_ACCMODE) != O_WRONLY))
		return;
	n = dax_trust_text(t, line + at, sizeof(line) - at);
	n = n < sizeof(line) - at ? n : sizeof(line) - at - 1;
	line[at + n] = '\n';
	sys3(write, 2, line, at + n + 1);
}

/* Return: @size bytes of zeros, or NULL. */
static void *map_zeros(size_t size)
{
	long addr = sys6(mmap, 0, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return sys_is_error(addr) ? NULL : (void *)addr;
}

/* True if nobody but root and this process's user can have made what is in @dir. */
static bool is_trusted(const char *dir)
{
	static const struct dax_trust_ops ops = {
		.stat = trust_stat,
		.readlink = trust_readlink,
		.is_fuse = trust_is_fuse,
		.map = trust_map,
	};
	struct dax_trust *t = map_zeros(sizeof(*t));
	bool is_good;

	if (!t)
		return false;
	t->ops = &ops;
	t->euid = (uint32_t)sys0(geteuid);
	t->use = DAX_TRUST_RUNTIME;
	is_good = dax_trust_check(t, dir) == 0;
	if (t->reason > DAX_TRUST_FAILED)
		tell_distrust(t);
	sys2(munmap, t, sizeof(*t));
	return is_good;
}

/*
 * Makes a session in the place of @old, which may be NULL. Return: the session; NULL if
 * there is no daemon at @dir.
 */
static const struct shim_session *open_session(const char *dir, struct shim_session *old)
{
	const struct dax_state *state;
	struct shim_session *expected = old;
	struct shim_session *s;
	uint64_t ino;

	if (!dir || dir[0] != '/')
		return NULL;
	state = map_state(dir, &ino);
	if (state && !is_trusted(dir)) {
		sys2(munmap, state, sizeof(*state));
		return NULL;
	}
	if (!state)
		return NULL;
	s = map_zeros(sizeof(*s));
	if (!s) {
		__atomic_store_n(&is_out_of_maps, true, __ATOMIC_RELAXED);
		sys2(munmap, state, sizeof(*state));
		return NULL;
	}
	s->state = state;
	s->state_ino = ino;
	s->names.major = state->major;
	s->names.ndctl_major = state->ndctl_major;
	s->names.cxl_major = state->cxl_major;
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

	__atomic_store_n(&is_out_of_maps, false, __ATOMIC_RELAXED);
	if (env)
		return open_session(env, NULL);
	s = open_session(DAX_SYSTEM_DIR, NULL);
	if (!s && xdg && shim_join(dir, sizeof(dir), xdg, "/cuse-daxd"))
		s = open_session(dir, NULL);
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
 * shim_session_exists() - tell whether this process has a daemon
 *
 * Async-signal-safe.
 *
 * Return: true if it has.
 */
bool shim_session_exists(void)
{
	return shim_session() != NULL;
}

/**
 * shim_session_pin() - keep the session, as the process now has a device of its daemon
 *
 * Async-signal-safe.
 */
void shim_session_pin(void)
{
	__atomic_store_n(&is_pinned, true, __ATOMIC_RELAXED);
}

/**
 * shim_session_renew() - follow to a daemon that has made the runtime directory anew
 * @s:		the session
 *
 * A daemon that is started again in its directory keeps the state pages. They are others
 * only if somebody has deleted the directory. Async-signal-safe.
 *
 * Return: the session of the new daemon; @s if there is none, or if the process is pinned.
 */
const struct shim_session *shim_session_renew(const struct shim_session *s)
{
	char path[sizeof(s->dir) + sizeof("/" DAX_STATE_FILE)];
	const struct shim_session *new;
	struct statx stx;

	if (__atomic_load_n(&is_pinned, __ATOMIC_RELAXED) ||
	    !shim_join(path, sizeof(path), s->dir, "/" DAX_STATE_FILE) ||
	    sys5(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &stx) < 0 ||
	    stx.stx_ino == s->state_ino)
		return s;
	new = open_session(s->dir, (struct shim_session *)(uintptr_t)s);
	return new ? new : s;
}

/**
 * shim_session_move_root() - follow the daemon's root directory, which pivot_root(2) has moved
 * @root:	its path from now on, without a slash at the end; "" for the root directory
 *
 * Async-signal-safe.
 */
void shim_session_move_root(const char *root)
{
	struct shim_session *old = __atomic_load_n(&session, __ATOMIC_ACQUIRE);
	struct shim_session *s;

	if (!old || (!*root && !old->root_len))
		return;
	s = map_zeros(sizeof(*s));
	if (!s)
		return;
	*s = *old;
	s->root_len = strlen(root);
	if (!shim_join(s->dir, sizeof(s->dir), root, old->dir + old->root_len)) {
		sys2(munmap, s, sizeof(*s));
		return;
	}
	s->dir_len = strlen(s->dir);
	if (!__atomic_compare_exchange_n(&session, &old, s, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		sys2(munmap, s, sizeof(*s));
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

/**
 * shim_session_is_out_of_maps() - tell why there is no session
 *
 * Call after shim_session(). Async-signal-safe.
 *
 * Return: true if there is a daemon, but the process has as many mappings as the kernel
 * allows (vm.max_map_count), so that the state pages cannot be mapped.
 */
bool shim_session_is_out_of_maps(void)
{
	return !shim_session_if_known() &&
	       __atomic_load_n(&is_out_of_maps, __ATOMIC_RELAXED);
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
