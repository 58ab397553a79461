/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decide which environment a child gets.
 *
 * On a machine with a real device, a program sees it whatever its environment is; but a
 * child sees an emulated one only with LD_PRELOAD and CUSE_DAXD_RUNTIME_DIR. So a program
 * that gives its child an environment made afresh (env -i, a test runner) has these added.
 * One that takes away only these does it on purpose, and its environment is left alone.
 *
 * The values are those that the process was started with. They lie at the end of the
 * stack, where the kernel has put them (fs/exec.c), and stay there after unsetenv(3),
 * clearenv(3) and an assignment to environ.
 */
#include "client/shim/process/environment.h"

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "libcore/crash_log.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/graft.h"
#include "client/shim/base/pointer.h"

#define PRELOAD "LD_PRELOAD="
#define RUNTIME "CUSE_DAXD_RUNTIME_DIR="
/* The program's or the user's switch: "exact" leaves every environment alone. */
#define CHILDREN "CUSE_DAXD_CHILDREN="

#define LIBRARY SHIM_GRAFT_LIBRARY
#define TRAP    SHIM_GRAFT_TRAP

/* Further variables that a child needs. daxrun sets those after the first when necessary. */
static const char *const needed[] = {RUNTIME, "DAXD_LOG=", DAX_CRASH_ENV "=",
				     "ASAN_OPTIONS=", DAX_GRAFT_ENV};
#define NR_NEEDED (sizeof(needed) / sizeof(needed[0]))

bool shim_environment_is_forced;

static bool starts_with(const char *text, const char *name)
{
	return !strncmp(text, name, strlen(name));
}

/*
 * Steps to the next of the variables that the process was started with, from the last to
 * the first: above them lies the path of the program. @at: NULL for the first call, then
 * the result. Return: the variable, or NULL after the last.
 */
static const char *next_initial(const char *at)
{
	const char *low = (const char *)getauxval(AT_RANDOM);
	const char *end = (at ? at : (const char *)getauxval(AT_EXECFN)) - 1;
	const char *p = end;
	bool is_variable = false;

	if (!low || (uintptr_t)p <= (uintptr_t)low || *p)
		return NULL;
	for (; p > low && p[-1]; p--)
		is_variable |= p[-1] == '=';
	return is_variable ? p : NULL;
}

static const char *initial_value(const char *name)
{
	const char *p = NULL;

	while ((p = next_initial(p)))
		if (starts_with(p, name))
			return p + strlen(name);
	return NULL;
}

static bool is_ours(const char *variable)
{
	size_t i;

	for (i = 0; i < NR_NEEDED; i++)
		if (starts_with(variable, needed[i]))
			return true;
	return starts_with(variable, PRELOAD) || starts_with(variable, DAX_GRAFT_EXE) ||
	       starts_with(variable, DAX_GRAFT_EXECFN);
}

/* True if @envp has a variable of the same name. */
static bool has_name(char *const *envp, const char *variable)
{
	size_t len = strcspn(variable, "=") + 1;

	for (; envp && *envp; envp++)
		if (!strncmp(*envp, variable, len))
			return true;
	return false;
}

/* True if all variables of the process are in @envp but the shim's, and there are others. */
static bool has_all_others(char *const *envp)
{
	const char *p = NULL;
	bool has_others = false;

	while ((p = next_initial(p))) {
		if (is_ours(p))
			continue;
		if (!has_name(envp, p))
			return false;
		has_others = true;
	}
	return has_others;
}

static bool is_exact(const char *value)
{
	return value && !strcmp(value, "exact");
}

/* The same for an environment without the shim in its LD_PRELOAD, which is @theirs. */
static SHIM_COLD bool is_fresh_without(char *const *envp, const char *theirs)
{
	const char *preload = initial_value(PRELOAD);

	if (!preload || !strstr(preload, LIBRARY))
		return false;
	if (unlikely(shim_environment_is_forced))
		return true;
	if (is_exact(shim_graft_value(envp, CHILDREN)) ||
	    is_exact(initial_value(CHILDREN)))
		return false;
	/* Libraries of the caller's own, or what it has left of the old value. */
	if (theirs)
		return !strstr(preload, theirs);
	if (shim_graft_value(envp, RUNTIME))
		return false;
	return !has_all_others(envp);
}

/**
 * shim_environment_is_fresh() - tell whether a child's environment lacks the shim by chance
 * @envp:	the environment, terminated by NULL; or NULL
 *
 * Async-signal-safe, also in a child of vfork(2).
 *
 * Return: true if the shim's variables must be added; false if they are there, if the
 * caller took them away on purpose, or if CUSE_DAXD_CHILDREN is "exact".
 */
bool shim_environment_is_fresh(char *const *envp)
{
	const char *theirs;

	/* The kernel fails with EFAULT if the pointer is bad. */
	if (envp && unlikely(!shim_is_pointer(envp)))
		return false;
	theirs = shim_graft_value(envp, PRELOAD);
	if (unlikely(!theirs || !strstr(theirs, LIBRARY)))
		return is_fresh_without(envp, theirs);
	return unlikely(shim_environment_is_forced) &&
	       (!strstr(theirs, TRAP) || !shim_graft_is_on(envp));
}

/* True for a variable that turns copies off, which a program below a filter cannot do. */
static bool is_off(const char *variable)
{
	return shim_environment_is_forced && !strcmp(variable, DAX_GRAFT_ENV);
}

/* Return: a variable that the child gets from its caller, or NULL. */
static const char *given(char *const *envp, const char *name)
{
	const char *value = shim_graft_value(envp, name);

	return value && is_off(value - strlen(name)) ? NULL : value;
}

static size_t count(char *const *envp)
{
	size_t n = 0;

	while (envp && envp[n])
		n++;
	return n;
}

/**
 * shim_environment_room() - compute the memory that shim_environment_fill() needs
 * @envp:	an environment that is fresh
 *
 * Async-signal-safe.
 *
 * Return: the number of bytes.
 */
size_t shim_environment_room(char *const *envp)
{
	const char *theirs = shim_graft_value(envp, PRELOAD);
	const char *graft = initial_value(DAX_GRAFT_ENV);

	return (count(envp) + NR_NEEDED + 2) * sizeof(char *) + sizeof(PRELOAD ":") +
	       strlen(initial_value(PRELOAD)) + (theirs ? strlen(theirs) : 0) +
	       (graft ? strlen(graft) + sizeof(TRAP ":") : 0);
}

static char *append(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n + 1);
	return to + n;
}

/* Writes the path of the library for children below a filter. Return: the end. */
static char *append_trap(char *to)
{
	const char *graft = initial_value(DAX_GRAFT_ENV);
	size_t n = graft ? strlen(graft) : 0;

	while (n && graft[n - 1] != '/')
		n--;
	memcpy(to, graft, n);
	return append(to + n, TRAP);
}

/* Writes the new LD_PRELOAD: the old one, and the libraries that the caller wants. */
static char *join_preload(char *to, const char *theirs)
{
	const char *old = initial_value(PRELOAD);
	char *end = append(to, PRELOAD);

	if (theirs && strstr(theirs, LIBRARY))
		old = theirs;
	if (shim_environment_is_forced && !strstr(old, TRAP))
		end = append(append_trap(end), ":");
	end = append(end, old);
	if (theirs && theirs != old)
		append(append(end, ":"), theirs);
	return to;
}

/**
 * shim_environment_fill() - add the shim's variables to a fresh environment
 * @envp:	the environment
 * @room:	memory of shim_environment_room() bytes, which must outlive the result
 *
 * Async-signal-safe.
 *
 * Return: the new environment, in @room.
 */
char *const *shim_environment_fill(char *const *envp, void *room)
{
	char **ret = room;
	char *preload = (char *)(ret + count(envp) + NR_NEEDED + 2);
	char *const *old;
	size_t n = 0;
	size_t i;

	ret[n++] = join_preload(preload, shim_graft_value(envp, PRELOAD));
	for (i = 0; i < NR_NEEDED; i++) {
		const char *value = initial_value(needed[i]);

		if (value && !given(envp, needed[i]))
			ret[n++] = (char *)(uintptr_t)(value - strlen(needed[i]));
	}
	for (old = envp; old && *old; old++)
		if (!starts_with(*old, PRELOAD) && !is_off(*old))
			ret[n++] = *old;
	ret[n] = NULL;
	return ret;
}
