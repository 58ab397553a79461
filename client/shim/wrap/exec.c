/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that start programs: a child with an environment made afresh gets
 * the shim's variables, and a path of an emulated file is redirected.
 *
 * These functions run in children of vfork(2) as well, so all memory is on the stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/graft.h"
#include "client/shim/base/real.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/environment.h"
#include "client/shim/process/path.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

/* The stack that an environment may take; a longer one is left as it is. */
#define ROOM 8192

/* Arguments of execl(3); more are E2BIG. */
#define ARGS_MAX 512

/* The stack that the plan for a copy may take; programs with more arguments have none. */
#define PLAN_ROOM (64 * 1024)

/*
 * Executes a copy in place of a program that loads no preload library. Returns if the
 * program itself must be executed, with errno as it was.
 */
static SHIM_COLD void exec_copy(int dirfd, const char *path, char *const argv[],
				char *const envp[], int flags)
{
	struct shim_graft g = {.dirfd = dirfd,
			       .path = path,
			       .argv = argv,
			       .envp = envp,
			       .flags = flags,
			       .has_daemon = shim_session_exists};
	const size_t size = shim_graft_room(&g);

	if (size > PLAN_ROOM)
		return;
	if (!shim_graft_plan(&g, __builtin_alloca(size))) {
		shim_report_exec(path, &g.verdict);
		return;
	}
	sys5(execveat, g.dirfd, g.path, g.argv, g.envp, g.flags);
	if (g.memory >= 0)
		sys1(close, g.memory);
}

static SHIM_COLD void exec_copy_of_file(const char *file, char *const argv[],
					char *const envp[])
{
	char buf[PATH_MAX];

	exec_copy(AT_FDCWD,
		  shim_graft_search(file, shim_graft_value(environ, "PATH="), buf), argv,
		  envp, 0);
}

/* Executes a copy with @run if the environment says so, and goes on if there is none. */
#define EXEC_COPY(envp, run)                                                             \
	do {                                                                             \
		if (unlikely(shim_graft_is_on(envp)))                                    \
			run;                                                             \
	} while (0)

/* Calls with the environment that the child must get, which replaces @envp. */
#define WITH_ENVIRONMENT(envp, call)                                                     \
	({                                                                               \
		char *room_[ROOM / sizeof(char *)];                                      \
                                                                                         \
		if (shim_environment_room(envp) <= sizeof(room_))                        \
			envp = shim_environment_fill(envp, room_);                       \
		(call);                                                                  \
	})

/* Calls again with the path in the runtime directory if the program's has failed. */
#define EXEC_AGAIN(dirfd, path, follow, call)                                            \
	({                                                                               \
		int r_ = (call);                                                         \
                                                                                         \
		if (shim_ask_again(true, dirfd, path, follow)) {                         \
			char buf_[PATH_MAX];                                             \
                                                                                         \
			path = shim_path_redirect(dirfd, path, follow, buf_);            \
			if (path == buf_)                                                \
				r_ = (call);                                             \
		}                                                                        \
		r_;                                                                      \
	})

/* For a name without a slash, libc searches PATH, and finds no emulated file there. */
#define EXEC(name, path, args)                                                           \
	(strchr(path, '/') ? EXEC_AGAIN(AT_FDCWD, path, SHIM_FOLLOW, REAL(name) args)    \
			   : REAL(name) args)

static int exec_program(const char *path, char *const argv[], char *const envp[])
{
	EXEC_COPY(envp, exec_copy(AT_FDCWD, path, argv, envp, 0));
	return REAL(execve)(path, argv, envp);
}

static SHIM_COLD int exec_path_fresh(const char *path, char *const argv[],
				     char *const envp[])
{
	return WITH_ENVIRONMENT(envp, EXEC_AGAIN(AT_FDCWD, path, SHIM_FOLLOW,
						 exec_program(path, argv, envp)));
}

static int exec_path(const char *path, char *const argv[], char *const envp[])
{
	if (unlikely(shim_environment_is_fresh(envp)))
		return exec_path_fresh(path, argv, envp);
	return EXEC_AGAIN(AT_FDCWD, path, SHIM_FOLLOW, exec_program(path, argv, envp));
}

static int exec_found(const char *file, char *const argv[], char *const envp[])
{
	EXEC_COPY(envp, exec_copy_of_file(file, argv, envp));
	return EXEC(execvpe, file, (file, argv, envp));
}

static SHIM_COLD int exec_file_fresh(const char *file, char *const argv[],
				     char *const envp[])
{
	return WITH_ENVIRONMENT(envp, exec_found(file, argv, envp));
}

static int exec_file(const char *file, char *const argv[], char *const envp[])
{
	if (unlikely(shim_environment_is_fresh(envp)))
		return exec_file_fresh(file, argv, envp);
	return exec_found(file, argv, envp);
}

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return exec_path(path, argv, envp);
}

SHIM_EXPORT int execv(const char *path, char *const argv[])
{
	if (unlikely(shim_environment_is_fresh(environ)))
		return exec_path_fresh(path, argv, environ);
	EXEC_COPY(environ, exec_copy(AT_FDCWD, path, argv, environ, 0));
	return EXEC_AGAIN(AT_FDCWD, path, SHIM_FOLLOW, REAL(execv)(path, argv));
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return exec_file(file, argv, envp);
}

SHIM_EXPORT int execvp(const char *file, char *const argv[])
{
	if (unlikely(shim_environment_is_fresh(environ)))
		return exec_file_fresh(file, argv, environ);
	EXEC_COPY(environ, exec_copy_of_file(file, argv, environ));
	return EXEC(execvp, file, (file, argv));
}

static int exec_descriptor(int fd, char *const argv[], char *const envp[])
{
	EXEC_COPY(envp, exec_copy(fd, "", argv, envp, AT_EMPTY_PATH));
	return REAL(fexecve)(fd, argv, envp);
}

static SHIM_COLD int fexecve_fresh(int fd, char *const argv[], char *const envp[])
{
	return WITH_ENVIRONMENT(envp, exec_descriptor(fd, argv, envp));
}

SHIM_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	if (unlikely(shim_environment_is_fresh(envp)))
		return fexecve_fresh(fd, argv, envp);
	return exec_descriptor(fd, argv, envp);
}

static int exec_at(int dirfd, const char *path, char *const argv[], char *const envp[],
		   int flags)
{
	enum shim_follow follow =
		flags & AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW;

	EXEC_COPY(envp, exec_copy(dirfd, path, argv, envp, flags));
	return EXEC_AGAIN(dirfd, path, follow,
			  REAL(execveat)(dirfd, path, argv, envp, flags));
}

static SHIM_COLD int exec_at_fresh(int dirfd, const char *path, char *const argv[],
				   char *const envp[], int flags)
{
	return WITH_ENVIRONMENT(envp, exec_at(dirfd, path, argv, envp, flags));
}

SHIM_EXPORT int execveat(int dirfd, const char *path, char *const argv[],
			 char *const envp[], int flags)
{
	return unlikely(shim_environment_is_fresh(envp))
		       ? exec_at_fresh(dirfd, path, argv, envp, flags)
		       : exec_at(dirfd, path, argv, envp, flags);
}

/* Writes the arguments of execl(3) to @argv. True if there was room for all. */
#define LIST(argv, first, ap)                                                            \
	({                                                                               \
		const char *arg_ = (first);                                              \
		int n_ = 0;                                                              \
                                                                                         \
		for (; arg_ && n_ < ARGS_MAX - 1; arg_ = va_arg(ap, const char *))       \
			argv[n_++] = arg_;                                               \
		argv[n_] = NULL;                                                         \
		!arg_;                                                                   \
	})

#define EXEC_LIST(name, run)                                                             \
	SHIM_EXPORT int name(const char *path, const char *arg, ...)                     \
	{                                                                                \
		const char *argv[ARGS_MAX];                                              \
		bool is_all;                                                             \
		va_list ap;                                                              \
                                                                                         \
		va_start(ap, arg);                                                       \
		is_all = LIST(argv, arg, ap);                                            \
		va_end(ap);                                                              \
		return is_all ? run(path, (char *const *)argv, environ)                  \
			      : (int)shim_ret(-E2BIG);                                   \
	}

EXEC_LIST(execl, exec_path)
EXEC_LIST(execlp, exec_file)

SHIM_EXPORT int execle(const char *path, const char *arg, ...)
{
	const char *argv[ARGS_MAX];
	char *const *envp = NULL;
	bool is_all;
	va_list ap;

	va_start(ap, arg);
	is_all = LIST(argv, arg, ap);
	if (is_all)
		envp = va_arg(ap, char *const *);
	va_end(ap);
	return is_all ? exec_path(path, (char *const *)argv, envp)
		      : (int)shim_ret(-E2BIG);
}

/* The type of posix_spawn(3) and posix_spawnp(3). */
typedef int spawn_function(pid_t *pid, const char *path,
			   const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attr, char *const argv[],
			   char *const envp[]);

/*
 * Starts a copy in place of a program that loads no preload library. Return: what @spawn
 * does, or -1 if the program itself must be started.
 */
static SHIM_COLD int spawn_copy(spawn_function *spawn, pid_t *pid, const char *path,
				const posix_spawn_file_actions_t *actions,
				const posix_spawnattr_t *attr, char *const argv[],
				char *const envp[])
{
	struct shim_graft g = {.dirfd = AT_FDCWD,
			       .path = path,
			       .argv = argv,
			       .envp = envp,
			       .has_daemon = shim_session_exists};
	const size_t size = shim_graft_room(&g);
	char link[SHIM_SELF_FD_LINK];
	int r;

	/* An action may change the directory that a relative path begins in. */
	if (size > PLAN_ROOM || (actions && *path != '/'))
		return -1;
	if (!shim_graft_plan(&g, __builtin_alloca(size))) {
		shim_report_exec(path, &g.verdict);
		return -1;
	}
	shim_self_fd_link(g.memory, link);
	r = spawn(pid, g.memory >= 0 ? link : g.path, actions, attr, g.argv, g.envp);
	if (g.memory >= 0)
		sys1(close, g.memory);
	return r ? -1 : 0;
}

static int spawn_program(spawn_function *spawn, pid_t *pid, const char *path,
			 const posix_spawn_file_actions_t *actions,
			 const posix_spawnattr_t *attr, char *const argv[],
			 char *const envp[])
{
	char buf[PATH_MAX];

	if (unlikely(shim_graft_is_on(envp))) {
		const char *dirs = shim_graft_value(environ, "PATH=");
		const char *found = spawn == REAL(posix_spawnp)
					    ? shim_graft_search(path, dirs, buf)
					    : path;

		if (spawn_copy(spawn, pid, found, actions, attr, argv, envp) == 0)
			return 0;
	}
	return spawn(pid, path, actions, attr, argv, envp);
}

#define SPAWN(name)                                                                      \
	static SHIM_COLD int name##_fresh(pid_t *pid, const char *path,                  \
					  const posix_spawn_file_actions_t *actions,     \
					  const posix_spawnattr_t *attr,                 \
					  char *const argv[], char *const envp[])        \
	{                                                                                \
		return WITH_ENVIRONMENT(envp, spawn_program(REAL(name), pid, path,       \
							    actions, attr, argv, envp)); \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name(pid_t *pid, const char *path,                               \
			     const posix_spawn_file_actions_t *actions,                  \
			     const posix_spawnattr_t *attr, char *const argv[],          \
			     char *const envp[])                                         \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		if (shim_has_word(path) && strchr(path, '/'))                            \
			path = shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf);     \
		return unlikely(shim_environment_is_fresh(envp))                         \
			       ? name##_fresh(pid, path, actions, attr, argv, envp)      \
			       : spawn_program(REAL(name), pid, path, actions, attr,     \
					       argv, envp);                              \
	}

SPAWN(posix_spawn)
SPAWN(posix_spawnp)
