/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep the standard streams from a device that they are redirected to.
 *
 * libc reads and writes its streams inside libc, and only the handles of root's daemon
 * answer that with EINVAL: on others, a program would read the end of a file, and write
 * without an error. So while 0, 1 or 2 is a device, stdin, stdout or stderr is a stream
 * that answers as the device does (stream.c). libc's own stream then refuses everything
 * with EBADF, for who has kept a pointer to it, like C++'s cout.
 *
 * A shell redirects before exec, so the numbers are looked at when a program starts; or in
 * its own process, for its builtins, with dup2(2).
 */
#include "client/shim/wrap/standard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/libc.h"
#include "client/shim/base/real.h"
#include "client/shim/base/symbol.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/thread.h"
#include "client/shim/wrap/stream.h"
#include "client/shim/wrap/wrap.h"

#define NR_STANDARD (STDERR_FILENO + 1)
#define REFUSES     (SHIM_STREAM_NO_READS | SHIM_STREAM_NO_WRITES)

static struct standard {
	FILE *libcs; /* libc's stream while it is replaced, else NULL */
	int flags;   /* those of REFUSES that it had */
	FILE *ours;  /* NULL until it is needed, and after fclose(3) */
} standards[NR_STANDARD];

/* The variable behind stdin, stdout or stderr, which a program may set (stdout(3)). */
static FILE **variable_of(int fd)
{
	return fd == STDIN_FILENO ? &stdin : fd == STDOUT_FILENO ? &stdout : &stderr;
}

/* Called by fclose(3), which frees the stream. */
static int close_ours(void *cookie)
{
	standards[(intptr_t)cookie] = (struct standard){.libcs = NULL};
	return shim_stream_close(cookie);
}

static SHIM_COLD void replace(int fd)
{
	struct standard *s = &standards[fd];
	FILE **variable = variable_of(fd);

	/* musl's variables are constant; a child of vfork(2) has the parent's. */
	if (!shim_libc_is_gnu() || !shim_thread_is_of_libc() || !*variable)
		return;
	if (!s->ours) {
		s->ours = shim_stream_on(fd, fd == STDIN_FILENO ? "r" : "w", close_ours);
		if (!s->ours)
			return;
		if (fd == STDERR_FILENO)
			setvbuf(s->ours, NULL, _IONBF, 0);
	}
	s->libcs = *variable;
	s->flags = s->libcs->_flags & REFUSES;
	s->libcs->_flags |= REFUSES;
	*variable = s->ours;
}

static SHIM_COLD void restore(int fd)
{
	struct standard *s = &standards[fd];
	FILE **variable = variable_of(fd);

	if (!shim_thread_is_of_libc())
		return;
	s->libcs->_flags = (s->libcs->_flags & ~REFUSES) | s->flags;
	if (*variable == s->ours)
		*variable = s->libcs;
	s->libcs = NULL;
}

/**
 * shim_standard_look() - replace a standard stream if its number is a device, or restore it
 * @fd:	a number that has a new file; those above 2 do not matter
 */
void shim_standard_look(int fd)
{
	bool is_device;

	if (likely((unsigned int)fd >= NR_STANDARD))
		return;
	is_device = !shim_ident_is_other(fd) && shim_ident_fd(fd).kind == SHIM_NODE;
	if (unlikely(is_device && !standards[fd].libcs))
		replace(fd);
	else if (unlikely(!is_device && standards[fd].libcs))
		restore(fd);
}

/* The first function of a program; a constructor would come before libc is ready. */
SHIM_EXPORT int __libc_start_main(int (*program)(int, char **, char **), int argc,
				  char **argv, void (*init)(void), void (*fini)(void),
				  void (*rtld_fini)(void), void *stack_end)
{
	__typeof__(&__libc_start_main) next;
	struct stat st;
	int fd;

	/* Nothing is written here: each page that is costs every program a fault. */
	for (fd = 0; fd < NR_STANDARD; fd++)
		if (sys2(fstat, fd, &st) == 0 &&
		    unlikely(shim_ident_stat(&st).kind == SHIM_NODE))
			shim_standard_look(fd);
	next = (__typeof__(next))shim_symbol_next("__libc_start_main");
	return next(program, argc, argv, init, fini, rtld_fini, stack_end);
}
