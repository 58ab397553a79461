/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of a grafted program.
 *
 * The kernel has mapped the program and, as its interpreter, this file, and starts here
 * with the program's stack. The handler and the filter are installed, and the program
 * starts as if the kernel had started it.
 */
#include "client/graft/start.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "client/shim/base/sys.h"
#include "client/graft/begin.h"
#include "client/graft/initial.h"

extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

/* Adds the address at which this file lies to the pointers in it. Calls nothing. */
static inline void relocate(void)
{
	const Elf64_Rela *rela = NULL;
	size_t size = 0;
	const Elf64_Dyn *dyn;

	for (dyn = _DYNAMIC; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_RELA)
			rela = (const Elf64_Rela *)(void *)(__ehdr_start +
							    dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_RELASZ)
			size = dyn->d_un.d_val;
	}
	for (; size >= sizeof(*rela); size -= sizeof(*rela), rela++)
		if (ELF64_R_TYPE(rela->r_info) == R_X86_64_RELATIVE)
			*(uint64_t *)(void *)(__ehdr_start + rela->r_offset) =
				(uintptr_t)__ehdr_start + (uint64_t)rela->r_addend;
}

/* Gives the process the name that it would have. */
static void set_name(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	sys5(prctl, PR_SET_NAME, name, 0, 0, 0);
}

/**
 * graft_start() - prepare the program
 * @stack:	the stack pointer that the kernel has set
 *
 * Called from the assembly below.
 *
 * Return: the first instruction of the program.
 */
__attribute__((used)) void *graft_start(long *stack)
{
	const char *path;
	void *entry;

	relocate();
	entry = graft_initial_take(stack, &path);
	if (path)
		set_name(path);
	graft_begin(false);
	return entry;
}

/*
 * void graft_start_here(void) - where the kernel starts
 *
 * It enters a program with %rdx 0: there is no function to call at exit.
 */
__asm__(".pushsection .text\n"
	".globl graft_start_here\n"
	".hidden graft_start_here\n"
	".type graft_start_here, @function\n"
	"graft_start_here:\n"
	"	xorl	%ebp, %ebp\n"
	"	movq	%rsp, %rbx\n"
	"	movq	%rsp, %rdi\n"
	"	andq	$-16, %rsp\n"
	"	call	graft_start\n"
	"	movq	%rbx, %rsp\n"
	"	xorl	%edx, %edx\n"
	"	xorl	%ebx, %ebx\n"
	"	jmp	*%rax\n"
	".size graft_start_here, . - graft_start_here\n"
	".popsection\n");
