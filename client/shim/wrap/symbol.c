/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap dlopen(3), dlsym(3) and dlvsym(3), for programs that take functions of libc from its
 * handle, and for libraries that are bound to libc past the shim.
 *
 * ctypes.CDLL("libc.so.6"), for example, finds libc's own functions, to which the devices
 * do not exist. A program that asks a handle for the function that a wrapper calls, gets
 * the wrapper. Functions of other libraries between the shim and libc stay what they are,
 * so that a wrapper of theirs that looks for libc's own function never gets one that calls
 * it again.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/rebind.h"
#include "client/shim/base/symbol.h"
#include "client/shim/wrap/wrap.h"

/*
 * RTLD_NEXT and, with dlmopen(3), RTLD_DEFAULT depend on the library that the call comes
 * from, which dlsym tells by its return address; dlopen searches that library's run path. So
 * the wrappers jump there.
 */
#if defined(__has_attribute) && __has_attribute(musttail)
#define JUMP_TO __attribute__((musttail)) return
#define MAY_JUMP
#else
#define JUMP_TO  return
#define MAY_JUMP __attribute__((optimize("O2"))) /* whatever the builder's flags are */
#endif

/* The function for who asked for @p by name. Preserves errno. */
static void *ours_for(void *p, const char *name)
{
	const int saved = errno;
	void *own = shim_symbol_own(name);

	if (own && shim_symbol_next(name) != p)
		own = NULL;
	errno = saved;
	return own ? own : p;
}

SHIM_EXPORT MAY_JUMP void *dlopen(const char *file, int flags)
{
	if (unlikely(flags & RTLD_DEEPBIND))
		shim_rebind_expect();
	JUMP_TO REAL(dlopen)(file, flags);
}

SHIM_EXPORT MAY_JUMP void *dlsym(void *handle, const char *name)
{
	shim_symbol_dlsym_fn *const next = shim_symbol_dlsym();
	void *p;

	if (unlikely(!next))
		return NULL;
	shim_rebind();
	if (likely(handle == RTLD_NEXT || handle == RTLD_DEFAULT))
		JUMP_TO next(handle, name);
	p = next(handle, name);
	return p ? ours_for(p, name) : NULL;
}

/* With a version, RTLD_DEFAULT passes over the shim, whose functions have none. */
SHIM_EXPORT MAY_JUMP void *dlvsym(void *handle, const char *name, const char *version)
{
	shim_symbol_dlvsym_fn *const next = shim_symbol_dlvsym();
	void *p;

	if (unlikely(!next))
		return NULL;
	shim_rebind();
	if (handle == RTLD_NEXT)
		JUMP_TO next(handle, name, version);
	p = next(handle, name, version);
	return p ? ours_for(p, name) : NULL;
}
