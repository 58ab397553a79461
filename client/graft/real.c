/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that the shim's wrappers call, which are libc's in other programs: system
 * calls that set errno. A function that is not here is one that no system call leads to.
 */
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "client/shim/base/symbol.h"
#include "client/shim/base/sys.h"
#include "client/shim/wrap/syscall.h"
#include "client/graft/process.h"

#define PARAMETERS long a, long b, long c, long d, long e, long f

static long finish(long r)
{
	return sys_is_error(r) ? shim_syscall_failed(r) : r;
}

#define SAME(name)                                                                       \
	static long real_##name(PARAMETERS)                                              \
	{                                                                                \
		return finish(sys_call6(SYS_##name, a, b, c, d, e, f));                  \
	}
#define OTHER(name)
#include "client/graft/real.def"
#undef SAME
#undef OTHER

static long real_pread(PARAMETERS)
{
	return finish(sys_call6(SYS_pread64, a, b, c, d, e, f));
}

static long real_pwrite(PARAMETERS)
{
	return finish(sys_call6(SYS_pwrite64, a, b, c, d, e, f));
}

static long real_fstatat(PARAMETERS)
{
	return finish(sys_call6(SYS_newfstatat, a, b, c, d, e, f));
}

/* These have their offset in two arguments, the upper of which is not used. */
static long real_preadv(PARAMETERS)
{
	(void)e;
	(void)f;
	return finish(sys6(preadv, a, b, c, d, 0, 0));
}

static long real_pwritev(PARAMETERS)
{
	(void)e;
	(void)f;
	return finish(sys6(pwritev, a, b, c, d, 0, 0));
}

static long real_preadv2(PARAMETERS)
{
	(void)f;
	return finish(sys6(preadv2, a, b, c, d, 0, e));
}

static long real_pwritev2(PARAMETERS)
{
	(void)f;
	return finish(sys6(pwritev2, a, b, c, d, 0, e));
}

static long real_faccessat(PARAMETERS)
{
	(void)e;
	(void)f;
	return finish(d ? sys4(faccessat2, a, b, c, d) : sys3(faccessat, a, b, c));
}

static long real_fchmodat(PARAMETERS)
{
	(void)d;
	(void)e;
	(void)f;
	return finish(sys3(fchmodat, a, b, c));
}

static long real_pidfd_getfd(PARAMETERS)
{
	(void)d;
	(void)e;
	(void)f;
	return finish(sys_call6(438, a, b, c, 0, 0, 0));
}

static char *real_getcwd(char *buf, size_t size)
{
	return finish(sys2(getcwd, buf, size)) < 0 ? NULL : buf;
}

static const struct {
	const char *name;
	void *function;
} functions[] = {
#define SAME(name)  {#name, (void *)real_##name},
#define OTHER(name) {#name, (void *)real_##name},
#include "client/graft/real.def"
	{"pthread_atfork", (void *)graft_process_at_fork},
};

/* True if the names are equal, or @name has "64" at its end. */
static int is_name(const char *name, const char *plain)
{
	const size_t n = strlen(plain);

	return !strncmp(name, plain, n) && (!name[n] || !strcmp(name + n, "64"));
}

/* Instead of client/shim/base/symbol.c: finds what libc has under this name. */
void *shim_symbol_next(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (is_name(name, functions[i].name))
			return functions[i].function;
	return NULL;
}
