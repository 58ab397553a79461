/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment and the auxiliary vector, which the kernel has put on the program's stack.
 *
 * The variables for the copy are not the program's, and are taken away before it starts.
 */
#include "client/graft/initial.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "libcore/graft.h"

static char **environment;
static const Elf64_auxv_t *auxv;
static unsigned long execfn; /* the kernel's value of AT_EXECFN */
static const char *exe;

/**
 * graft_initial_exe() - get the path of the file that was copied
 *
 * Return: the path, or NULL if it is not known.
 */
const char *graft_initial_exe(void)
{
	return exe;
}

/**
 * graft_initial_environment() - get the environment that the program was started with
 *
 * Return: the variables, terminated by NULL. The program may have changed them.
 */
char *const *graft_initial_environment(void)
{
	return environment;
}

/**
 * graft_initial_value() - do what getauxval(3) does
 * @type:	AT_*
 *
 * Return: the kernel's value, or 0.
 */
unsigned long graft_initial_value(unsigned long type)
{
	const Elf64_auxv_t *a;

	if (type == AT_EXECFN)
		return execfn;
	for (a = auxv; a->a_type != AT_NULL; a++)
		if (a->a_type == type)
			return a->a_un.a_val;
	return 0;
}

static char *value_of(char *variable, const char *name)
{
	const size_t len = strlen(name);

	return strncmp(variable, name, len) ? NULL : variable + len;
}

/*
 * Removes the variables of the copy from the environment, and closes the gap: a program
 * finds the auxiliary vector behind the environment. Return: the vector.
 */
static Elf64_auxv_t *take_variables(char **envp, const char **ret_execfn)
{
	char **to = envp;
	Elf64_auxv_t *a;
	char **p;

	for (p = envp; *p; p++) {
		char *e = value_of(*p, DAX_GRAFT_EXE);
		char *f = value_of(*p, DAX_GRAFT_EXECFN);

		if (e)
			exe = e;
		else if (f)
			*ret_execfn = f;
		else
			*to++ = *p;
	}
	for (a = (Elf64_auxv_t *)(void *)(p + 1); a->a_type != AT_NULL; a++)
		;
	memmove(to, p, (size_t)((char *)(a + 1) - (char *)p));
	return (Elf64_auxv_t *)(void *)(to + 1);
}

/**
 * graft_initial_find() - find what is on the stack
 * @envp:	the environment, where the kernel has put it
 */
void graft_initial_find(char **envp)
{
	const Elf64_auxv_t *a;
	char **p = envp;

	environment = envp;
	while (*p)
		p++;
	a = (const Elf64_auxv_t *)(const void *)(p + 1);
	for (auxv = a; a->a_type != AT_NULL; a++)
		if (a->a_type == AT_EXECFN)
			execfn = a->a_un.a_val;
}

/**
 * graft_initial_take() - find what is on the stack, and make it the original's
 * @stack:		the stack pointer that the kernel has set
 * @ret_execfn:		receives the name that was executed, or NULL if it is not known
 *
 * Return: the first instruction of the program.
 */
void *graft_initial_take(long *stack, const char **ret_execfn)
{
	void *entry = NULL;
	Elf64_auxv_t *a;

	*ret_execfn = NULL;
	environment = (char **)(stack + *stack + 2);
	a = take_variables(environment, ret_execfn);
	auxv = a;
	for (; a->a_type != AT_NULL; a++) {
		if (a->a_type == AT_ENTRY) {
			entry = (void *)a->a_un.a_val;
		} else if (a->a_type == AT_BASE) {
			a->a_un.a_val = 0;
		} else if (a->a_type == AT_EXECFN) {
			execfn = a->a_un.a_val;
			if (*ret_execfn)
				a->a_un.a_val = (uintptr_t)*ret_execfn;
		}
	}
	return entry;
}
