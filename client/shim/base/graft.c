/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Execute a copy in place of a program that loads no preload library; and have one in Go
 * that does load the shim, but makes system calls without libc, load client/trap/ as well.
 *
 * The copy names the shim as its ELF interpreter (libcore/graft.c). It lies in the runtime
 * directory that the environment names, named after the identity of the original, and is
 * made when the program is first executed; or, where that cannot be, in memory, for this
 * execution only.
 * A failure here is no error: the caller executes the original.
 *
 * Works on the memory of the caller alone, as the caller may be a child of vfork(2).
 */
#include "client/shim/base/graft.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/shim/base/join.h"
#include "client/shim/base/pointer.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"

#define RUNTIME "CUSE_DAXD_RUNTIME_DIR="
#define PRELOAD "LD_PRELOAD="
/*
 * Set by valgrind for its tools. These are static programs that run the program, which loads
 * the shim; their own calls at its addresses are none of the shim's business.
 */
#define VALGRIND "VALGRIND_LAUNCHER="

#define FOLDER "/" DAX_GRAFT_FOLDER
/* Room for the path of a copy: of the directory, the folder and the name. */
#define COPY_PATH 256

/* A script whose interpreter is a script, and so on (fs/exec.c: exec_binprm()). */
#define DEPTH_MAX 5
/* Strings and pointers that are added to a program's. */
#define STRINGS  (COPY_PATH + 2 * 1024 + 2 * PATH_MAX + DAX_GRAFT_LINE)
#define POINTERS (2 * DEPTH_MAX + 8)

/* The memory that the caller has provided. */
struct room {
	char *at;
	size_t left;
};

struct original {
	int fd;
	struct stat st;
	size_t len; /* bytes in the head */
	char head[DAX_GRAFT_HEAD] __attribute__((aligned(16)));
};

/**
 * shim_graft_value() - find a variable
 * @envp:	an environment, terminated by NULL; or NULL
 * @name:	name of the variable, with "=" at the end
 *
 * Async-signal-safe.
 *
 * Return: its value, or NULL.
 */
const char *shim_graft_value(char *const *envp, const char *name)
{
	const size_t len = strlen(name);

	/* The kernel fails with EFAULT if the pointer is bad. */
	if (!shim_is_pointer(envp))
		return NULL;
	for (; *envp; envp++)
		if (**envp == *name && !strncmp(*envp, name, len))
			return *envp + len;
	return NULL;
}

/**
 * shim_graft_is_on() - tell whether a program may be executed as a copy
 * @envp:	its environment, terminated by NULL; or NULL
 *
 * Async-signal-safe.
 *
 * Return: false if CUSE_DAXD_GRAFT is empty, as daxrun --reach=preload sets it, or if the
 * environment has neither this variable nor the shim.
 */
bool shim_graft_is_on(char *const *envp)
{
	const char *interpreter = shim_graft_value(envp, DAX_GRAFT_ENV);
	const char *preload = shim_graft_value(envp, PRELOAD);

	if (interpreter)
		return *interpreter;
	return preload && strstr(preload, SHIM_GRAFT_LIBRARY);
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Return: the room that complete_environment() needs. */
static size_t room_to_complete(const struct shim_graft *g)
{
	const char *preload = shim_graft_value(g->envp, PRELOAD);

	if (shim_graft_value(g->envp, DAX_GRAFT_ENV) || !preload)
		return 0;
	return (count(g->envp) + 2) * sizeof(char *) + sizeof(DAX_GRAFT_ENV) +
	       2 * (strlen(preload) + sizeof(SHIM_GRAFT_INTERPRETER) + 8);
}

/**
 * shim_graft_room() - compute the memory that shim_graft_plan() needs
 * @g:	the arguments of the program
 *
 * Async-signal-safe.
 *
 * Return: the number of bytes.
 */
size_t shim_graft_room(const struct shim_graft *g)
{
	return (count(g->argv) + count(g->envp) + POINTERS) * sizeof(char *) + STRINGS +
	       room_to_complete(g);
}

static void *take(struct room *room, size_t n)
{
	char *p = room->at;

	n = (n + 7) & ~(size_t)7;
	if (n > room->left)
		return NULL;
	room->at += n;
	room->left -= n;
	return p;
}

/* Return: the two strings in one, in @room; NULL if they are too long. */
static char *join(struct room *room, const char *a, const char *b)
{
	char *p = take(room, strlen(a) + strlen(b) + 1);

	if (p)
		shim_join(p, strlen(a) + strlen(b) + 1, a, b);
	return p;
}

/* Return: the path of the interpreter, which lies beside the shim, in @room; or NULL. */
static char *find_interpreter(const struct shim_graft *g, struct room *room)
{
	const char *preload = shim_graft_value(g->envp, PRELOAD);
	const char *shim = preload ? strstr(preload, SHIM_GRAFT_LIBRARY) : NULL;
	const char *end = shim;
	char *path;
	size_t n;

	while (shim && shim > preload && shim[-1] != ':' && shim[-1] != ' ')
		shim--;
	if (!shim || *shim != '/')
		return NULL;
	while (end[-1] != '/')
		end--;
	n = (size_t)(end - shim);
	path = take(room, n + sizeof(SHIM_GRAFT_INTERPRETER));
	if (!path)
		return NULL;
	memcpy(path, shim, n);
	memcpy(path + n, SHIM_GRAFT_INTERPRETER, sizeof(SHIM_GRAFT_INTERPRETER));
	return sys3(faccessat, AT_FDCWD, path, X_OK) == 0 ? path : NULL;
}

/*
 * Names the interpreter in an environment where daxrun has not. Return: false if there is
 * none, or no daemon.
 */
static bool complete_environment(struct shim_graft *g, struct room *room)
{
	const size_t n = count(g->envp);
	const char *interpreter;
	char **envp;

	if (shim_graft_value(g->envp, DAX_GRAFT_ENV))
		return true;
	interpreter = find_interpreter(g, room);
	envp = take(room, (n + 2) * sizeof(char *));
	if (!interpreter || !envp || !g->has_daemon())
		return false;
	memcpy(envp, g->envp, n * sizeof(char *));
	envp[n] = join(room, DAX_GRAFT_ENV, interpreter);
	envp[n + 1] = NULL;
	g->envp = envp;
	return envp[n];
}

/* Opens what would be executed, and reads its head. Return: false if it is not readable. */
static bool open_original(const struct shim_graft *g, struct original *o)
{
	const bool is_fd = g->flags & AT_EMPTY_PATH && !*g->path;
	const int follow = g->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	char link[SHIM_SELF_FD_LINK];
	const char *path = g->path;
	long n;

	if (is_fd) {
		shim_self_fd_link(g->dirfd, link);
		path = link;
	}
	/* Without waiting for the other end of a FIFO. */
	o->fd = (int)sys3(openat, is_fd ? AT_FDCWD : g->dirfd, path,
			  O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow);
	if (o->fd < 0)
		return false;
	if (sys2(fstat, o->fd, &o->st) == 0 && S_ISREG(o->st.st_mode) &&
	    sys3(faccessat, is_fd ? AT_FDCWD : g->dirfd, path, X_OK) == 0) {
		n = sys4(pread64, o->fd, o->head, sizeof(o->head), 0);
		if (n > 0) {
			o->len = (size_t)n;
			return true;
		}
	}
	sys1(close, o->fd);
	return false;
}

/* True if a privilege comes with the program, which its copy does not have. */
static bool is_privileged(const struct original *o)
{
	return o->st.st_mode & (S_ISUID | S_ISGID) ||
	       sys4(fgetxattr, o->fd, "security.capability", NULL, 0) > 0;
}

/* True if the program gets rights that this process does not have. */
static bool is_set_id(const struct original *o)
{
	return (o->st.st_mode & S_ISUID && o->st.st_uid != (uid_t)sys0(geteuid)) ||
	       (o->st.st_mode & S_ISGID && o->st.st_gid != (gid_t)sys0(getegid));
}

static bool is_static(struct original *o, const struct dax_graft *found)
{
	char dynamic[1024] __attribute__((aligned(8)));
	long n;

	if (found->kind == DAX_GRAFT_STATIC)
		return true;
	if (found->kind != DAX_GRAFT_PIE)
		return false;
	n = sys4(pread64, o->fd, dynamic, sizeof(dynamic), found->dynamic);
	return n > 0 && dax_graft_is_program(dynamic, (size_t)n);
}

/* Writes the copy to @to. Return: false if it cannot be done. */
static bool write_copy(struct original *o, int to, const char *interpreter)
{
	const size_t size = strlen(interpreter) + 1;
	off_t off = 0;
	long n;

	if (!dax_graft_name(o->head, o->len, (uint64_t)o->st.st_size, size))
		return false;
	while (off < o->st.st_size) {
		n = sys4(sendfile, to, o->fd, &off, o->st.st_size - off);
		if (n <= 0)
			return false;
	}
	return sys4(pwrite64, to, o->head, o->len, 0) == (long)o->len &&
	       sys4(pwrite64, to, interpreter, size, o->st.st_size) == (long)size &&
	       sys2(fchmod, to, o->st.st_mode & 0777) == 0;
}

static char *write_hex(char *to, uint64_t n)
{
	int shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[n >> shift & 15];
	return to;
}

/*
 * Writes the path of the copy. Its name has all that tells one state of a file from
 * another. Return: false if the directory's name is too long.
 */
static bool name_copy(const struct original *o, const char *dir, char path[COPY_PATH])
{
	const uint64_t parts[] = {
		o->st.st_dev,
		o->st.st_ino,
		(uint64_t)o->st.st_size,
		(uint64_t)o->st.st_ctim.tv_sec * 1000000000 +
			(uint64_t)o->st.st_ctim.tv_nsec,
		(uint64_t)o->st.st_mtim.tv_sec * 1000000000 +
			(uint64_t)o->st.st_mtim.tv_nsec,
	};
	char *p = path + strlen(dir) + sizeof(FOLDER) - 1;
	size_t i;

	if (!shim_join(path, COPY_PATH - 17 * (sizeof(parts) / sizeof(parts[0]) + 1), dir,
		       FOLDER))
		return false;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*p++ = i ? '-' : '/';
		p = write_hex(p, parts[i]);
	}
	*p = '\0';
	return true;
}

/* True if nobody but this user and root can put another file in the place of a copy. */
static bool is_own(const char *dir)
{
	struct stat st;

	return sys4(newfstatat, AT_FDCWD, dir, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       (st.st_uid == 0 || st.st_uid == (uid_t)sys0(geteuid));
}

/* True if there is a copy that nobody but this user and root can have made. */
static bool has_copy(const char *path, const struct original *o)
{
	struct stat st;

	return sys4(newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == (uid_t)sys0(geteuid)) &&
	       (st.st_mode & 0777) == (o->st.st_mode & 0777);
}

/* Makes the copy with a name. Return: false if it cannot be done. */
static bool make_copy(struct original *o, const char *dir, const char *path,
		      const char *interpreter)
{
	char folder[COPY_PATH];
	char new[COPY_PATH + 18];
	bool is_made;
	long fd;

	if (!shim_join(folder, sizeof(folder), dir, FOLDER) ||
	    !shim_join(new, sizeof(new), path, "."))
		return false;
	*write_hex(new + strlen(path) + 1, (uint64_t)sys0(gettid)) = '\0';
	sys3(mkdirat, AT_FDCWD, folder, 0755);
	fd = sys4(openat, AT_FDCWD, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (fd < 0)
		return false;
	is_made = write_copy(o, (int)fd, interpreter);
	sys1(close, fd);
	if (is_made && sys4(renameat, AT_FDCWD, new, AT_FDCWD, path) == 0)
		return true;
	sys3(unlinkat, AT_FDCWD, new, 0);
	return false;
}

/* True if the kernel executes no file there (mount option noexec). */
static bool is_noexec(const char *path)
{
	return sys3(faccessat, AT_FDCWD, path, X_OK) < 0;
}

/* Makes the copy without a name. Return: its descriptor, or -1. */
static int make_memory(struct original *o, const char *interpreter)
{
	long fd = sys2(memfd_create, "daxgraft", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write_copy(o, (int)fd, interpreter))
		return (int)fd;
	sys1(close, fd);
	return -1;
}

/* Finds or makes the copy. Return: false if there is none. */
static bool find_copy(struct shim_graft *g, struct original *o, struct room *room)
{
	const char *interpreter = shim_graft_value(g->envp, DAX_GRAFT_ENV);
	const char *dir = shim_graft_value(g->envp, RUNTIME);
	char *path = take(room, COPY_PATH);

	g->memory = -1;
	if (!path || is_privileged(o))
		return false;
	if (dir && is_own(dir) && name_copy(o, dir, path) &&
	    (has_copy(path, o) || make_copy(o, dir, path, interpreter)) &&
	    !is_noexec(path)) {
		g->dirfd = AT_FDCWD;
		g->path = path;
		g->flags = 0;
		return true;
	}
	/* make_copy() may have changed the head. */
	if (sys4(pread64, o->fd, o->head, o->len, 0) != (long)o->len)
		return false;
	g->memory = make_memory(o, interpreter);
	g->dirfd = g->memory;
	g->path = "";
	g->flags = AT_EMPTY_PATH;
	return g->memory >= 0;
}

/* Adds what the copy must know to its environment. */
static bool add_variables(struct shim_graft *g, const struct original *o,
			  const char *execfn, struct room *room)
{
	char **envp = take(room, (count(g->envp) + 3) * sizeof(char *));
	char link[SHIM_SELF_FD_LINK];
	char *exe = take(room, 1024);
	const size_t at = sizeof(DAX_GRAFT_EXE) - 1;
	size_t n = 0;
	char *const *p;
	long len;

	if (!envp || !exe)
		return false;
	shim_self_fd_link(o->fd, link);
	memcpy(exe, DAX_GRAFT_EXE, at);
	len = sys4(readlinkat, AT_FDCWD, link, exe + at, 1024 - at);
	if (len <= 0 || (size_t)len == 1024 - at)
		return false;
	exe[at + (size_t)len] = '\0';
	for (p = g->envp; *p; p++)
		if (strncmp(*p, DAX_GRAFT_EXE, at) &&
		    strncmp(*p, DAX_GRAFT_EXECFN, sizeof(DAX_GRAFT_EXECFN) - 1))
			envp[n++] = *p;
	envp[n++] = exe;
	envp[n] = join(room, DAX_GRAFT_EXECFN, execfn);
	if (!envp[n])
		return false;
	envp[n + 1] = NULL;
	g->envp = envp;
	return true;
}

/* Executes the interpreter of a script in its place, as the kernel would. */
static bool enter_script(struct shim_graft *g, struct original *o, struct room *room)
{
	const size_t nr = count(g->argv);
	char **argv = take(room, (nr + 4) * sizeof(char *));
	struct dax_graft_script script;
	size_t n = 0;

	/* The kernel passes the path of the script on; a descriptor has none. */
	if (!argv || !*g->path || g->dirfd != AT_FDCWD ||
	    !dax_graft_script(o->head, o->len, &script))
		return false;
	argv[n++] = join(room, script.interpreter, "");
	if (script.argument)
		argv[n++] = join(room, script.argument, "");
	argv[n++] = (char *)(uintptr_t)g->path;
	if (nr)
		memcpy(argv + n, g->argv + 1, (nr - 1) * sizeof(char *));
	n += nr ? nr - 1 : 0;
	argv[n] = NULL;
	g->argv = argv;
	g->path = argv[0];
	g->flags = 0;
	return argv[0] && argv[1];
}

/*
 * Has a program load the library that answers its own system calls, in front of the shim.
 * Return: false if it would anyway, or loads no shim.
 */
static bool add_trap(struct shim_graft *g, const struct original *o, struct room *room)
{
	const size_t at = sizeof(PRELOAD) - 1;
	const char *graft = shim_graft_value(g->envp, DAX_GRAFT_ENV);
	const char *old = shim_graft_value(g->envp, PRELOAD);
	char **envp = take(room, (count(g->envp) + 1) * sizeof(char *));
	size_t folder = strlen(graft);
	char *preload;
	size_t n = 0;
	char *const *p;

	if (!envp || !old || strstr(old, SHIM_GRAFT_TRAP) || is_privileged(o))
		return false;
	while (folder && graft[folder - 1] != '/')
		folder--;
	preload = take(room, at + folder + sizeof(SHIM_GRAFT_TRAP ":") + strlen(old));
	if (!preload)
		return false;
	memcpy(preload, PRELOAD, at);
	memcpy(preload + at, graft, folder);
	shim_join(preload + at + folder, sizeof(SHIM_GRAFT_TRAP ":") + strlen(old),
		  SHIM_GRAFT_TRAP ":", old);
	for (p = g->envp; *p; p++)
		envp[n++] = *p + at == old ? preload : *p;
	envp[n] = NULL;
	g->envp = envp;
	g->memory = -1;
	return true;
}

/* The same with the original open. */
static bool plan_opened(struct shim_graft *g, struct original *o, struct room *room,
			const char *execfn)
{
	struct shim_graft copy = *g;
	struct dax_graft found;
	bool is_planned = false;

	dax_graft_look(o->head, o->len, &found);
	if (found.kind == DAX_GRAFT_GO)
		is_planned =
			complete_environment(&copy, room) && add_trap(&copy, o, room);
	else if (is_static(o, &found))
		is_planned = complete_environment(&copy, room) &&
			     add_variables(&copy, o, execfn, room) &&
			     find_copy(&copy, o, room);
	if (is_planned)
		*g = copy;
	return is_planned;
}

/**
 * shim_graft_plan() - find the copy to execute in place of a program
 * @g:		the arguments of the program, which shim_graft_is_on() is true for;
 *		receives the copy's
 * @room:	memory of shim_graft_room() bytes, which must outlive the result
 *
 * Makes the copy if it does not exist. Handles scripts whose interpreter needs a copy.
 * Async-signal-safe, also in a child of vfork(2).
 *
 * Return: true; false if the program must be executed as the caller wants. Of @g, only the
 * verdict is then changed.
 */
bool shim_graft_plan(struct shim_graft *g, void *room)
{
	struct room left = {.at = room, .left = shim_graft_room(g)};
	const char *const execfn = g->path;
	struct shim_graft now = *g;
	struct original o;
	int depth;

	if (!shim_is_pointer(g->path) || shim_graft_value(g->envp, VALGRIND))
		return false;
	for (depth = 0; depth < DEPTH_MAX && open_original(&now, &o); depth++) {
		struct dax_graft found;
		bool goes_on;

		dax_graft_look(o.head, o.len, &found);
		g->verdict = dax_graft_verdict(found.kind, is_set_id(&o));
		goes_on = found.kind == DAX_GRAFT_SCRIPT && enter_script(&now, &o, &left);
		if (!goes_on && plan_opened(&now, &o, &left, execfn)) {
			sys1(close, o.fd);
			now.verdict = g->verdict;
			*g = now;
			return true;
		}
		sys1(close, o.fd);
		if (!goes_on)
			return false;
	}
	return false;
}

/**
 * shim_graft_search() - find a program as execvp(3) does
 * @file:	its name
 * @dirs:	the value of PATH; NULL: there is none
 * @buf:	may receive the path
 *
 * Async-signal-safe.
 *
 * Return: @buf, or @file if it has a slash or is not found.
 */
const char *shim_graft_search(const char *file, const char *dirs, char buf[PATH_MAX])
{
	const size_t len = strlen(file);

	if (strchr(file, '/') || !len)
		return file;
	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;;) {
		const char *end = strchr(dirs, ':');
		size_t n = end ? (size_t)(end - dirs) : strlen(dirs);

		if (n + len + 2 <= PATH_MAX) {
			memcpy(buf, dirs, n);
			if (n)
				buf[n++] = '/';
			memcpy(buf + n, file, len + 1);
			if (sys3(faccessat, AT_FDCWD, buf, X_OK) == 0)
				return buf;
		}
		if (!end)
			return file;
		dirs = end + 1;
	}
}
